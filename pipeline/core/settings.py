"""How processes are told of the deployed parts, and the place where their AWS clients go.

Which parts there are is each flow's own: an enum of `FlowSetting`, such as `pipeline.lake.settings.Setting`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum

from pipeline.core.errors import Misconfigured
from pipeline.core.lake_key import ID, SECRET, LakeKey

KEY_HINT = 'Where that lake was started, `sluice env` prints it: eval "$(sluice env)".'


class FlowSetting(StrEnum):
    """One deployed part that a flow is told of; each flow has an enum of its own, in its `settings` module.

    The value `raw-bucket` is `RAW_BUCKET` in a function's environment, and in Parameter Store
    `/sluice/<env>/raw-bucket`.
    """

    @property
    def variable(self) -> str:
        return self.value.upper().replace("-", "_")

    def parameter(self, env: str) -> str:
        return f"{parameter_prefix(env)}{self.value}"


def parameter_prefix(env: str) -> str:
    return f"/sluice/{env}/"


class Settings:
    """What a process was told of the deployed parts. Asking for one that it was not told of is `Misconfigured`."""

    def __init__(self, values: Mapping[str, str], source: str) -> None:
        """`values` by the name of the setting, or of what stacks publish (`machines/<name>`)."""
        self._values = dict(values)
        self._source = source

    def __getitem__(self, setting: FlowSetting) -> str:
        try:
            return self._values[setting]
        except KeyError:
            raise Misconfigured(f"{setting.variable} is not set in {self._source}") from None

    def published(self, kind: str) -> dict[str, str]:
        """What stacks publish below `<kind>/`, by name; empty for a process that was told by its environment."""
        prefix = f"{kind}/"
        found = {name.removeprefix(prefix): value for name, value in self._values.items() if name.startswith(prefix)}
        return {name: found[name] for name in sorted(found)}

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """As a function on Lambda gets them."""
        environ = os.environ if environ is None else environ
        return cls({name.lower().replace("_", "-"): value for name, value in environ.items()}, "the environment")

    @classmethod
    def from_parameters(cls, env: str, parameters: Mapping[str, str]) -> Settings:
        """As the command line finds them: `parameters` maps Parameter Store names to values."""
        prefix = parameter_prefix(env)
        known = {name.removeprefix(prefix): value for name, value in parameters.items() if name.startswith(prefix)}
        return cls(known, f"Parameter Store under {prefix}")


def endpoint() -> str | None:
    """The endpoint that any AWS SDK program honours, for the libraries that do not (pyarrow, PyIceberg)."""
    return os.environ.get("AWS_ENDPOINT_URL") or None


def lake_key() -> LakeKey | None:
    """The key of an embedded lake that this process signs with; None if it signs with another, or none."""
    return LakeKey.of(os.environ)


def profile() -> str | None:
    """The profile by which this process signs its calls; None if it has credentials of another kind."""
    return os.environ.get("AWS_PROFILE") or None


def metrics_namespace() -> str | None:
    """Where a function's metrics belong, `<lake>/<env>`; no other process has one."""
    return os.environ.get("METRICS_NAMESPACE") or None


def running_handler() -> str | None:
    """The `module.function` that Lambda runs in this process."""
    return os.environ.get("_HANDLER") or None


def region() -> str:
    """The region of this process, as every AWS SDK finds it in the environment."""
    found = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not found:
        raise Misconfigured("no AWS region", hint="Set AWS_REGION.")
    return found


def deciding() -> tuple[str, ...]:
    """The variables by which AWS's SDKs find where to go and who they are there. They prefer credentials to a profile,
    AWS_DEFAULT_PROFILE to AWS_PROFILE, and the address of one service, of which those are named that are set, to that
    of all.
    """
    services = sorted(name for name in os.environ if name.startswith("AWS_ENDPOINT_URL_"))
    profiles = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
    return ("AWS_ENDPOINT_URL", *profiles, ID, SECRET, "AWS_SESSION_TOKEN", *services)


def use(*, endpoint: str | None, region: str | None, profile: str | None = None, key: LakeKey | None = None) -> None:
    """Point every AWS client of this process at one place; for the command line, before the first client is made.

    An endpoint is an embedded lake: its `key` signs every call, else the one that the environment has of it.
    `Misconfigured` without one, so that nobody's own credentials ever sign for it. Without a `region` it is the one
    that the environment names, else the profile: boto3 asks AWS_DEFAULT_REGION and the profile, others AWS_REGION.
    """
    if endpoint and (key := key or lake_key()) is None:
        raise Misconfigured(f"the key of the lake at {endpoint} is not known", hint=KEY_HINT)
    region = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or _region_of(profile)
    if region:
        os.environ["AWS_REGION"] = os.environ["AWS_DEFAULT_REGION"] = region
    place = {"AWS_PROFILE": profile} if profile else {}
    if endpoint and key:
        place = {"AWS_ENDPOINT_URL": endpoint, **key.variables()}
    if place:
        for name in deciding():
            os.environ.pop(name, None)
    os.environ.update(place)


def _region_of(profile: str | None) -> str | None:
    """The region that a profile names, if it names any."""
    if not profile:
        return None
    from botocore.session import Session

    found: str | None = Session(profile=profile).get_scoped_config().get("region")
    return found
