"""Executions from their start to their end: names, the same name twice, and stops.

An execution that runs is in the list of its machine; one that has ended is a record in the archive.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from pipeline.emulator.stepfunctions import test_cases
from pipeline.emulator.stepfunctions.archive import Ended
from pipeline.emulator.stepfunctions.errors import api_error, invalid, no_execution
from pipeline.emulator.stepfunctions.execution import Execution, execution_arn
from pipeline.emulator.stepfunctions.machines import Machine
from pipeline.emulator.stepfunctions.records import ENDED
from pipeline.emulator.stepfunctions.service import Answer, Region, Request
from pipeline.emulator.stepfunctions.validation.json_errors import complaint
from pipeline.emulator.stepfunctions.versions import started_by

LONGEST_NAME = 80
LONGEST_INPUT = 262_144
"""Bytes (AWS quota)."""

STOP_SECONDS = 5
# Whitespace, wildcards, brackets and the characters that AWS lists for StartExecution's `name`.
_FORBIDDEN = re.compile(r"[\s\x00-\x1f\x7f-\x9f<>{}\[\]?*\"#%\\^|~`$&,;:/]")


def start_execution(region: Region, request: Request) -> Answer:
    """The same name and input while RUNNING is the same execution; else a name is used once, as on AWS.

    `stateMachineArn` may have the name of a test case behind a `#`.
    """
    machine_arn, _, case = request["stateMachineArn"].partition("#")
    seen = started_by(region, machine_arn)
    name = request.get("name")
    check_name(name)
    text = _checked_input(request.get("input"))
    execution = Execution(
        region=region,
        machine=seen.machine,
        snapshot=seen.snapshot(),
        name=name or str(uuid.uuid4()),
        input=text,
        number=next(region.service.numbers),
        started=datetime.now(UTC),
        version_arn=seen.version.arn if seen.version else None,
        alias_arn=seen.alias.arn if seen.alias else None,
        trace_header=request.get("traceHeader"),
        test_case=case or None,
        mocks=test_cases.chosen(seen.machine.name, case) if case else None,
    )
    with region.service.changing:
        known = _same(region, seen.machine, name, text) if name else None
        if known is not None:
            return _started(known)
        execution.start()
    region.service.report(execution, "RUNNING")
    return _started(execution)


def stop_execution(region: Region, request: Request) -> Answer:
    """An ended execution stays as it ended.

    A running one ends at once. What its tasks have called goes on, as on AWS, and nobody waits for it.
    """
    execution = find(region, request["executionArn"])
    now = datetime.now(UTC)
    if isinstance(execution, Ended):
        stopped = execution.summary.stopped
        return {"stopDate": now if stopped is None else stopped}
    if execution.status not in ENDED:
        _stop(execution, now, error=request.get("error"), cause=request.get("cause"))
        _end_stopped(execution)
        _await(lambda: execution.status in ENDED)
    return {"stopDate": execution.stopped or now}


def find(region: Region, arn: str) -> Execution | Ended:
    """One that runs, or the record of an ended one. `ExecutionDoesNotExist`, also when its machine is gone."""
    machine = region.machine_of_execution(arn)
    # In this order: what ends in between is in the archive first.
    running = next((each for each in machine.executions if each.arn == arn), None)
    found = running or region.service.archive.get(arn)
    if found is None:
        raise no_execution(arn)
    return found


def forget(region: Region, machine: Machine) -> None:
    """Stop its running executions. Nobody can ask for the others either: the name may be used again."""
    with region.service.changing:
        for execution in machine.executions[:]:
            _stop(execution, datetime.now(UTC))
        machine.executions.clear()
        region.service.archive.remove_machine(machine.arn)


def check_name(name: str | None) -> None:
    """`ValidationException` for one that is too long, `InvalidName` for one that AWS does not take."""
    if name is None:
        return
    if len(name) > LONGEST_NAME:
        raise invalid("name", name, f"Member must have length less than or equal to {LONGEST_NAME}")
    if not name or _FORBIDDEN.search(name):
        raise api_error("InvalidName", f"Invalid Name: '{name}'")


def _started(execution: Execution) -> Answer:
    return {"executionArn": execution.arn, "startDate": execution.started}


def _same(region: Region, machine: Machine, name: str, text: str) -> Execution | None:
    running = next((each for each in machine.executions if each.name == name), None)
    if running is not None and running.status == "RUNNING" and running.input == text:
        return running
    arn = execution_arn(machine.arn, name)
    if running is not None or region.service.archive.has(arn):
        raise api_error("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
    return None


def _checked_input(text: str | None) -> str:
    text = "{}" if text is None else text
    if len(text.encode()) > LONGEST_INPUT:
        raise invalid("input", "...", f"Member must have length less than or equal to {LONGEST_INPUT}")
    wrong = complaint(text)
    if wrong is not None:
        message = wrong.message if text.strip() else "Invalid execution input."
        raise api_error("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{message}'")
    return text


def _stop(execution: Execution, at: datetime, error: str | None = None, cause: str | None = None) -> None:
    # Its thread makes what is stopped.
    _await(lambda: execution.env is not None)
    execution.env.set_stop(stop_date=at, cause=cause, error=error)


def _end_stopped(execution: Execution) -> None:
    """In this thread: that of the execution may sit in a task for long. It comes here too, and finds all of it done."""
    from moto.stepfunctions.parser.asl.eval.program_state import ProgramStopped

    from pipeline.emulator.stepfunctions.interpreter.mocked import parse

    if isinstance(execution.env.program_state(), ProgramStopped):
        parse(execution.snapshot.definition)._eval_body(execution.env)
        execution.end()


def _await(happened: Callable[[], bool]) -> None:
    """What ends by itself while it is stopped may take a moment more; on AWS the answer comes after the end."""
    give_up = time.monotonic() + STOP_SECONDS
    while not happened() and time.monotonic() < give_up:
        time.sleep(0.005)
