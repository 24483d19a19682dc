"""Tasks that wait for a token: what they take for an answer, and what ends their waiting."""

from __future__ import annotations

from typing import Any

from pipeline.emulator.moto.patch import patch
from pipeline.emulator.stepfunctions.interpreter.clients import client_for

_ENDPOINT = "moto.stepfunctions.parser.asl.eval.callback.callback:CallbackEndpoint"
_SERVICE = "moto.stepfunctions.parser.asl.component.state.exec.state_task.service"
_CALLBACK = f"{_SERVICE}.state_task_service_callback:StateTaskServiceCallback"


@patch(f"{_ENDPOINT}.notify_heartbeat", "838bf10119e4", "moto refuses a heartbeat that no task asked for")
def _notify_heartbeat(self: Any) -> bool:
    """A task without HeartbeatSeconds takes heartbeats too."""
    if self._heartbeat_endpoint is not None:
        self._heartbeat_endpoint.notify()
    return True


@patch(
    f"{_ENDPOINT}.setup_heartbeat_endpoint",
    "bcf8b4650679",
    "moto waits for a heartbeat first where the answer came before",
)
def _await_heartbeats(self: Any, heartbeat_seconds: int) -> Any:
    """Who answered before the task began to wait has answered; moto waits for a heartbeat first."""
    endpoint = _await_heartbeats.original(self, heartbeat_seconds)
    if self.get_outcome() is not None:
        endpoint.notify()
    return endpoint


@patch(
    f"{_CALLBACK}._wait_for_task_token_timeout",
    "1275d4ddbb83",
    "moto fails on a task that is stopped as it begins to wait",
)
def _await_answer(self: Any, timeout_seconds: Any, endpoint: Any) -> Any:
    """Whose execution is stopped as it begins to wait has no time-out: nothing is evaluated any more."""
    if isinstance(timeout_seconds, dict):
        return None
    return _await_answer.original(self, timeout_seconds, endpoint)


@patch(
    f"{_CALLBACK}._eval_integration_pattern",
    "3b97ada1d4cb",
    "moto takes word for a task whose wait has ended, and leaves running what it waited for",
)
def _eval_pattern(self: Any, env: Any, *args: Any, **kwargs: Any) -> None:
    """Whose wait has ended takes no more word by its token; what a stop or a time-out leaves running is stopped."""
    from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackConsumerTimeout

    endpoint = env.callback_pool_manager.get(env.states.context_object.context_object_data["Task"]["Token"])
    submitted = env.stack[-1]
    try:
        _eval_pattern.original(self, env, *args, **kwargs)
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
