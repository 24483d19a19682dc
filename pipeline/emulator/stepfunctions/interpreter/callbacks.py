"""Tasks that wait for a token: SendTaskSuccess, SendTaskFailure, SendTaskHeartbeat, and what ends their waiting.

moto drops the cause of a failure, takes an output that is no JSON, and refuses a heartbeat that no task asked for.
"""

from __future__ import annotations

from typing import Any

from pipeline.emulator.moto.guard import replace
from pipeline.emulator.stepfunctions.interpreter.clients import client_for
from pipeline.emulator.stepfunctions.validation.json_errors import complaint

_GONE = "Task Timed Out: 'Provided task does not exist anymore'"
_originals: dict[str, Any] = {}


def install() -> None:
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
        StateTaskServiceCallback,
    )
    from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackEndpoint
    from moto.stepfunctions.responses import StepFunctionResponse

    replace(StepFunctionResponse, "send_task_failure", _send_task_failure, source="f0fed5e80576")
    replace(StepFunctionResponse, "send_task_success", _send_task_success, source="538bf9daaaa3")
    replace(StepFunctionResponse, "send_task_heartbeat", _send_task_heartbeat, source="f42cd5661d37")
    replace(CallbackEndpoint, "notify_heartbeat", _notify_heartbeat, source="838bf10119e4")
    name = "setup_heartbeat_endpoint"
    _originals[name] = replace(CallbackEndpoint, name, _await_heartbeats, source="bcf8b4650679")
    name = "_wait_for_task_token_timeout"
    _originals[name] = replace(StateTaskServiceCallback, name, _await_answer, source="1275d4ddbb83")
    name = "_eval_integration_pattern"
    _originals[name] = replace(StateTaskServiceCallback, name, _eval_pattern, source="3b97ada1d4cb")


def _refused(kind: str, message: str) -> Exception:
    from moto.core.exceptions import AWSError

    refused: Exception = AWSError(message, kind)
    return refused


def _tell_task(call: Any) -> Any:
    """`call`, a task that takes no more word being refused as on AWS."""
    from moto.core.responses import EmptyResult

    try:
        call()
    except TypeError as error:
        # moto makes its own error for it without the message that the error needs.
        raise _refused("TaskTimedOut", _GONE) from error
    return EmptyResult()


def _send_task_failure(self: Any) -> Any:
    token, error, cause = (self._get_param(name) for name in ("taskToken", "error", "cause"))
    return _tell_task(lambda: self.stepfunction_backend.send_task_failure(token, error=error, cause=cause))


def _send_task_success(self: Any) -> Any:
    token, output = self._get_param("taskToken"), self._get_param("output")
    wrong = complaint(output)
    if wrong is not None:
        # AWS looks at the token first.
        if not _is_known(self.stepfunction_backend, token):
            raise _refused("InvalidToken", "Invalid Token: 'Invalid token'")
        raise _refused("InvalidOutput", f"Invalid Output: '{wrong.message}'")
    return _tell_task(lambda: self.stepfunction_backend.send_task_success(token, output))


def _is_known(backend: Any, token: str) -> bool:
    from moto.stepfunctions.parser.api import ExecutionStatus

    environments = [execution.exec_worker.env for execution in backend._get_executions(ExecutionStatus.RUNNING)]
    return any(env is not None and env.callback_pool_manager.get(token) is not None for env in environments)


def _send_task_heartbeat(self: Any) -> Any:
    token = self._get_param("taskToken")
    return _tell_task(lambda: self.stepfunction_backend.send_task_heartbeat(token))


def _notify_heartbeat(self: Any) -> bool:
    """A task without HeartbeatSeconds takes heartbeats too."""
    if self._heartbeat_endpoint is not None:
        self._heartbeat_endpoint.notify()
    return True


def _await_heartbeats(self: Any, heartbeat_seconds: int) -> Any:
    """Who answered before the task began to wait has answered; moto waits for a heartbeat first."""
    endpoint = _originals["setup_heartbeat_endpoint"](self, heartbeat_seconds)
    if self.get_outcome() is not None:
        endpoint.notify()
    return endpoint


def _await_answer(self: Any, timeout_seconds: Any, endpoint: Any) -> Any:
    """Whose execution is stopped as it begins to wait has no time-out: nothing is evaluated any more."""
    if isinstance(timeout_seconds, dict):
        return None
    return _originals["_wait_for_task_token_timeout"](self, timeout_seconds, endpoint)


def _eval_pattern(self: Any, env: Any, *args: Any, **kwargs: Any) -> None:
    """Whose wait has ended takes no more word by its token; what a stop or a time-out leaves running is stopped."""
    from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackConsumerTimeout

    endpoint = env.callback_pool_manager.get(env.states.context_object.context_object_data["Task"]["Token"])
    submitted = env.stack[-1]
    try:
        _originals["_eval_integration_pattern"](self, env, *args, **kwargs)
    finally:
        endpoint.report(CallbackConsumerTimeout())
        if not env.is_running():
            _cancel(self.resource, kwargs["resource_runtime_part"].region, submitted)


def _cancel(resource: Any, region: str, submitted: Any) -> None:
    """AWS stops what `.sync` waited for, as far as the service can."""
    if not str(resource.condition).startswith("sync"):
        return
    if resource.service_name == "glue":
        run = {"JobName": submitted["JobName"], "JobRunIds": [submitted["JobRunId"]]}
        client_for(region, "glue").batch_stop_job_run(**run)
    elif resource.service_name == "states":
        client_for(region, "stepfunctions").stop_execution(executionArn=submitted["ExecutionArn"])
