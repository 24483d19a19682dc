"""Settings of an environment: what differs between dev, test and production, kept in Parameter Store.

One table says each setting's name, type, bounds and the stack parameter that it feeds. No command line here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from pipeline.core.errors import BadInput
from pipeline.core.settings import parameter_prefix
from pipeline.deploy.glue_versions import ALL, GLUE_5_1, OFFERED

ROUTE_TIMEOUT_S = 60
"""Seconds that one call of the routing function may take; `RouteFunction` of stage_a.yaml says the same."""

NO_WINDOW_ABOVE = 10
"""Lambda takes a batch size above this from SQS only with a batching window of at least a second."""


class Source(StrEnum):
    """Where a value comes from."""

    STORED = "Parameter Store"
    DEFAULT = "default"
    LAPTOP = "default of the embedded lake"


@dataclass(frozen=True, slots=True)
class EnvironmentSetting:
    """One setting. Values are text, as Parameter Store and CloudFormation keep them.

    It is a whole number if it has bounds, one of `choices` if it has those, else text that matches `pattern`, of
    which `form` tells people.
    `laptop` is the default of an embedded lake where that differs; `never_on_laptop`
    says why it cannot be set there. Parameter Store keeps no empty text: a setting
    whose default is empty is switched off by unsetting it.
    """

    name: str
    parameter: str
    default: str
    meaning: str
    at_least: int | None = None
    at_most: int | None = None
    choices: tuple[str, ...] = ()
    pattern: str = ""
    form: str = ""
    unit: str = ""
    laptop: str | None = None
    never_on_laptop: str = ""
    refusals: Mapping[str, str] = field(default_factory=dict)
    """Why values that somebody may want are not among `choices`."""

    @property
    def allowed(self) -> str:
        """What it may be, in words."""
        unit = f" ({self.unit})" if self.unit else ""
        if self.at_least is not None:
            return f"a whole number from {self.at_least} to {self.at_most}{unit}"
        return f"one of {', '.join(self.choices)}{unit}" if self.choices else self.form

    def accepts(self, value: str) -> bool:
        """Whether `value` is allowed."""
        if self.at_least is not None and self.at_most is not None:
            return re.fullmatch(r"0|[1-9][0-9]{0,8}", value) is not None and self.at_least <= int(value) <= self.at_most
        return value in self.choices if self.choices else re.fullmatch(self.pattern, value) is not None

    def default_for(self, *, laptop: bool) -> tuple[str, Source]:
        """What it is where nobody set it."""
        if laptop and self.laptop is not None:
            return self.laptop, Source.LAPTOP
        return self.default, Source.DEFAULT


SETTINGS: Mapping[str, EnvironmentSetting] = MappingProxyType(
    {
        setting.name: setting
        for setting in (
            EnvironmentSetting(
                "alarm-email",
                "AlarmEmail",
                "",
                "who is told of alarms; AWS sends the address a link to confirm first",
                pattern=r"[^@\s,]+@[^@\s,]+\.[^@\s,]+",
                form="one e-mail address; unset it for none",
                never_on_laptop="the embedded AWS sends no mail",
            ),
            EnvironmentSetting(
                "api-authorization",
                "ApiAuthorization",
                "key",
                "what a request of the forecasts' API needs: its key, or a signature of IAM, too",
                choices=("key", "iam"),
            ),
            EnvironmentSetting(
                "api-requests-at-once",
                "ApiRequestsAtOnce",
                "100",
                "how many requests beyond api-requests-per-second the forecasts' API takes in a burst",
                at_least=1,
                at_most=5000,
                unit="requests",
            ),
            EnvironmentSetting(
                "api-requests-per-day",
                "ApiRequestsPerDay",
                "100000",
                "how many requests a day the key of the forecasts' API has",
                at_least=1,
                at_most=100_000_000,
                unit="requests",
            ),
            EnvironmentSetting(
                "api-requests-per-second",
                "ApiRequestsPerSecond",
                "50",
                "how many requests a second the forecasts' API takes",
                at_least=1,
                at_most=10_000,
                unit="requests",
            ),
            EnvironmentSetting(
                "batch-history-days",
                "BatchHistoryDays",
                "365",
                "how long it is remembered what became of a batch, once nothing of it is left to act on",
                at_least=30,
                at_most=3650,
                unit="days",
            ),
            EnvironmentSetting(
                "big-file-mb",
                "BigFileMb",
                "1024",
                "the size above which a raw object is staged by a run of a Glue job, and not by a function",
                at_least=1,
                at_most=4096,
                unit="MiB",
            ),
            EnvironmentSetting(
                "flows",
                "Flows",
                "",
                "the flows that are deployed beside the lake",
                pattern="[a-z][a-z0-9_]*(,[a-z][a-z0-9_]*)*",
                form="names with commas between them, such as feeds; unset it for none",
            ),
            EnvironmentSetting(
                "glue-concurrent-runs",
                "GlueConcurrentRuns",
                "50",
                "how many runs of one Glue job go on at once; more wait for their turn",
                at_least=1,
                at_most=1000,
                unit="runs",
            ),
            EnvironmentSetting(
                "glue-version",
                "GlueVersion",
                GLUE_5_1.name,
                "the version of Glue that the jobs run on",
                choices=OFFERED,
                refusals={name: each.obstacle for name, each in ALL.items() if each.obstacle},
            ),
            EnvironmentSetting(
                "glue-worker-type",
                "GlueWorkerType",
                "G.1X",
                "the size of a worker of the Glue jobs",
                choices=("G.1X", "G.2X", "G.4X", "G.8X"),
            ),
            EnvironmentSetting(
                "glue-workers",
                "GlueWorkers",
                "2",
                "how many workers a run of a Glue job has; one of them is the driver",
                at_least=2,
                at_most=299,
                unit="workers",
            ),
            EnvironmentSetting(
                "lake-formation",
                "LakeFormation",
                "off",
                "whether Lake Formation guards the tables: the stacks register the curated bucket and grant what the "
                "lake needs",
                choices=("off", "on"),
            ),
            EnvironmentSetting(
                "log-authority",
                "LogAuthority",
                "",
                "certificates of the authority that the log endpoint is trusted by, instead of those of the system",
                pattern=r"(?=[\s\S]{1,3000}\Z)(\s*-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+"
                r"-----END CERTIFICATE-----)+\s*",
                form="up to 3,000 characters of PEM; unset it for the system's",
            ),
            EnvironmentSetting(
                "log-endpoint",
                "LogEndpoint",
                "",
                "where log events are forwarded to (docs/log-forwarding.md)",
                pattern=r"(?=.{1,500}\Z)https://[!-~]+",
                form="an https:// URL of up to 500 characters; unset it for nowhere",
            ),
            EnvironmentSetting(
                "log-headers",
                "LogHeaders",
                "",
                "the secret whose headers are sent to the log endpoint, such as its authorization",
                pattern=r"arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+",
                form="the ARN of a secret of Secrets Manager; unset it for none",
            ),
            EnvironmentSetting(
                "log-retention-days",
                "LogRetentionDays",
                "30",
                "how long the logs of functions and state machines are kept",
                # What CloudWatch Logs takes (PutRetentionPolicy).
                choices=("1", "3", "5", "7", "14", "30", "60", "90", "120", "150", "180", "365", "400", "545", "731",
                         "1096", "1827", "2192", "2557", "2922", "3288", "3653"),
                unit="days",
            ),
            EnvironmentSetting(
                "pandas-layer",
                "PandasLayer",
                "",
                "AWS's layer of its SDK for pandas in the environment's region, which tables of Parquet files need",
                pattern=r"arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:layer:[A-Za-z0-9_-]+:[0-9]+",
                form="the ARN of AWSSDKPandas-Python312; unset it for none",
                never_on_laptop="the embedded lake has the library itself",
            ),
            EnvironmentSetting(
                "quarantine-days",
                "QuarantineDays",
                "365",
                "how long the files of bad rows are kept",
                at_least=30,
                at_most=3650,
                unit="days",
            ),
            EnvironmentSetting(
                "route-batch-size",
                "RouteBatchSize",
                "100",
                "how many raw events one call of the routing function takes at most",
                at_least=1,
                at_most=1000,
                unit="messages",
                # Nobody waits for a fuller batch of events on a laptop.
                laptop="10",
            ),
            EnvironmentSetting(
                "route-batching-window",
                "RouteBatchingWindow",
                "5",
                "how long raw events are gathered for a fuller batch",
                at_least=0,
                at_most=300,
                unit="seconds",
                laptop="0",
            ),
            EnvironmentSetting(
                "route-concurrency",
                "RouteMaximumConcurrency",
                "10",
                "how many calls of the routing function run at once",
                at_least=2,
                at_most=1000,
                unit="calls",
            ),
            EnvironmentSetting(
                "staging-days",
                "StagingDays",
                "30",
                "how long staged files and batches' manifests are kept",
                at_least=14,
                at_most=3650,
                unit="days",
            ),
            EnvironmentSetting(
                "transform-concurrency",
                "TransformConcurrency",
                "",
                "how many objects Stage A transforms at once; the account's concurrency is reserved for as many",
                pattern="[1-9][0-9]{0,3}",
                form="a whole number from 1 to 9999; unset it for what the account has left",
            ),
        )
    }
)  # fmt: skip
"""By name, in the order of names."""


@dataclass(frozen=True, slots=True)
class Value:
    """A setting's value in one environment."""

    setting: EnvironmentSetting
    value: str
    source: Source


