"""A lake from outside: found by its environment, its names read from Parameter Store."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.core import settings
from pipeline.core.clients import client
from pipeline.core.errors import Misconfigured, Refused
from pipeline.core.lake_key import LakeKey
from pipeline.core.settings import Settings, parameter_prefix
from pipeline.lake.services import Lake


@dataclass(frozen=True)
class Connected:
    """A lake that answers. `endpoint` is None for AWS itself."""

    lake: Lake
    env: str
    endpoint: str | None

    @property
    def is_embedded(self) -> bool:
        """Whether the lake is an embedded one."""
        return self.endpoint is not None


def connect(
    env: str, *, endpoint: str | None, region: str | None, profile: str | None = None, key: LakeKey | None = None
) -> Connected:
    """The lake `env` behind an embedded AWS's endpoint, or on AWS with a profile.

    `Misconfigured` if nothing answers there; `Refused` if no such lake is deployed.
    """
    settings.use(endpoint=endpoint, region=region, profile=profile, key=key)
    return Connected(Lake(_settings(env)), env, endpoint)


def _settings(env: str) -> Settings:
    from botocore.exceptions import BotoCoreError

    parameters: dict[str, str] = {}
    pages = client("ssm").get_paginator("get_parameters_by_path")
    try:
        for page in pages.paginate(Path=parameter_prefix(env), Recursive=True):
            parameters |= {p["Name"]: p["Value"] for p in page["Parameters"]}
    except BotoCoreError as error:
        raise Misconfigured(f"the lake does not answer: {error}", hint="Is it running? See `sluice up`.") from error
    if not parameters:
        raise Refused(f"no lake {env!r} is deployed there", hint="Check --env, --region, and the deployment.")
    return Settings.from_parameters(env, parameters)
