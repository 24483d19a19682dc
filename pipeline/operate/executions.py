"""The executions of every flow's state machines and of people's own, as those who look at them ask."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.core.clients import client
from pipeline.core.clock import iso
from pipeline.core.errors import BadInput, NotThere, Refused, WrongUsage
from pipeline.lake.batches.redrive import Redriven
from pipeline.lake.messages.stage_a import StageAWork, works_in
from pipeline.lake.services import Lake
from pipeline.operate.flows import STAGE_A, STAGE_B, flows_of
from pipeline.operate.formatting import counted
from pipeline.state_machines.history import Visit

PAGE = 1000
"""Events that one GetExecutionHistory may give (AWS quota)."""
_NO_EXECUTION = {"ExecutionDoesNotExist", "InvalidArn", "ValidationException"}
"""What Step Functions answers for a name that no execution has, or can have."""
STATUSES = ("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")


@dataclass(frozen=True, slots=True)
class Run:
    """An execution. `machine` is `a` or `b`, the name under which a flow publishes it, or that of another machine."""

    arn: str
    name: str
    machine: str
    status: str
    started: datetime
    stopped: datetime | None

    @property
    def is_of_lake(self) -> bool:
        """Whether it carries objects or a batch of the lake."""
        return self.machine in (STAGE_A, STAGE_B)

    def seconds(self, now: datetime) -> float:
        """How long it took, or has taken by `now`."""
        return ((self.stopped or now) - self.started).total_seconds()

    def to_json(self) -> dict[str, Any]:
        """As programs get it; `seconds` only once it has ended."""
        return {
            "name": self.name,
            "machine": self.machine,
            "status": self.status,
            "started": iso(self.started),
            "stopped": iso(self.stopped) if self.stopped else None,
            "seconds": round(self.seconds(self.stopped), 3) if self.stopped else None,
        }


def runs(lake: Lake, machine: str | None = None, status: str | None = None, limit: int = 20) -> list[Run]:
    """The newest executions of one machine or of those of all flows, newest first. `BadInput` for an unknown machine
    or status."""
    check(lake, machine, status)
    every = [machine] if machine else flows_of(lake).machines
    found = [run for each in every for run in _newest(lake, each, status, limit)]
    return sorted(found, key=lambda run: run.started, reverse=True)[:limit]


def _newest(lake: Lake, machine: str, status: str | None, limit: int) -> list[Run]:
    found, token = page_of(lake, machine, status, limit=limit)
    while token and len(found) < limit:
        more, token = page_of(lake, machine, status, limit=limit - len(found), token=token)
        found += more
    return found


def others(lake: Lake) -> dict[str, str]:
    """State machines of the account and region that are of no flow: their ARNs by name."""
    pages = client("stepfunctions").get_paginator("list_state_machines").paginate()
    own = {machine.arn for machine in flows_of(lake).machines.values()}
    found = (each for page in pages for each in page["stateMachines"] if each["stateMachineArn"] not in own)
    return {each["name"]: each["stateMachineArn"] for each in found}


def arn_of(lake: Lake, machine: str) -> str:
    """The ARN of a machine, of a flow or of anybody's own. `BadInput` for what is no machine."""
    published = flows_of(lake).machines
    if machine in published:
        return published[machine].arn
    named = others(lake)
    if machine not in named:
        flows = "".join(f", {name}" for name in published if name not in (STAGE_A, STAGE_B))
        more = f", or the name of another machine: {', '.join(sorted(named))}" if named else ""
        raise BadInput(f"{machine!r} is not a machine", hint=f"Give a (Stage A) or b (Stage B){flows}{more}.")
    return named[machine]


def check(lake: Lake, machine: str | None, status: str | None) -> None:
    """`BadInput` for what is no machine or no status of an execution."""
    if machine is not None:
        arn_of(lake, machine)
    if status is not None and status not in STATUSES:
        raise WrongUsage(f"{status!r} is not a status of an execution", hint=f"One of {', '.join(STATUSES)}.")


def page_of(
    lake: Lake, machine: str, status: str | None = None, *, limit: int = 25, token: str | None = None
) -> tuple[list[Run], str | None]:
    """One page of a machine's executions, newest first, and the token of the next. `BadInput` for an old token."""
    stepfunctions, arn = client("stepfunctions"), arn_of(lake, machine)
    chosen = {"statusFilter": status} if status else {}
    chosen |= {"nextToken": token} if token else {}
    try:
        page = stepfunctions.list_executions(stateMachineArn=arn, maxResults=min(limit, 1000), **chosen)
    except stepfunctions.exceptions.InvalidToken:
        raise BadInput("this page of the list is not to be had any more", hint="Begin with the newest again.") from None
    return [_run(item, machine) for item in page["executions"]], page.get("nextToken")


