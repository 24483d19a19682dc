"""A task that fails before it calls anybody, or without a name of its own: what is told, and what may be caught.

Source: "Handling errors in Step Functions workflows" of the guide: `States.Runtime` fails the execution, and the
wildcards do not catch it.
"""

from __future__ import annotations

import copy
import threading
from typing import Any

from pipeline.emulator.fair_queue import asker, asker_of
from pipeline.emulator.moto.patch import patch
from pipeline.emulator.stepfunctions.interpreter import clock
from pipeline.emulator.stepfunctions.interpreter.aborts import silence
from pipeline.emulator.stepfunctions.interpreter.failure_events import evaluation_failure, failure, failure_event
from pipeline.emulator.stepfunctions.interpreter.json_text import to_json_str
from pipeline.emulator.stepfunctions.interpreter.jsonata import json_type
from pipeline.emulator.stepfunctions.interpreter.paths import steps_of
from pipeline.emulator.stepfunctions.interpreter.turns import in_this_seat

_COMPONENT = "moto.stepfunctions.parser.asl.component"
_EXEC = f"{_COMPONENT}.state.exec"

_WILDCARDS = {"States.ALL", "States.TaskFailed"}


@patch(
    f"{_EXEC}.execute_state:ExecutionState._evaluate_with_timeout",
    "c56deda08a42",
    "moto adds the success of a call to the history of what timed out before",
)
def _eval_in_time(self: Any, env: Any) -> None:
    """What comes too late is not told: moto writes the success of a call into the history of what timed out before."""
    from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import EvalTimeoutError

    self.timeout.eval(env=env)
    if not env.is_running():
        # Stopped in this moment: nothing is evaluated any more, and the stack has no time-out on it.
        return
    seconds = env.stack.pop()
    frame = env.open_frame()
    frame.states.reset(input_value=env.states.get_input())
    frame.stack = copy.deepcopy(env.stack)
    ended, failures = threading.Event(), []

    def evaluate() -> None:
        asker.set(asker_of(env.states.context_object.context_object_data["Execution"]["Id"]))
        try:
            self._eval_execution(frame)
        except Exception as ex:
            failures.append(ex)
        ended.set()

    threading.Thread(target=in_this_seat(evaluate), daemon=True).start()
    in_time = clock.is_in_time(ended.wait, seconds, env)
    if not in_time:
        silence(frame)
    frame.set_ended()
    env.close_frame(frame)
    if not in_time:
        raise EvalTimeoutError()
    if failures:
        raise failures[0]
    _take_result(self, env, frame.stack.pop())


def _take_result(state: Any, env: Any, result: Any) -> None:
    env.stack.append(result)
    if not state._is_language_query_jsonpath():
        env.states.set_result(result)
    if state.assign_decl:
        state.assign_decl.eval(env=env)
    if state.result_selector:
        state.result_selector.eval(env=env)
    if state.result_path:
        state.result_path.eval(env)
    else:
        env.states.reset(input_value=env.stack.pop())


@patch(
    f"{_EXEC}.execute_state:ExecutionState._eval_state",
    "88a5f8e4c72b",
    "moto lets the wildcards take States.Runtime",
)
def _eval_state(self: Any, env: Any) -> None:
    env.states.context_object.context_object_data["State"]["RetryCount"] = 0
    while env.is_running():
        try:
            self._evaluate_with_timeout(env)
            return
        except Exception as ex:
            if _is_over(self, env, self._from_error(env=env, ex=ex)):
                return


def _is_over(state: Any, env: Any, failed: Any) -> bool:
    """Whether a failure was caught; False if the state is tried again, and the failure raised if neither."""
    from moto.stepfunctions.parser.asl.component.common.catch.catch_outcome import CatchOutcome
    from moto.stepfunctions.parser.asl.component.common.retry.retry_outcome import RetryOutcome

    # One of that type is told when the execution ends.
    if failed.event_type.value != "ExecutionFailed":
        env.event_manager.add_event(
            context=env.event_history_context, event_type=failed.event_type, event_details=failed.event_details
        )
    error_output = state._construct_error_output_value(failure_event=failed)
    env.states.set_error_output(error_output)
    env.states.set_result(error_output)
    is_runtime = failed.error_name is not None and failed.error_name.error_name == "States.Runtime"
    if state.retry and not is_runtime and state._handle_retry(env=env, failure_event=failed) == RetryOutcome.CanRetry:
        return False
    if state.catch and not (is_runtime and _is_caught_by_wildcard(state.catch)):
        state._handle_catch(env=env, failure_event=failed)
        if env.stack[-1] == CatchOutcome.Caught:
            return True
    state._handle_uncaught(env=env, failure_event=failed)
    return True


def _is_caught_by_wildcard(catch: Any) -> bool:
    names = {name.error_name for catcher in catch.catchers for name in catcher.error_equals.error_names}
    return bool(names & _WILDCARDS) and "States.Runtime" not in names


