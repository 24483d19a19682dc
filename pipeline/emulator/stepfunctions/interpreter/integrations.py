"""Service integrations: parameters and answers in the spelling of Step Functions, and `.sync` that waits.

moto emptied the two functions that translate spelling, and its `.sync` of Glue fails on an endpoint that it
did not make.
"""

from __future__ import annotations

import json
from typing import Any

from pipeline.core.errors import Misconfigured
from pipeline.emulator.moto.patch import patch, setup
from pipeline.emulator.stepfunctions.interpreter import clients
from pipeline.emulator.stepfunctions.interpreter.json_text import iso, milliseconds, to_json_str, write_times
from pipeline.emulator.stepfunctions.interpreter.parameters import fitted
from pipeline.emulator.stepfunctions.interpreter.service_errors import check_required
from pipeline.emulator.stepfunctions.validation.integrations import operations, sdk_service

_TASK = "moto.stepfunctions.parser.asl.component.state.exec.state_task"
_SERVICE = f"{_TASK}.service.state_task_service:StateTaskService"

POLL_SECONDS = 0.4
"""How often `.sync` asks whether a job has ended (moto: 0.5 s)."""

_NAMED_BY_ARN = "the function is named by its ARN"
_POLL_CONSTANT = "_DELAY_SECONDS_SYNC_CONDITION_CHECK"


@setup("moto waits for no job that was stopped or never began, and makes no endpoint that ends the wait")
def _wait_for_jobs() -> None:
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
        state_task_service_callback,
        state_task_service_glue,
    )
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition

    patterns: set[Any] = state_task_service_glue._SUPPORTED_INTEGRATION_PATTERNS
    if patterns != {ResourceCondition.Sync}:
        raise Misconfigured(f"moto's Glue integration supports {patterns}", hint="Install the pinned moto.")
    # Only then is the endpoint made that the end of the wait interrupts.
    patterns.add(ResourceCondition.WaitForTaskToken)
    for states in (
        state_task_service_glue._JOB_RUN_STATE_ABNORMAL_TERMINAL_VALUE,
        state_task_service_glue._JOB_RUN_STATE_TERMINAL_VALUES,
    ):
        # moto takes a run that was stopped for a success, and waits for ever for one that never began.
        states.update(("STOPPED", "EXPIRED"))
    if not hasattr(state_task_service_callback, _POLL_CONSTANT):
        raise Misconfigured(f"moto has no {_POLL_CONSTANT}", hint="Install the pinned moto.")
    setattr(state_task_service_callback, _POLL_CONSTANT, POLL_SECONDS)


@patch(f"{_SERVICE}._get_boto_service_name", "89e578864a3d", "moto knows few of the names of aws-sdk resources")
def _service(self: Any, boto_service_name: str | None = None) -> str:
    """botocore's name of the service that a task calls."""
    name = boto_service_name or self.resource.api_name
    if self.resource.service_name == "aws-sdk" and boto_service_name is None:
        return sdk_service(name) or name
    return str(self._SERVICE_NAME_SFN_TO_BOTO_OVERRIDES.get(name, name))


def _operation(task: Any, service: str | None, action: str | None) -> Any:
    name = task._get_boto_service_name(service)
    return operations(name).get(task._get_boto_service_action(action).replace("_", ""))


@patch(f"{_SERVICE}._normalise_parameters", "dece59e76fd5", "moto emptied it")
def _normalise_parameters(
    self: Any, parameters: dict[str, Any], boto_service_name: str | None = None, service_action_name: str | None = None
) -> None:
    operation = _operation(self, boto_service_name, service_action_name)
    if operation is not None and operation.input_shape is not None:
        found = fitted(operation, parameters)
        parameters.clear()
        parameters.update(found)
        check_required(operation, parameters)


@patch(
    f"{_TASK}.service.state_task_service_lambda:StateTaskServiceLambda._normalise_parameters",
    "b22682154042",
    "moto changes the payload and nothing else",
)
def _normalise_invocation(self: Any, parameters: dict[str, Any], *names: str | None, **named: str | None) -> None:
    if "Payload" in parameters:
        parameters["Payload"] = _as_event.original(parameters["Payload"])
    _normalise_parameters(self, parameters, *names, **named)


@patch(f"{_TASK}.lambda_eval_utils:to_payload_type", "2fbcd420cd61", "moto sends no payload for null")
def _as_event(payload: Any) -> bytes:
    """A function named by its ARN gets the input as it is, null too, where `lambda:invoke` sends no payload then."""
    return to_json_str(payload).encode()


@patch(f"{_SERVICE}._normalise_response", "00e0b0a50b1d", "moto emptied it")
def _normalise_response(
    self: Any, response: Any, boto_service_name: str | None = None, service_action_name: str | None = None
) -> None:
    operation = _operation(self, boto_service_name, service_action_name)
    if operation is not None and operation.output_shape is not None:
        self._from_boto_response(response, operation.output_shape)
    if service_action_name == "describe_execution":
        # What `.sync` asks for a machine that it waits for, and moto has picked apart.
        clients.put_in_order(response)
    if self.resource.service_name in ("aws-sdk", "events"):
        clients.forget_metadata(response)
        write_times(response, iso)


@patch(f"{_SERVICE}._after_eval_execution", "118261fe0a62", "moto leaves the times in what .sync waited for")
def _after_execution(self: Any, env: Any, *args: Any, **kwargs: Any) -> None:
    """What `.sync` waited for comes here without a look at its times."""
    write_times(env.stack[-1:], milliseconds)
    _after_execution.original(self, env, *args, **kwargs)


@patch(
    f"{_TASK}.lambda_eval_utils:execute_lambda_function_integration",
    "f8c714c35a24",
    "moto keeps five fields of the answer and drops what AWS tells about the call",
)
def _invoke_lambda(env: Any, parameters: dict[str, Any], region: str, state_credentials: Any) -> None:
    """The whole answer: moto keeps five of its fields and drops what AWS tells about the call."""
    from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils as utils

    text = None
    if env.is_mocked_mode():
        answer = utils._mocked_invoke_lambda_function(env=env)
        if env.heap.get(_NAMED_BY_ARN):
            # The mock of such a function gives what the function answers.
            answer = {"Payload": answer}
    else:
        answer = clients.client_for(region, "lambda", state_credentials).invoke(**parameters)
        answer.pop("ResponseMetadata", None)
        text = answer["Payload"].read().decode()
        answer["Payload"] = _json_or_text(text)
    if answer.get("FunctionError"):
        failed: Any = utils.LambdaFunctionErrorException(answer["FunctionError"], to_json_str(answer["Payload"]))
        failed.answered = text
        raise failed
    env.stack.append(answer)


@patch(
    f"{_TASK}.state_task_lambda:StateTaskLambda._eval_execution",
    "ead6d23ce0b1",
    "moto does not know any more how the function was named",
)
def _eval_function(self: Any, env: Any) -> None:
    """A task whose resource is the function itself."""
    env.heap[_NAMED_BY_ARN] = True
    try:
        _eval_function.original(self, env)
    finally:
        env.heap.pop(_NAMED_BY_ARN, None)


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
