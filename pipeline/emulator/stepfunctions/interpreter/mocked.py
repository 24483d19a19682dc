"""States that only a test case answers: integrations that are not embedded, and a distributed Map as a whole.

moto's parser knows too few of them, and runs some in part. In what it reads, a distributed Map is a Task.
"""

from __future__ import annotations

import json
import uuid
from functools import cache, lru_cache
from typing import Any

from pipeline.emulator.moto.patch import patch
from pipeline.emulator.stepfunctions.interpreter.failure_events import failure, failure_event
from pipeline.emulator.stepfunctions.validation.fields import ALLOWED, COMMON
from pipeline.emulator.stepfunctions.validation.integrations import EMBEDDED, OPTIMISED
from pipeline.state_machines.coverage import inner_machines, is_distributed

_MAP = "a-distributed-map"
_PROCESSING = frozenset({"Parameters", "Resource", "Arguments", "Credentials"})


def parse(definition: str) -> Any:
    """The program that the interpreter runs. Errors as its parser raises them."""
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

    return AmazonStateLanguageParser.parse(readable(definition))[0]


@lru_cache(256)
def readable(definition: str) -> str:
    """The definition as the interpreter can read it: the same text unless it has a distributed Map."""
    machine = json.loads(definition)
    return json.dumps(machine) if _fold(machine) else definition


def _fold(machine: dict[str, Any]) -> bool:
    """Make a Task of each distributed Map; whether there was one."""
    found = False
    for name, state in machine["States"].items():
        if is_distributed(state):
            kept = (COMMON | ALLOWED["Task"]) - _PROCESSING
            task = {key: value for key, value in state.items() if key in kept}
            machine["States"][name] = {**task, "Type": "Task", "Resource": f"arn:aws:states:::{_MAP}:run"}
            found = True
        for _, inner in inner_machines(state):
            found = _fold(inner) or found
    return found


@patch(
    "moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task_factory:state_task_service_for",
    "a21a16afc5f6",
    "moto knows too few of the services that a test case may answer for",
)
def _task_for(service_name: str) -> Any:
    if service_name == _MAP:
        return _map()()
    if service_name in OPTIMISED and service_name not in EMBEDDED:
        return _answered()()
    return _task_for.original(service_name)


@cache
def _answered() -> type:
    """The class of Tasks whose service is not called; moto is loaded by now."""
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
        StateTaskServiceCallback,
    )

    class Answered(StateTaskServiceCallback):
        """Without an answer it ends the execution."""

        def __init__(self) -> None:
            patterns: set[Any] = {ResourceCondition.WaitForTaskToken, ResourceCondition.Sync, ResourceCondition.Sync2}
            super().__init__(supported_integration_patterns=patterns)

        def _validate_service_integration_is_supported(self) -> None:
            """By `refusals`, which knows all of them."""

        def _normalise_parameters(self, *_: Any, **__: Any) -> None:
            """No client reads them."""

        def _normalise_response(self, *_: Any, **__: Any) -> None:
            """An answer is written as AWS gives it."""

        def _eval_service_task(self, env: Any, *_: Any, **__: Any) -> None:
            raise unanswered(env, f"the optimised integration of {self.resource.service_name}")

    return Answered


@cache
def _map() -> type:
    """The class of distributed Maps."""
    from moto.stepfunctions.parser.api import HistoryEventType
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.mock_eval_utils import eval_mocked_response

    answered: Any = _answered()

    class DistributedMap(answered):  # type: ignore[misc]
        """Its result is a test case's."""

        def __init__(self) -> None:
            super().__init__()
            self.state_entered_event_type = HistoryEventType.MapStateEntered
            self.state_exited_event_type = HistoryEventType.MapStateExited

        def _eval_execution(self, env: Any) -> None:
            if not env.is_mocked_mode():
                raise unanswered(env, "Distributed Map")
            machine = env.states.context_object.context_object_data["StateMachine"]["Id"]
            run = f"{machine.replace(':stateMachine:', ':mapRun:')}/{self.name}:{uuid.uuid4()}"
            _tell(env, "MapStateStarted", mapStateStartedEventDetails={"length": 0})
            _tell(env, "MapRunStarted", mapRunStartedEventDetails={"mapRunArn": run})
            eval_mocked_response(env=env, mocked_response=env.get_current_mocked_response())
            self._verify_size_quota(env=env, value=env.stack[-1])
            _tell(env, "MapRunSucceeded")
            _tell(env, "MapStateSucceeded")

        def _from_error(self, env: Any, ex: Exception) -> Any:
            failed = super()._from_error(env, ex)
            thrown = (failed.event_details or {}).get("taskFailedEventDetails")
            if thrown is None:
                return failed
            details = {key: thrown[key] for key in ("error", "cause") if thrown.get(key)}
            _tell(env, "MapRunFailed", mapRunFailedEventDetails=details)
            _tell(env, "MapStateFailed")
            return failure_event(env, "ExecutionFailed", "executionFailedEventDetails", **details)

    return DistributedMap


def unanswered(env: Any, feature: str) -> Exception:
    """The end of an execution that comes to what is not embedded, past every Retry and Catch in a test case."""
    cause = f"The embedded AWS does not run {feature}: name the state '{env.next_state_name}' in the test case"
    if env.mock_test_case is not None:
        env.mock_test_case.is_exhausted = True
    return failure(env, "ExecutionFailed", "executionFailedEventDetails", error="States.Runtime", cause=cause)


def _tell(env: Any, event_type: str, **details: Any) -> None:
    from moto.stepfunctions.parser.api import HistoryEventType

    env.event_manager.add_event(
        context=env.event_history_context, event_type=HistoryEventType(event_type), event_details=details or None
    )
