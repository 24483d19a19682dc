"""The names of deployed resources in the environment and in Parameter Store, and where AWS clients go.

Which resources there are is each flow's own: an enum of `FlowSetting`, such as `pipeline.lake.settings.Setting`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum

from pipeline.core.errors import Misconfigured
from pipeline.core.lake_key import ID, SECRET, LakeKey

KEY_HINT = 'Where that lake was started, `sluice env` prints it: eval "$(sluice env)".'


class FlowSetting(StrEnum):
    """A deployed resource of a flow; each flow has an enum of its own, in its `settings` module.

    The value `raw-bucket` is `RAW_BUCKET` in a function's environment, and in Parameter Store
    `/sluice/<env>/raw-bucket`.
    """

    @property
    def variable(self) -> str:
        """The name of its environment variable."""
        return self.value.upper().replace("-", "_")

    def parameter(self, env: str) -> str:
        """Its name in Parameter Store."""
        return f"{parameter_prefix(env)}{self.value}"


def parameter_prefix(env: str) -> str:
    """The path under which Parameter Store has the names of an environment."""
    return f"/sluice/{env}/"


class Settings:
    """The resources that a process knows, by `FlowSetting`; `Misconfigured` for one that is missing."""

    def __init__(self, values: Mapping[str, str], source: str) -> None:
        """`values` by the name of the setting, or of what stacks publish (`machines/<name>`)."""
        self._values = dict(values)
        self._source = source

    def __getitem__(self, setting: FlowSetting) -> str:
        try:
            return self._values[setting]
        except KeyError:
            raise Misconfigured(f"{setting.variable} is not set in {self._source}") from None

    def get(self, setting: FlowSetting) -> str | None:
        """A resource that need not be there; None if it is not."""
        return self._values.get(setting)

    def published(self, kind: str) -> dict[str, str]:
        """What stacks publish below `<kind>/`, by name; empty for a process that has them from its environment."""
        prefix = f"{kind}/"
        below = ((name, value) for name, value in sorted(self._values.items()) if name.startswith(prefix))
        return {name.removeprefix(prefix): value for name, value in below}

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """From environment variables, as a function on Lambda has them."""
        environ = os.environ if environ is None else environ
        return cls({name.lower().replace("_", "-"): value for name, value in environ.items()}, "the environment")

    @classmethod
    def from_parameters(cls, env: str, parameters: Mapping[str, str]) -> Settings:
        """From Parameter Store, as the command line reads them: `parameters` maps Parameter Store names to values."""
        prefix = parameter_prefix(env)
        known = {name.removeprefix(prefix): value for name, value in parameters.items() if name.startswith(prefix)}
        return cls(known, f"Parameter Store under {prefix}")


def endpoint() -> str | None:
    """AWS_ENDPOINT_URL, for the libraries that ignore it (pyarrow, PyIceberg)."""
    return os.environ.get("AWS_ENDPOINT_URL") or None


def lake_key() -> LakeKey | None:
    """The key of the embedded lake with which this process signs; None if it signs with another key, or none."""
    return LakeKey.of(os.environ)


def profile() -> str | None:
    """The profile whose credentials this process signs with; None if it uses others."""
    return os.environ.get("AWS_PROFILE") or None


def metrics_namespace() -> str | None:
    """The CloudWatch namespace of a function's metrics, `<lake>/<env>`; None in other processes."""
    return os.environ.get("METRICS_NAMESPACE") or None


def running_handler() -> str | None:
    """The `module.function` that Lambda runs in this process; None elsewhere."""
    return os.environ.get("_HANDLER") or None


def region() -> str:
    """The region of this process, from the environment as AWS SDKs read it; `Misconfigured` if there is none."""
    name = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not name:
        raise Misconfigured("no AWS region", hint="Set AWS_REGION.")
    return name


def client_variables() -> tuple[str, ...]:
    """The environment variables that decide the endpoint and the credentials of AWS SDKs.

    All are listed because SDKs prefer credentials to a profile, AWS_DEFAULT_PROFILE to AWS_PROFILE, and the endpoint of
    one service (of these, the ones that are set) to that of all.
    """
    services = sorted(name for name in os.environ if name.startswith("AWS_ENDPOINT_URL_"))
    profiles = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
    return ("AWS_ENDPOINT_URL", *profiles, ID, SECRET, "AWS_SESSION_TOKEN", *services)


def use(*, endpoint: str | None, region: str | None, profile: str | None = None, key: LakeKey | None = None) -> None:
    """Point every AWS client of this process at one account or embedded lake, before the first client is made.

    An endpoint is that of an embedded lake. Calls are signed with its `key`, or the key of a lake in the environment;
    `Misconfigured` without one, so that a user's own credentials are never sent to it. Without `region`, the one of the
    environment or else of the profile is used, and set for all: boto3 reads AWS_DEFAULT_REGION, others AWS_REGION.
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
        for name in client_variables():
            os.environ.pop(name, None)
    os.environ.update(place)


def _region_of(profile: str | None) -> str | None:
    """The region of a profile, or None."""
    if not profile:
        return None
    from botocore.session import Session

    name: str | None = Session(profile=profile).get_scoped_config().get("region")
    return name
