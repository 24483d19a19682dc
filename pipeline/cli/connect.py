"""Which lake a command connects to: `--profile` or `--endpoint`, else AWS_ENDPOINT_URL, else this checkout's running
lake, else none. Never a default profile by accident."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, Self

from pipeline.cli.embedded import prove
from pipeline.core import settings
from pipeline.core.checkout import checkout
from pipeline.core.errors import Misconfigured, Refused, WrongUsage
from pipeline.core.lake_key import LakeKey
from pipeline.emulator import state
from pipeline.operate.connection import Connected, connect


class Where(Protocol):
    """A running embedded lake, whether or not anything is deployed to it."""

    @property
    def endpoint(self) -> str:
        """Its URL."""
        ...

    @property
    def region(self) -> str:
        """Its AWS region."""
        ...

    @property
    def env(self) -> str:
        """The name of its environment."""
        ...

    @property
    def key(self) -> LakeKey | None:
        """Its access key; None if only the environment can have it."""
        ...


@dataclass(frozen=True, slots=True)
class Embedded:
    """An embedded lake that was named by its endpoint."""

    endpoint: str
    region: str
    env: str
    key: LakeKey | None
    """None if only the environment can have it."""


@dataclass(frozen=True, slots=True)
class Reached:
    """The account or embedded AWS that clients are connected to, and a lake there, which need not be deployed yet."""

    env: str
    is_embedded: bool


@dataclass
class Target:
    """The command line's global options."""

    profile: str | None = None
    endpoint: str | None = None
    region: str | None = None
    env: str | None = None
    key: LakeKey | None = None
    _connected: Connected | None = field(default=None, repr=False)

    @classmethod
    def of(cls, lake: Where) -> Self:
        """The target of a running embedded lake."""
        return cls(endpoint=lake.endpoint, region=lake.region, env=lake.env, key=lake.key)

    def connect(self) -> Connected:
        """The lake, with its names read from Parameter Store; connects at the first call."""
        if self._connected is None:
            self._connected = self._connect()
        return self._connected

    def _connect(self) -> Connected:
        if (env := self._on_aws()) is not None:
            return connect(env, endpoint=None, region=self.region, profile=self.profile)
        lake = self.embedded()
        return connect(lake.env, endpoint=lake.endpoint, region=lake.region, key=lake.key)

    def reach(self) -> Reached:
        """Connect this process's clients to the account or embedded AWS; the lake need not be deployed yet."""
        if (env := self._on_aws()) is not None:
            settings.use(endpoint=None, region=self.region, profile=self.profile)
            return Reached(env, is_embedded=False)
        lake = self.embedded()
        settings.use(endpoint=lake.endpoint, region=lake.region, key=lake.key)
        return Reached(lake.env, is_embedded=True)

    def _on_aws(self) -> str | None:
        """The lake's environment if a profile is named; None for an embedded lake."""
        if not self.profile:
            return None
        if self.endpoint:
            raise WrongUsage("--profile and --endpoint name two lakes", hint="Give one of them.")
        if self.env is None:
            raise WrongUsage("--profile names an account and not a lake in it", hint="Add --env.")
        return self.env

    def embedded(self) -> Where:
        """The embedded lake: the named one, or this checkout's; `Refused` if there is none."""
        if endpoint := self.endpoint or settings.endpoint():
            return self._named(endpoint)
        lake = state.running(checkout())
        if lake is None:
            raise Refused(
                "no lake is running here",
                hint="Start one with `sluice up`, or name one with --endpoint or --profile and --env.",
            )
        return Embedded(lake.endpoint, self.region or lake.region, self.env or lake.env, lake.key)

    def _named(self, endpoint: str) -> Embedded:
        """The embedded lake at an endpoint, which must prove that it has the lake's key."""
        lake = Embedded(endpoint, self.region or state.REGION, self.env or state.ENV, self.key or _key_of(endpoint))
        settings.use(endpoint=lake.endpoint, region=lake.region, key=lake.key)
        if signing := settings.lake_key():
            prove(lake.endpoint, signing)
        return lake


def _key_of(endpoint: str) -> LakeKey | None:
    """The key of this checkout's lake, if that is the lake at `endpoint`."""
    try:
        lake = state.running(checkout())
    except Misconfigured:
        return None
    return lake.key if lake and lake.endpoint == endpoint.rstrip("/") else None
