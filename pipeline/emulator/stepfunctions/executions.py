"""Executions from their start to their end: names, the same name twice, stops, and who is told of a change.

An execution that runs is moto's object, in the list of its machine; one that has ended is a record in the archive.
"""

from __future__ import annotations

import copy
import itertools
import re
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pipeline.emulator.moto.guard import replace
from pipeline.emulator.stepfunctions import test_cases
from pipeline.emulator.stepfunctions.archive import archive
from pipeline.emulator.stepfunctions.errors import invalid
from pipeline.emulator.stepfunctions.logs import log_of
from pipeline.emulator.stepfunctions.records import ENDED, events_of, record_of
from pipeline.emulator.stepfunctions.validation.json_errors import complaint
from pipeline.emulator.stepfunctions.versions import started_by

LONGEST_NAME = 80
LONGEST_INPUT = 262_144
"""Bytes (AWS quota)."""

STOP_SECONDS = 5
# Whitespace, wildcards, brackets and the characters that AWS lists for StartExecution's `name`.
_FORBIDDEN = re.compile(r"[\s\x00-\x1f\x7f-\x9f<>{}\[\]?*\"#%\\^|~`$&,;:/]")

StatusListener = Callable[[Any, str], None]

listener: StatusListener | None = None
"""Called with moto's execution and its new status when it has started and when it has ended, in the thread that did it.

A quick execution may have ended by the time that its start is told: its own status is no help.
"""

changing = threading.RLock()
"""Held while an execution enters or leaves its machine's list, and while a list is read together with the archive.

Who leaves the list is in the archive already.
"""

_numbers = itertools.count(1)


def install() -> None:
    from moto.core.config import default_user_config
    from moto.stepfunctions.models import StepFunctionBackend
    from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication
    from moto.stepfunctions.parser.models import StepFunctionsParserBackend
    from moto.stepfunctions.responses import StepFunctionResponse

    default_user_config["stepfunctions"] = {"execute_state_machine": True}

    def terminated(self: Any) -> None:
        with changing:
            if self.execution.status in ENDED:
                # It was stopped, and its thread only now comes back from the task that it was in.
                return
            original_terminated(self)
        _keep(self.execution)
        _tell(self.execution, self.execution.status)

    def delete(self: Any, arn: str) -> None:
        _forget_machine(self, arn)
        original_delete(self, arn)

    replace(StepFunctionsParserBackend, "start_execution", _start_execution, source="0f8d9dd57baf")
    replace(StepFunctionBackend, "describe_execution", find, source="74309ac20095")
    replace(StepFunctionResponse, "stop_execution", _stop_execution, source="633c8a544aac")
    replace(StepFunctionResponse, "start_execution", _start_response, source="3f4ac22f2a3e")
    original_delete = replace(StepFunctionBackend, "delete_state_machine", delete, source="3181befe1f47")
    original_terminated = replace(BaseExecutionWorkerCommunication, "terminated", terminated, source="360372a6a57b")


def find(self: Any, execution_arn: str) -> Any:
    """moto's execution or the record of an ended one. `ExecutionDoesNotExist`, also when its machine is gone."""
    from moto.stepfunctions.exceptions import ExecutionDoesNotExist

    self._validate_execution_arn(execution_arn)
    machine = self._get_state_machine_for_execution(execution_arn)
    # In this order: what ends in between is in the archive first.
    running = next((each for each in machine.executions if each.execution_arn == execution_arn), None)
    found = running or archive().get(execution_arn)
    if found is None:
        raise ExecutionDoesNotExist(f"Execution Does Not Exist: '{execution_arn}'")
    return found


def make(
    backend: Any,
    machine: Any,
    name: str,
    text: str,
    *,
    trace_header: Any = None,
    case: str = "",
    redrive_count: int = 0,
) -> Any:
    """An execution of `machine` as it is now, not yet started. An unknown test case is `InvalidName`."""
    from moto.stepfunctions.parser.backend.execution import Execution

    # An update of the machine must not reach executions that run; only its attributes are ever replaced.
    snapshot = copy.copy(machine)
    snapshot.executions = []
    arn = f"{machine.arn.replace(':stateMachine:', ':execution:', 1)}:{name}"
    log: Any = log_of(machine, arn, redrive_count)
    execution: Any = Execution(
        name=name,
        sm_type=snapshot.sm_type,
        role_arn=snapshot.roleArn,
        exec_arn=arn,
        account_id=backend.account_id,
        region_name=backend.region_name,
        state_machine=snapshot,
        start_date=datetime.now(UTC),
        cloud_watch_logging_session=log,
        input_data=text,
        trace_header=trace_header,
        activity_store={},
    )
    execution.number, execution.backend = next(_numbers), backend
    execution.redrive_count, execution.redrive_date = redrive_count, None
    execution.test_case = case or None
    if case:
        test_cases.choose(execution, machine.name, case)
    return execution


def launch(machine: Any, execution: Any) -> None:
    """Start an execution of `machine`. `changing` is held."""
    from moto.stepfunctions.parser.api import ExecutionStatus

    execution.machine, execution.exec_status = machine, ExecutionStatus.RUNNING
    # First: a quick one ends, and leaves the list, before this thread goes on.
    machine.executions.append(execution)
    execution.start()


