"""How a task's failure is told, and which retrier or catcher takes it."""

from __future__ import annotations

from typing import Any

from pipeline.emulator.moto.patch import patch
from pipeline.emulator.stepfunctions.interpreter.failure_events import error_named
from pipeline.emulator.stepfunctions.interpreter.parameters import Unsupported
from pipeline.emulator.stepfunctions.interpreter.service_errors import Unreachable, from_other_error
from pipeline.state_machines.coverage import takes

_COMPONENT = "moto.stepfunctions.parser.asl.component"
_TASK = f"{_COMPONENT}.state.exec.state_task"

_NOBODYS = (Unsupported, Unreachable, TypeError, AttributeError, LookupError, ValueError, ArithmeticError)
"""Errors that no service answered."""


@patch(
    f"{_TASK}.state_task:StateTask._from_error",
    "8f7051977d26",
    "moto leaves out what was called, and gives a missed heartbeat a name of its own",
)
def _from_error(self: Any, env: Any, ex: Exception) -> Any:
    """A missed heartbeat is told as `States.Timeout`, and may be caught as `States.HeartbeatTimeout` as well.

    A thrown mock fails the task as its service would: moto leaves out which service that is.
    """
    from botocore.exceptions import BotoCoreError
    from moto.stepfunctions.parser.asl.eval.callback.callback import HeartbeatTimeoutError

    if isinstance(ex, (*_NOBODYS, BotoCoreError)) and hasattr(self, "_get_sfn_resource_type"):
        return from_other_error(self, env, ex)
    failed = _from_error.original(self, env, ex)
    if isinstance(ex, HeartbeatTimeoutError):
        failed.error_name = error_named("States.Timeout")
        failed.error_name.also = "States.HeartbeatTimeout"
    details = (failed.event_details or {}).get("taskFailedEventDetails")
    if details is not None and "resource" not in details and hasattr(self, "_get_sfn_resource"):
        details |= {"resource": self._get_sfn_resource(), "resourceType": self._get_sfn_resource_type()}
    return failed


@patch(
    f"{_TASK}.service.state_task_service_dynamodb:StateTaskServiceDynamoDB._from_error",
    "a27eaf8b4975",
    "moto takes whatever is no answer of DynamoDB for a generic error of it",
)
def _from_dynamodb_error(self: Any, env: Any, ex: Exception) -> Any:
    """moto takes whatever is no answer of this service for a generic error of it: a thrown mock, a time-out."""
    from botocore.exceptions import ClientError

    if isinstance(ex, ClientError):
        return _from_dynamodb_error.original(self, env, ex)
    return _from_error(self, env, ex)


@patch(
    f"{_COMPONENT}.common.error_name.error_equals_decl:ErrorEqualsDecl._eval_body",
    "aeda14a0cc01",
    "moto takes States.TaskFailed for a user's errors only",
)
def _eval_error_equals(self: Any, env: Any) -> None:
    """As AWS matches names; for moto `States.TaskFailed` stands for a user's errors only.

    In a test case nothing takes what a call without an answer made of the execution.
    """
    error = env.stack.pop()
    wanted = {listed.error_name for listed in self.error_names}
    is_taken = takes(wanted, error.error_name if error is not None else None)
    is_exhausted = env.mock_test_case is not None and env.mock_test_case.is_exhausted
    env.stack.append(not is_exhausted and (is_taken or getattr(error, "also", None) in wanted))