def path_of(env: str, name: str = "") -> str:
    """Where a setting stands in Parameter Store, or with no name, where all do."""
    return f"{parameter_prefix(env)}settings/{name}"


def stored(ssm: Any, env: str) -> dict[str, str]:
    """What is set for `env`, by name, also what is wrong. Needs `ssm:GetParametersByPath` on `path_of(env)`."""
    found: dict[str, str] = {}
    for page in ssm.get_paginator("get_parameters_by_path").paginate(Path=path_of(env), Recursive=True):
        found |= {p["Name"].removeprefix(path_of(env)): p["Value"] for p in page["Parameters"]}
    return found


def values(given: Mapping[str, str], *, laptop: bool = False) -> list[Value]:
    """The value of every setting, where `given` is what is set; names and values are not checked."""
    found = []
    for name, setting in SETTINGS.items():
        default, source = setting.default_for(laptop=laptop)
        found.append(Value(setting, given.get(name, default), Source.STORED if name in given else source))
    return found


def problems(given: Mapping[str, str], env: str, *, laptop: bool = False) -> list[str]:
    """What is wrong with what is set, a sentence each: what, where, and what is allowed."""
    return list(_problems(given, lambda name: path_of(env, name), laptop))


def stack_parameters(given: Mapping[str, str], env: str, *, laptop: bool = False) -> dict[str, str]:
    """The parameters of the lake's stacks for a deployment to `env`, where `given` is what is set.

    `BadInput` with every unknown name and wrong value: a deployment does not pass over what it does not understand.
    """
    if wrong := problems(given, env, laptop=laptop):
        hint = "Mend it with `sluice settings set NAME VALUE` or `sluice settings unset NAME`."
        raise BadInput("\n".join(wrong), hint=hint)
    found = {value.setting.parameter: value.value for value in values(given, laptop=laptop)}
    return found | {"RawVisibilityTimeout": str(raw_visibility_s(int(found["RouteBatchingWindow"])))}


