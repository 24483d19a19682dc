"""Executions at the API: names, the same name twice, histories in pages, and who is told of a change."""

from __future__ import annotations

import copy
import json
import re
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pipeline.local.moto_fixes import stepfunctions_test_cases
from pipeline.local.moto_fixes.guard import replace

HISTORY_PAGE = 100
LONGEST_NAME = 80
STOP_SECONDS = 5
_ENDED = ("SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT")
# Whitespace, wildcards, brackets and the characters that AWS lists for StartExecution's `name`.
_FORBIDDEN = re.compile(r"[\s\x00-\x1f\x7f-\x9f<>{}\[\]?*\"#%\\^|~`$&,;:/]")

StatusListener = Callable[[Any, str], None]

listener: StatusListener | None = None
"""Called with moto's execution and its new status when it has started and when it has ended, in the thread that did it.

A quick execution may have ended by the time that its start is told: its own status is no help.
"""

_starting = threading.RLock()


def install() -> None:
    from moto.core.config import default_user_config
    from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication
    from moto.stepfunctions.parser.models import StepFunctionsParserBackend
    from moto.stepfunctions.responses import StepFunctionResponse

    default_user_config["stepfunctions"] = {"execute_state_machine": True}

    def terminated(self: Any) -> None:
        original_terminated(self)
        _tell(self.execution, self.execution.status)

    def describe(self: Any) -> Any:
        return _with_stop_date(self, original_describe(self))

    replace(StepFunctionsParserBackend, "start_execution", _start_execution, source="0f8d9dd57baf")
    replace(StepFunctionResponse, "get_execution_history", _get_execution_history, source="3889cc6224ac")
    replace(StepFunctionResponse, "stop_execution", _stop_execution, source="633c8a544aac")
    replace(StepFunctionResponse, "list_executions", _list_executions, source="6fec14cfc5af")
    original_describe = replace(StepFunctionResponse, "describe_execution", describe, source="c3953bdc9ce2")
    original_terminated = replace(BaseExecutionWorkerCommunication, "terminated", terminated, source="360372a6a57b")


def _tell(execution: Any, status: str) -> None:
    if listener is not None:
        listener(execution, status)


def _start_execution(
    self: Any,
    state_machine_arn: str,
    name: str | None = None,
    execution_input: str | None = None,
    trace_header: Any = None,
) -> Any:
    """The same name and input while RUNNING is the same execution; else a name is used once, as on AWS."""
    machine_arn, _, case = state_machine_arn.partition("#")
    machine = self.describe_state_machine(machine_arn)
    _check_name(name)
    text = _check_input(execution_input)
    with _starting:
        known = machine._handle_name_input_idempotency(name, text) if name else None
        if known is not None:
            return known
        execution = _execution(self, machine, name or str(uuid.uuid4()), text, trace_header)
        if case:
            stepfunctions_test_cases.choose(execution, machine.name, case)
        execution.start()
        machine.executions.append(execution)
    _tell(execution, "RUNNING")
    return execution


def _execution(backend: Any, machine: Any, name: str, text: str, trace_header: Any) -> Any:
    from moto.stepfunctions.parser.backend.execution import Execution

    # An update of the machine must not reach executions that run; only its attributes are ever replaced.
    snapshot = copy.copy(machine)
    snapshot.executions = []
    return Execution(
        name=name,
        sm_type=snapshot.sm_type,
        role_arn=snapshot.roleArn,
        exec_arn=f"{machine.arn.replace(':stateMachine:', ':execution:', 1)}:{name}",
        account_id=backend.account_id,
        region_name=backend.region_name,
        state_machine=snapshot,
        start_date=datetime.now(UTC),
        cloud_watch_logging_session=None,
        input_data=text,
        trace_header=trace_header,
        activity_store={},
    )


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
    try:
        json.loads(text)
    except ValueError as error:
        raise InvalidExecutionInput(f"Invalid State Machine Execution Input: '{error}'") from error
    return text


def _get_execution_history(self: Any) -> Any:
    from moto.core.responses import ActionResult

    history = self.stepfunction_backend.get_execution_history(self._get_param("executionArn"))
    events = history["events"][::-1] if self._get_param("reverseOrder") else history["events"]
    first = int(self._get_param("nextToken") or 0)
    last = first + int(self._get_param("maxResults") or HISTORY_PAGE)
    page: dict[str, Any] = {"events": events[first:last]}
    if last < len(events):
        page["nextToken"] = str(last)
    return ActionResult(page)


def _stop_execution(self: Any) -> Any:
    """With the error and cause that the caller gives, which moto drops; an ended execution stays as it ended."""
    from moto.core.responses import ActionResult

    execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
    now = datetime.now(UTC)
    if execution.status not in _ENDED:
        execution.stop(stop_date=now, error=self._get_param("error"), cause=self._get_param("cause"))
        _await_end(execution)
    return ActionResult({"stopDate": execution.stop_date or now})


def _await_end(execution: Any) -> None:
    """The interpreter notices a stop between two steps; on AWS the answer comes after it."""
    give_up = time.monotonic() + STOP_SECONDS
    while execution.status not in _ENDED and time.monotonic() < give_up:
        time.sleep(0.005)


def _list_executions(self: Any) -> Any:
    from moto.core.responses import ActionResult

    machine = self.stepfunction_backend.describe_state_machine(self._get_param("stateMachineArn"))
    found, next_token = self.stepfunction_backend.list_executions(
        machine.arn,
        status_filter=self._get_param("statusFilter"),
        max_results=self._get_int_param("maxResults"),
        next_token=self._get_param("nextToken"),
    )
    executions = [
        {
            "executionArn": execution.execution_arn,
            "name": execution.name,
            "startDate": execution.start_date,
            "stateMachineArn": machine.arn,
            "status": execution.status,
        }
        | ({"stopDate": execution.stop_date} if execution.status in _ENDED else {})
        for execution in found
    ]
    return ActionResult({"executions": executions, "nextToken": next_token})


def _with_stop_date(response: Any, answer: Any) -> Any:
    """moto leaves it out for TIMED_OUT."""
    execution = response.stepfunction_backend.describe_execution(response._get_param("executionArn"))
    if answer.result["status"] in _ENDED:
        answer.result["stopDate"] = execution.stop_date
    return answer
