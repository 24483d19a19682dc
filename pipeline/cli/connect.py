"""Which lake a command speaks to: `--profile` or `--endpoint`, else AWS_ENDPOINT_URL, else this checkout's running
lake, else none. Never a default profile by accident."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from pipeline import settings
from pipeline.clients import client
from pipeline.errors import Misconfigured, Refused
from pipeline.local import state
from pipeline.settings import Settings, parameter_prefix
from pipeline.wiring import Lake

LOCAL_ENV = "local"
LOCAL_REGION = "eu-west-1"


class Where(Protocol):
    """A running embedded lake, whether or not anything is deployed to it."""

    @property
    def endpoint(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def env(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Embedded:
    """An embedded lake that was named by its endpoint."""

    endpoint: str
    region: str
    env: str


@dataclass
class Target:
    """What the command line's global options said."""

    profile: str | None = None
    endpoint: str | None = None
    region: str | None = None
    env: str | None = None
    _connected: Connected | None = field(default=None, repr=False)

    def connect(self) -> Connected:
        """The lake, with its names read from Parameter Store."""
        if self._connected is None:
            self._connected = self._connect()
        return self._connected

    def _connect(self) -> Connected:
        if self.profile and self.endpoint:
            raise Refused("--profile and --endpoint name two lakes", hint="Give one of them.")
        if not self.profile:
            lake = self.embedded()
            settings.use(endpoint=lake.endpoint, region=lake.region)
            return Connected(Lake(_settings(lake.env)), lake.env, lake.endpoint)
        if self.env is None:
            raise Refused("--profile names an account and not a lake in it", hint="Add --env.")
        settings.use(endpoint=None, region=self.region, profile=self.profile)
        return Connected(Lake(_settings(self.env)), self.env, None)

    def embedded(self) -> Where:
        """The embedded lake; `Refused` if none is named and none is running here."""
        if endpoint := self.endpoint or settings.endpoint():
            return Embedded(endpoint, self.region or LOCAL_REGION, self.env or LOCAL_ENV)
        lake = state.running(state.checkout())
        if lake is None:
            raise Refused(
                "no lake is running here",
                hint="Start one with `sluice up`, or name one with --endpoint or --profile and --env.",
            )
        return Embedded(lake.endpoint, self.region or lake.region, self.env or lake.env)


@dataclass(frozen=True)
class Connected:
    """A lake that answers. `endpoint` is None for AWS itself."""

    lake: Lake
    env: str
    endpoint: str | None

    @property
    def is_embedded(self) -> bool:
        return self.endpoint is not None


def _settings(env: str) -> Settings:
    from botocore.exceptions import BotoCoreError

    parameters: dict[str, str] = {}
    pages = client("ssm").get_paginator("get_parameters_by_path")
    try:
        for page in pages.paginate(Path=parameter_prefix(env), Recursive=False):
            parameters |= {p["Name"]: p["Value"] for p in page["Parameters"]}
    except BotoCoreError as error:
        raise Misconfigured(f"the lake does not answer: {error}", hint="Is it running? See `sluice up`.") from error
    if not parameters:
        raise Refused(f"no lake {env!r} is deployed there", hint="Check --env, --region, and the deployment.")
    return Settings.from_parameters(env, parameters)