def raw_visibility_s(batching_window_s: int) -> int:
    """How long the raw queue hides a message: six times the function's time-out, and the window on top.

    So AWS asks of a queue that a function reads (Lambda developer guide, Using Lambda with Amazon SQS).
    """
    return 6 * ROUTE_TIMEOUT_S + batching_window_s


def put(ssm: Any, env: str, name: str, value: str, *, laptop: bool = False) -> None:
    """Set one setting; `BadInput` for a name or a value, or what it makes of the others, that is not allowed."""
    _check_change(ssm, env, lambda given: given | {name: value}, laptop)
    ssm.put_parameter(
        Name=path_of(env, name), Value=value, Type="String", Overwrite=True, Description=SETTINGS[name].meaning
    )


def remove(ssm: Any, env: str, name: str, *, laptop: bool = False) -> bool:
    """Unset one setting, also one that is not known; False if it was not set. `BadInput` as `put`."""
    given = _check_change(ssm, env, lambda given: {k: v for k, v in given.items() if k != name}, laptop)
    if name not in given:
        if name not in SETTINGS:
            raise BadInput(f"{name}: {_unknown(name)}")
        return False
    ssm.delete_parameter(Name=path_of(env, name))
    return True


def _check_change(
    ssm: Any, env: str, change: Callable[[dict[str, str]], dict[str, str]], laptop: bool
) -> dict[str, str]:
    """What is set before the change. Only what the change itself makes wrong is refused, so that it can mend."""
    before = stored(ssm, env)
    known = set(problems(before, env, laptop=laptop))
    wrong = [each for each in problems(change(before), env, laptop=laptop) if each not in known]
    if wrong:
        raise BadInput("\n".join(wrong), hint="`sluice settings` lists what there is.")
    return before


def _problems(given: Mapping[str, str], where: Callable[[str], str], laptop: bool) -> Iterator[str]:
    for name, value in sorted(given.items()):
        if name not in SETTINGS:
            yield f"{where(name)}: {_unknown(name)}"
        elif not SETTINGS[name].accepts(value):
            why = f": {refusal}" if (refusal := SETTINGS[name].refusals.get(value)) else ""
            yield f"{where(name)}: {value!r} is not allowed{why}; it is {SETTINGS[name].allowed}"
        elif laptop and SETTINGS[name].never_on_laptop:
            yield f"{where(name)}: cannot be set for an embedded lake: {SETTINGS[name].never_on_laptop}"
    found = {value.setting.name: value.value for value in values(given, laptop=laptop)}
    size, window = found["route-batch-size"], found["route-batching-window"]
    each_is_right = all(SETTINGS[name].accepts(found[name]) for name in ("route-batch-size", "route-batching-window"))
    if each_is_right and int(size) > NO_WINDOW_ABOVE and int(window) == 0:
        yield (
            f"{where('route-batching-window')}: 0 is not allowed with a route-batch-size of {size}; "
            f"from 1, or a route-batch-size of at most {NO_WINDOW_ABOVE}"
        )


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, SETTINGS, n=1)
    return f"there is no such setting; {f'is {near[0]} meant?' if near else 'there are ' + ', '.join(SETTINGS)}"
