"""Starting a state machine by hand, running an execution again, and redriving one; or why that cannot work.

The lake's own machines, Stages A and B, are never started so: their executions work on what the catalog has noted for
them (docs/protocol.md), and what failed is sent back as new work.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.clients import client
from pipeline.core.errors import BadInput, Refused
from pipeline.core.executions import NAME_LENGTH
from pipeline.lake.batches.records import FINAL, BatchStatus
from pipeline.lake.services import Lake
from pipeline.operate.executions import Run, arn_of
from pipeline.operate.flows import STAGE_A, STAGE_B, flows_of

LONGEST_INPUT = 262_144
"""Bytes of an execution's input (AWS quota)."""
_NAME = re.compile(r"[^\s\x00-\x1f\x7f-\x9f<>{}\[\]?*\"#%\\^|~`$&,;:/]{1,80}")
"""As StartExecution's `name` has to be."""
_STAGE_A = (
    "Stage A is started by the function that routes what arrives, for the objects that it has registered: an execution "
    "of other objects, or of these once more, would do nothing."
)
_STAGE_B = "Stage B is started by the poller, for a batch that it has made of what waits and sealed."
_STANDARD = "STANDARD"


@dataclass(frozen=True, slots=True)
class Possible:
    """Whether something can be done: `why_not` is None, or says why not. `hint` says what can be done instead.

    What `publishes` data asks whether it is meant.
    """

    why_not: str | None = None
    hint: str = ""
    publishes: bool = False

    def to_json(self) -> dict[str, Any]:
        """As pages and programs get it."""
        return {"why_not": self.why_not, "hint": self.hint, "publishes": self.publishes}

    def check(self) -> None:
        """`Refused` with the reason, if it cannot be done."""
        if self.why_not:
            raise Refused(self.why_not, hint=self.hint or None)


def can_start(lake: Lake, machine: str) -> Possible:
    """Whether people may start executions of a machine. `BadInput` for what is no machine."""
    if machine == STAGE_A:
        return Possible(_STAGE_A, "Drop a file, or redrive an object that failed.")
    if machine == STAGE_B:
        return Possible(_STAGE_B, "Press `Run now` on the page of the dataset, or redrive a batch.")
    described = client("stepfunctions").describe_state_machine(stateMachineArn=arn_of(lake, machine))
    if described.get("type", _STANDARD) != _STANDARD:
        return Possible(
            f"{machine} is an express machine: Step Functions keeps no executions of those, and nobody would see this.",
            "Its log group has what it did. `aws stepfunctions start-execution` starts it.",
        )
    if described["status"] == "DELETING":
        return Possible(f"{machine} is being deleted.")
    return Possible(publishes=machine in flows_of(lake).machines)


def can_run_again(lake: Lake, run: Run) -> Possible:
    """Whether an execution's input may be given to its machine once more."""
    if run.machine == STAGE_B:
        return _of_batch(lake, run)
    return can_start(lake, run.machine)


def can_redrive(lake: Lake, run: Run, described: Mapping[str, Any]) -> Possible:
    """Whether an execution can go on from the state in which it failed: Step Functions has the last word.

    Standard ones that failed, timed out or were aborted, for 14 days
    (https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html).
    """
    if run.machine == STAGE_B:
        found = _of_batch(lake, run)
        return Possible(found.why_not, found.hint)
    if run.machine == STAGE_A:
        return Possible(
            "Its objects were marked when it ended, and go on as new work, not in this execution.",
            "Redrive its objects: those that failed or were quarantined go through Stage A again.",
        )
    if described.get("redriveStatus", "NOT_REDRIVABLE") != "REDRIVABLE":
        reason = described.get("redriveStatusReason") or f"Execution is {run.status} and cannot be redriven"
        return Possible(f"Step Functions does not redrive it: {reason}.", "Run it again with its input instead.")
    return Possible(publishes=run.machine in flows_of(lake).machines)


def _of_batch(lake: Lake, run: Run) -> Possible:
    """Why an execution of Stage B is not run once more: what has become of its batch."""
    found = lake.batches.find((str(each.name) for each in lake.registry.all()), run.name)
    if found is None:
        return Possible(f"There is no batch {run.name}: nothing that Stage B could load.", "See `sluice status`.")
    if found.status is BatchStatus.COMMITTED:
        return Possible(
            f"Batch {found.id} is committed: its rows are in the table, and are loaded once.",
            "Drop a corrected file to load other rows.",
        )
    if found.status not in FINAL:
        return Possible(f"Batch {found.id} is {found.status.value}: its execution goes on.", "Wait for its end.")
    return Possible(
        f"Batch {found.id} has ended as {found.status.value}, and a batch ends once.",
        "Redrive it: its objects are loaded in a new batch.",
    )


def start(lake: Lake, machine: str, text: str, name: str | None = None) -> str:
    """Start an execution with this input; its name, a new one if none is given.

    `BadInput` for an input or a name that Step Functions does not take, `Refused` where `can_start` says why not, and
    for a name that another execution of the machine has had within 90 days.
    """
    can_start(lake, machine).check()
    _check(text)
    given = (name or "").strip() or _new_name(lake, machine)
    if not _NAME.fullmatch(given):
        raise BadInput(f"{given!r} is no name of an execution", hint="1 to 80 letters, digits, - and _.")
    stepfunctions = client("stepfunctions")
    try:
        stepfunctions.start_execution(stateMachineArn=arn_of(lake, machine), name=given, input=text)
    except stepfunctions.exceptions.ExecutionAlreadyExists:
        raise Refused(
            f"{machine} has had an execution {given} within the last 90 days", hint="Give another name, or none."
        ) from None
    return given


def run_again(lake: Lake, run: Run, described: Mapping[str, Any], text: str | None = None) -> str:
    """Start the machine of an execution with its input, or with this one; the new execution's name.

    By the machine as it is now, not as it was then. Errors as of `start`, and of `can_run_again`.
    """
    can_run_again(lake, run).check()
    return start(lake, run.machine, described.get("input", "{}") if text is None else text)


def redrive(lake: Lake, run: Run, described: Mapping[str, Any]) -> None:
    """Let an execution go on where it failed, with the definition and the input that it had.

    Done twice at once, it is done once. `Refused` where `can_redrive` says why not.
    """
    can_redrive(lake, run, described).check()
    stepfunctions = client("stepfunctions")
    # The same for everybody who saw the same end: the second of two that press the button does nothing.
    token = hashlib.sha256(f"{run.arn} {described.get('redriveCount', 0)}".encode()).hexdigest()[:32]
    try:
        stepfunctions.redrive_execution(executionArn=run.arn, clientToken=token)
    except stepfunctions.exceptions.ExecutionNotRedrivable as error:
        raise Refused(f"Step Functions does not redrive it: {error.response['Error']['Message']}") from None


def _check(text: str) -> None:
    size = len(text.encode())
    if size > LONGEST_INPUT:
        raise BadInput(f"the input has {size:,} bytes", hint=f"Step Functions takes at most {LONGEST_INPUT:,}.")
    try:
        json.loads(text, parse_constant=_no_json)
    except json.JSONDecodeError as error:
        raise BadInput(f"the input is no JSON: line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise BadInput("the input is nested too deeply") from None


def _no_json(word: str) -> None:
    raise BadInput(f"the input is no JSON: it has {word}", hint="Write a number, or null.")


def _new_name(lake: Lake, machine: str) -> str:
    """Says when it was started, and is that of no other."""
    return f"{machine[: NAME_LENGTH - 24]}-{lake.clock():%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
