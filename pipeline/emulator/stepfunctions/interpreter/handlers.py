"""How a task's failure is told, and which retrier or catcher takes it."""

from __future__ import annotations

from typing import Any

from pipeline.emulator.moto.guard import replace
from pipeline.emulator.stepfunctions.interpreter.failure_events import error_named
from pipeline.emulator.stepfunctions.interpreter.parameters import Unsupported
from pipeline.emulator.stepfunctions.interpreter.service_errors import Unreachable, from_other_error
from pipeline.state_machines.coverage import takes

_NOBODYS = (Unsupported, Unreachable, TypeError, AttributeError, LookupError, ValueError, ArithmeticError)
"""Errors that no service answered."""
_originals: dict[str, Any] = {}


def install() -> None:
    from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_dynamodb import (
        StateTaskServiceDynamoDB,
    )
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task import StateTask

    def kept(owner: Any, key: str, name: str, replacement: Any, *, source: str) -> None:
        _originals[key] = replace(owner, name, replacement, source=source)

    kept(StateTask, "task", "_from_error", _from_error, source="8f7051977d26")
    kept(StateTaskServiceDynamoDB, "dynamodb", "_from_error", _from_dynamodb_error, source="a27eaf8b4975")
    replace(ErrorEqualsDecl, "_eval_body", _eval_error_equals, source="aeda14a0cc01")


def _from_error(self: Any, env: Any, ex: Exception) -> Any:
    """A missed heartbeat is told as `States.Timeout`, and may be caught as `States.HeartbeatTimeout` as well.

    A thrown mock fails the task as its service would: moto leaves out which service that is.
    """
    from botocore.exceptions import BotoCoreError
    from moto.stepfunctions.parser.asl.eval.callback.callback import HeartbeatTimeoutError

    if isinstance(ex, (*_NOBODYS, BotoCoreError)) and hasattr(self, "_get_sfn_resource_type"):
        return from_other_error(self, env, ex)
    failed = _originals["task"](self, env, ex)
    if isinstance(ex, HeartbeatTimeoutError):
        failed.error_name = error_named("States.Timeout")
        failed.error_name.also = "States.HeartbeatTimeout"
    details = (failed.event_details or {}).get("taskFailedEventDetails")
    if details is not None and "resource" not in details and hasattr(self, "_get_sfn_resource"):
        details |= {"resource": self._get_sfn_resource(), "resourceType": self._get_sfn_resource_type()}
    return failed


def _from_dynamodb_error(self: Any, env: Any, ex: Exception) -> Any:
    """moto takes whatever is no answer of this service for a generic error of it: a thrown mock, a time-out."""
    from botocore.exceptions import ClientError

    if isinstance(ex, ClientError):
        return _originals["dynamodb"](self, env, ex)
    return _from_error(self, env, ex)


def _eval_error_equals(self: Any, env: Any) -> None:
    """As AWS matches names; for moto `States.TaskFailed` stands for a user's errors only.

    In a test case nothing takes what a call without an answer made of the execution.
    """
    error = env.stack.pop()
    wanted = {listed.error_name for listed in self.error_names}
    is_taken = takes(wanted, error.error_name if error is not None else None)
    is_exhausted = env.mock_test_case is not None and env.mock_test_case.is_exhausted
    env.stack.append(not is_exhausted and (is_taken or getattr(error, "also", None) in wanted))