def _run(item: dict[str, Any], machine: str) -> Run:
    stopped = item.get("stopDate")
    return Run(
        arn=item["executionArn"],
        name=item["name"],
        machine=machine,
        status=item["status"],
        started=item["startDate"].astimezone(UTC),
        stopped=stopped.astimezone(UTC) if stopped else None,
    )


def find(lake: Lake, name: str) -> tuple[Run, dict[str, Any]]:
    """The execution of that name or ARN, and its description: of a flow's machine, else of another.

    `NotThere` if none has it.
    """
    *_, machine, plain = ["", *name.split(":")]
    for each, arn in _machines(lake):
        if machine and machine != arn.rpartition(":")[2]:
            continue
        if found := _described(f"{arn.replace(':stateMachine:', ':execution:')}:{plain}"):
            return _run(found, each), found
    raise NotThere(
        f"no state machine has an execution {name!r}",
        hint="See `sluice executions`. A batch's execution has the batch's name; a history is kept for 90 days.",
    )


def _machines(lake: Lake) -> Iterator[tuple[str, str]]:
    """Each machine with its ARN; those that are of no flow, which takes a call more, at last."""
    yield from ((machine.name, machine.arn) for machine in flows_of(lake).machines.values())
    yield from others(lake).items()


def _described(arn: str) -> dict[str, Any] | None:
    stepfunctions = client("stepfunctions")
    try:
        return stepfunctions.describe_execution(executionArn=arn)  # type: ignore[no-any-return]
    except stepfunctions.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in _NO_EXECUTION:
            return None
        raise


def events_of(run: Run) -> list[dict[str, Any]]:
    """The execution's whole history, oldest first: up to 25,000 events (AWS quota)."""
    pages = client("stepfunctions").get_paginator("get_execution_history")
    return [
        event
        for page in pages.paginate(executionArn=run.arn, PaginationConfig={"PageSize": PAGE})
        for event in page["events"]
    ]


def about(run: Run, description: dict[str, Any]) -> str | None:
    """What an execution of the lake is about, in a line; None where its input does not tell."""
    if not run.is_of_lake:
        return None
    document = parsed(description.get("input"))
    if not isinstance(document, dict):
        return None
    if run.machine == STAGE_B:
        return f"batch {document.get('batch')} of {document.get('dataset')}"
    objects = document.get("objects")
    if not isinstance(objects, list):
        return None
    named = objects[0].get("key") if objects and isinstance(objects[0], dict) else None
    first = f", the first is {named}" if named else ""
    return f"{len(objects)} of {document.get('dataset')}{first}"


def objects_of(description: Mapping[str, Any]) -> tuple[StageAWork, ...]:
    """The objects that an execution of Stage A was given; `Refused` where its input names none."""
    try:
        return works_in(json.loads(description.get("input") or "{}"))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Refused(
            f"execution {description.get('name')} names no objects in its input",
            hint="Redrive the objects themselves.",
        ) from None


def version_of(description: dict[str, Any]) -> int | None:
    """The published version of its machine that an execution runs; None for one that was started without."""
    number: str = description.get("stateMachineVersionArn", "").rpartition(":")[2]
    return int(number) if number else None


def document(run: Run, description: dict[str, Any], seen: list[Visit]) -> dict[str, Any]:
    """An execution with its input, its outcome and what each state did, as programs get it."""
    return {
        **run.to_json(),
        "arn": run.arn,
        "version": version_of(description),
        "error": description.get("error"),
        "cause": description.get("cause"),
        "input": parsed(description.get("input")),
        "output": parsed(description.get("output")),
        "states": [_state(visit, run) for visit in seen],
    }


def _state(visit: Visit, run: Run) -> dict[str, Any]:
    return {
        "state": visit.state,
        "iteration": [{"state": state, "index": index} for state, index in visit.scope],
        "entered": iso(visit.entered),
        "seconds": visit.seconds,
        "outcome": visit.outcome(run.status),
        "attempts": visit.attempts,
        "job_runs": visit.runs,
        "errors": [{"error": error, "cause": cause} for error, cause in visit.errors],
    }


def parsed(text: str | None) -> Any:
    """JSON text as a value; text that is no JSON as it is."""
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return text


def redriven(done: Redriven) -> tuple[str, bool]:
    """What a redrive did, in a sentence, and whether it did anything."""
    parts = []
    if done.sent:
        parts.append(f"{counted(done.sent, 'object')} sent through Stage A again")
    if done.restaged:
        where = f"in the new batch {done.batch}" if done.batch else "for the next batch"
        parts.append(f"{counted(done.restaged, 'object')} staged again {where}")
    if done.refused:
        parts.append(f"{counted(len(done.refused), 'object')} left alone, which are further on or were loaded since")
    return "; ".join(parts) or "There is nothing to send back.", bool(done.sent or done.restaged)
