"""The parts of every flow by name, as its stacks publish them in Parameter Store. A new flow is in no list here.

| parameter under `/sluice/<env>/` | value |
|---|---|
| `machines/<name>` | JSON: `arn`, and `on_failure`, the function that is invoked when an execution ends badly |
| `functions/<name>` | the ARN by which the function is invoked |
| `jobs/<name>` | the name of the Glue job |
| `queues/<name>` | the queue's URL |
| `dead-letters/<name>` | JSON: `url`; `function`, which could not handle the messages; `queue`, from which they came |

Names are those by which people ask. Dead letters without a `queue` are failed invocations of their function.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from pipeline.core.clients import client
from pipeline.core.errors import Misconfigured
from pipeline.core.settings import Settings
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting

STAGE_A, STAGE_B = "a", "b"
"""The short names of the lake's own machines: the executions of one carry objects, those of the other a batch."""
RAW = "raw"
"""The queue of raw events, and their dead-letter queue."""
_PUBLISHED = "Correct the stack of its flow and deploy it: what it has to say is in pipeline/operate/flows.py."
_SHORT = {"stage-a": STAGE_A, "stage-b": STAGE_B}
_TITLES = {STAGE_A: "Stage A", STAGE_B: "Stage B"}


@dataclass(frozen=True, slots=True)
class Machine:
    """A state machine of a flow. `on_failure` is the function that handles an execution that ended badly."""

    name: str
    arn: str
    on_failure: str | None = None


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """A dead-letter queue, of a flow or of a dataset.

    `function` could not handle its messages, which go back to `queue`, by its URL; where that is None, they are
    invocations that failed, and the function `invoked` by this ARN gets them again.
    """

    name: str
    url: str
    function: str
    queue: str | None
    invoked: str

    @property
    def source(self) -> str:
        """Where the messages came from: a queue's URL, or what a function is invoked by."""
        return self.queue or self.invoked


@dataclass(frozen=True, slots=True)
class Flows:
    """What the flows of a lake have, each part by its name."""

    machines: Mapping[str, Machine]
    functions: Mapping[str, str]
    jobs: Mapping[str, str]
    queues: Mapping[str, str]
    dead_letters: Mapping[str, DeadLetters]

    def function_named(self, arn: str) -> str | None:
        """The name of the function that an ARN or a function's name means, whatever its version or alias."""
        plain = _plain(arn)
        return next((name for name, each in self.functions.items() if _plain(each) == plain), None)


def flows_of(lake: Lake) -> Flows:
    """What is published of the flows; `Misconfigured` where a parameter is not as it has to be."""
    settings = lake.settings
    machines = {_SHORT.get(name, name): _machine(settings, name) for name in settings.published("machines")}
    # Of stacks that publish nothing yet, and of those that are being updated: parameters come one after the other.
    older = _of_older_stacks(settings)
    functions = {**older.functions, **settings.published("functions")}
    queues = {**older.queues, **settings.published("queues")}
    dead = {
        name: _dead_letters(settings, name, functions, queues)
        for name in settings.published("dead-letters")
        if name not in older.dead_letters or _is_published(_facts(settings, "dead-letters", name), functions, queues)
    }
    return Flows(
        machines={**older.machines, **machines},
        functions=functions,
        jobs={**older.jobs, **settings.published("jobs")},
        queues=queues,
        dead_letters={**older.dead_letters, **dead},
    )


def title_of(machine: str) -> str:
    """What pages call a machine."""
    return _TITLES.get(machine, machine)


@lru_cache(maxsize=64)
def log_name(env: str, function: str) -> str | None:
    """The name under which the logs of a function are looked at; None where it is not the lake's, or cannot be told."""
    aws = client("lambda")
    try:
        described = aws.get_function_configuration(FunctionName=function)
    except aws.exceptions.ClientError:
        # Gone, named by an expression, or not for this visitor to look at: the page has one link less.
        return None
    group = described.get("LoggingConfig", {}).get("LogGroup", "")
    prefix = f"/sluice/{env}/lambda/"
    return group.removeprefix(prefix) if group.startswith(prefix) else None


def _plain(function: str) -> str:
    """`name` of `arn:<partition>:lambda:<region>:<account>:function:name:<version>`, and of `name:<version>`."""
    parts = function.split(":")
    return parts[6] if len(parts) > 6 else parts[0]


def _machine(settings: Settings, name: str) -> Machine:
    facts = _facts(settings, "machines", name)
    return Machine(_SHORT.get(name, name), facts["arn"], facts.get("on_failure"))


def _dead_letters(
    settings: Settings, name: str, functions: Mapping[str, str], queues: Mapping[str, str]
) -> DeadLetters:
    facts = _facts(settings, "dead-letters", name)
    queue, function = facts.get("queue"), facts.get("function", "")
    if not _is_published(facts, functions, queues):
        raise Misconfigured(
            f"dead-letters/{name} names a function or a queue that no stack publishes: {facts}", hint=_PUBLISHED
        )
    return DeadLetters(name, facts["url"], function, queues[queue] if queue else None, functions.get(function, ""))


def _facts(settings: Settings, kind: str, name: str) -> dict[str, str]:
    needed = {"machines": "arn", "dead-letters": "url"}[kind]
    try:
        facts = json.loads(settings.published(kind)[name])
        if isinstance(facts[needed], str):
            return facts  # type: ignore[no-any-return]
    except (ValueError, KeyError, TypeError):
        pass
    raise Misconfigured(f"{kind}/{name} in Parameter Store is no JSON object with the text {needed!r}", hint=_PUBLISHED)


def _is_published(facts: Mapping[str, str], functions: Mapping[str, str], queues: Mapping[str, str]) -> bool:
    """Whether there is by now what a dead-letter queue says of where its messages came from."""
    queue = facts.get("queue")
    return queue in queues if queue else facts.get("function", "") in functions


def _of_older_stacks(settings: Settings) -> Flows:
    """The lake's own parts as earlier releases publish them, as far as the stacks are deployed."""
    machines = {STAGE_A: Setting.STAGE_A_MACHINE, STAGE_B: Setting.STAGE_B_MACHINE}
    jobs = {"standard": Setting.STANDARD_JOB, "quality": Setting.QUALITY_JOB, "upkeep": Setting.UPKEEP_JOB}
    marking = {
        "stage-a": (Setting.MARK_STAGE_A_FAILED_DEAD_LETTER_QUEUE_URL, Setting.MARK_STAGE_A_FAILED_FUNCTION),
        "stage-b": (Setting.MARK_STAGE_B_FAILED_DEAD_LETTER_QUEUE_URL, Setting.MARK_STAGE_B_FAILED_FUNCTION),
    }
    raw, dead = settings.get(Setting.RAW_QUEUE_URL), []
    if raw and (url := settings.get(Setting.RAW_DEAD_LETTER_QUEUE_URL)):
        dead.append(DeadLetters(RAW, url, "route", raw, ""))
    functions = {}
    for stage, (of_url, of_function) in marking.items():
        url, function = settings.get(of_url), settings.get(of_function)
        if function:
            functions[f"mark-{stage}-failed"] = function
        if url and function:
            dead.append(DeadLetters(f"{stage}-failures", url, f"mark-{stage}-failed", None, function))
    return Flows(
        {
            name: Machine(name, arn, f"mark-stage-{name}-failed")
            for name, setting in machines.items()
            if (arn := settings.get(setting))
        },
        functions,
        {name: job for name, setting in jobs.items() if (job := settings.get(setting))},
        {RAW: raw} if raw else {},
        {each.name: each for each in dead},
    )