@patch(
    f"{_EXEC}.state_task.state_task:StateTask._eval_parameters",
    "f98779b805f9",
    "moto names no field where a path of the parameters finds nothing",
)
def _eval_parameters(self: Any, env: Any) -> Any:
    """A path of the parameters that finds nothing names its field; what is no object is none."""
    from moto.stepfunctions.parser.asl.utils.json_path import NoSuchJsonPathError

    parameters: Any = {}
    try:
        if self.parargs is not None:
            self.parargs.eval(env=env)
            parameters = env.stack.pop()
    except NoSuchJsonPathError as missing:
        cause = (
            f"The JSONPath '{missing.json_path}' specified for the field '{env.next_field_name}' "
            f"could not be found in the input '{to_json_str(missing.data)}'"
        )
        raise _runtime(env, "States.Runtime", cause) from missing
    if not isinstance(parameters, dict):
        raise _no_object(env, parameters)
    supported = self._get_supported_parameters()
    return {name: value for name, value in parameters.items() if not supported or name in supported}


def _no_object(env: Any, value: Any) -> Exception:
    told = f"Expected 'object', but was '{json_type(value)}' for value: {to_json_str(value)}"
    return evaluation_failure(env, f"The field 'Arguments' returned an unexpected result type. {told}", "Arguments")


def _runtime(env: Any, error: str, cause: str) -> Exception:
    return failure(env, "ExecutionFailed", "executionFailedEventDetails", error=error, cause=cause)


@patch(
    f"{_COMPONENT}.common.string.string_expression:StringIntrinsicFunction._eval_body",
    "be8691229e2d",
    "moto fails with an exception of Python's",
)
def _eval_intrinsic(self: Any, env: Any) -> None:
    """An intrinsic function that its arguments do not suit fails by its name; moto: with an exception of Python's."""
    from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
    from moto.stepfunctions.parser.asl.utils.json_path import NoSuchJsonPathError

    try:
        _eval_intrinsic.original(self, env)
    except (FailureEventException, NoSuchJsonPathError):
        raise
    except Exception as error:
        cause = f"The function '{self.literal_value}' had the following error: {error}"
        raise _runtime(env, "States.IntrinsicFailure", cause) from error


@patch(
    f"{_EXEC}.state_task.state_task_lambda:StateTaskLambda._from_error",
    "1a3cdc6f4b30",
    "moto gives the service's errors other names and writes a function's cause anew",
)
def _from_lambda_error(self: Any, env: Any, ex: Exception) -> Any:
    """A function named by its ARN: the service's errors keep their names, and the cause of the function's own is what
    it answered, character by character, where `lambda:invoke` has it written anew.
    """
    from botocore.exceptions import ClientError
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_lambda import (
        StateTaskServiceLambda,
    )

    if not isinstance(ex, ClientError):
        answered = getattr(ex, "answered", None)
        failed = _from_lambda_error.original(self, env, ex if answered is None else _as_answered(ex, answered))
        thrown = (failed.event_details or {}).get("taskFailedEventDetails")
        if thrown is None:
            return failed
        # A mock throws what a service would.
        return failure_event(env, "LambdaFunctionFailed", "lambdaFunctionFailedEventDetails", **thrown)
    error, cause = StateTaskServiceLambda._error_cause_from_client_error(ex)
    return failure_event(env, "LambdaFunctionFailed", "lambdaFunctionFailedEventDetails", error=error, cause=cause)


def _as_answered(ex: Any, text: str) -> Exception:
    again: Exception = type(ex)(ex.function_error, text)
    return again


@patch(
    f"{_COMPONENT}.common.path.result_path:ResultPath._eval_body",
    "a6d93b4e5a33",
    "moto parses the path at each use",
)
def _eval_result_path(self: Any, env: Any) -> None:
    """Put a result into the input, making the objects on its way; moto parses the path at each use."""
    state_input = env.states.get_input()
    if self.result_path_src is None:
        env.stack.clear()
        env.stack.append(state_input)
        return
    result = env.stack.pop()
    steps = steps_of(self.result_path_src)
    if steps is None:
        raise _runtime(env, "States.Runtime", f"Invalid ResultPath '{self.result_path_src}'")
    try:
        env.stack.append(_placed(state_input, steps, result))
    except (TypeError, LookupError) as error:
        from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

        cause = f"Unable to apply ReferencePath {self.result_path_src} to input {to_json_str(state_input)}"
        raise _runtime(env, "States.ResultPathMatchFailure", cause) from error


def _placed(container: Any, steps: tuple[str | int, ...], value: Any) -> Any:
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(step, int):
        if not isinstance(container, list):
            raise TypeError(step)
        container[step] = _placed(container[step], rest, value)
        return container
    if not isinstance(container, dict):
        raise TypeError(step)
    container[step] = _placed(container.get(step, {} if rest else None), rest, value)
    return container