def tell_running(execution: Any) -> None:
    _tell(execution, "RUNNING")


def _tell(execution: Any, status: str) -> None:
    if listener is not None:
        listener(execution, status)


def _keep(execution: Any) -> None:
    record, events = record_of(execution), events_of(execution)
    # At once: who makes a machine of the same name forgets what stands in the archive by then, and nothing comes later.
    with changing:
        # Its machine may have been deleted, or all state forgotten, and its name may be used again.
        is_known = any(machine is execution.machine for machine in execution.backend.state_machines)
        if not is_known or execution not in execution.machine.executions:
            return
        # In this order: who looks for it finds it in one of the two.
        archive().put(record, events)
        execution.machine.executions.remove(execution)


def _forget_machine(backend: Any, arn: str) -> None:
    """Its running executions are stopped, and nobody can ask for the others: the name may be used again."""
    with changing:
        machine = next((each for each in backend.state_machines if each.arn == arn), None)
        if machine is None:
            return
        for execution in machine.executions[:]:
            _stop(execution, datetime.now(UTC))
        machine.executions.clear()
        archive().remove_machine(arn)


def _start_response(self: Any) -> Any:
    """moto drops the trace header."""
    from moto.core.responses import ActionResult

    execution = self.stepfunction_backend.start_execution(
        self._get_param("stateMachineArn"),
        self._get_param("name"),
        self._get_param("input", if_none="{}"),
        self._get_param("traceHeader"),
    )
    return ActionResult({"executionArn": execution.execution_arn, "startDate": execution.start_date})


def _start_execution(
    self: Any,
    state_machine_arn: str,
    name: str | None = None,
    execution_input: str | None = None,
    trace_header: Any = None,
) -> Any:
    """The same name and input while RUNNING is the same execution; else a name is used once, as on AWS."""
    machine_arn, _, case = state_machine_arn.partition("#")
    started = started_by(self, machine_arn)
    machine, seen = started.machine, started.as_published()
    _check_name(name)
    text = _check_input(execution_input)
    execution = make(self, seen, name or str(uuid.uuid4()), text, trace_header=trace_header, case=case)
    with changing:
        known = _same(machine, name, text) if name else None
        if known is not None:
            return known
        launch(machine, execution)
    tell_running(execution)
    return execution


def _same(machine: Any, name: str, text: str) -> Any:
    from moto.stepfunctions.exceptions import ExecutionAlreadyExists

    arn = f"{machine.arn.replace(':stateMachine:', ':execution:', 1)}:{name}"
    running = machine._handle_name_input_idempotency(name, text)
    if running is None and archive().has(arn):
        raise ExecutionAlreadyExists(f"Execution Already Exists: '{arn}'")
    return running


def _check_name(name: str | None) -> None:
    from moto.stepfunctions.exceptions import InvalidName, NameTooLongException

    if name is None:
        return
    if len(name) > LONGEST_NAME:
        raise NameTooLongException(name)
    if not name or _FORBIDDEN.search(name):
        raise InvalidName(f"Invalid Name: '{name}'")


def _check_input(text: str | None) -> str:
    from moto.stepfunctions.exceptions import InvalidExecutionInput

    text = "{}" if text is None else text
    if len(text.encode()) > LONGEST_INPUT:
        raise invalid("input", "...", f"Member must have length less than or equal to {LONGEST_INPUT}")
    wrong = complaint(text)
    if wrong is not None:
        message = wrong.message if text.strip() else "Invalid execution input."
        raise InvalidExecutionInput(f"Invalid State Machine Execution Input: '{message}'")
    return text


def _stop_execution(self: Any) -> Any:
    """With the error and cause that the caller gives, which moto drops; an ended execution stays as it ended.

    It ends at once. What its tasks have called goes on, as on AWS, and nobody waits for it.
    """
    from moto.core.responses import ActionResult

    execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
    now = datetime.now(UTC)
    if execution.status not in ENDED:
        _stop(execution, now, error=self._get_param("error"), cause=self._get_param("cause"))
        _end_stopped(execution)
        _await(lambda: execution.status in ENDED)
    return ActionResult({"stopDate": execution.stop_date or now})


def _stop(execution: Any, at: datetime, error: str | None = None, cause: str | None = None) -> None:
    # Its thread makes what a stop is told to.
    _await(lambda: execution.exec_worker is not None and execution.exec_worker.env is not None)
    execution.stop(stop_date=at, error=error, cause=cause)


def _end_stopped(execution: Any) -> None:
    """In this thread: that of the execution may sit in a task for long. It comes here too, and finds all of it done."""
    from moto.stepfunctions.parser.asl.eval.program_state import ProgramStopped

    worker = execution.exec_worker
    if isinstance(worker.env.program_state(), ProgramStopped):
        worker._get_evaluation_entrypoint()._eval_body(worker.env)
        worker._execution_communication.terminated()


def _await(happened: Callable[[], bool]) -> None:
    """What ends by itself while it is stopped may take a moment more; on AWS the answer comes after the end."""
    give_up = time.monotonic() + STOP_SECONDS
    while not happened() and time.monotonic() < give_up:
        time.sleep(0.005)
