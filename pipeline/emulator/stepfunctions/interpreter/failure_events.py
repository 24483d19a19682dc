"""Make the failures that moto's interpreter passes on to Retry, Catch and the history."""

from __future__ import annotations

from typing import Any


def error_named(error_name: str | None) -> Any:
    """moto's object for an error's name: one that AWS defines is of another class than a user's."""
    from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
    from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName

    if error_name is None or not error_name.startswith("States."):
        return CustomErrorName(error_name)
    try:
        return StatesErrorName.from_name(error_name)
    except ValueError:
        unknown: Any = CustomErrorName(None)
        unknown.error_name = error_name
        return unknown


def failure_event(env: Any, event_type: str, details_key: str, **details: Any) -> Any:
    """A failure whose history event is of `event_type` and has `details` under `details_key`."""
    from moto.stepfunctions.parser.api import HistoryEventType
    from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent

    told: Any = {details_key: details}
    return FailureEvent(
        env=env,
        error_name=error_named(details.get("error")),
        event_type=HistoryEventType(event_type),
        event_details=told,
    )


def failure(env: Any, event_type: str, details_key: str, **details: Any) -> Exception:
    """The exception that carries such a failure."""
    from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException

    raised: Exception = FailureEventException(failure_event(env, event_type, details_key, **details))
    return raised


def evaluation_failure(env: Any, cause: str, location: str) -> Exception:
    """The exception of an evaluation that failed in the field `location`."""
    return failure(
        env,
        "EvaluationFailed",
        "evaluationFailedEventDetails",
        error="States.QueryEvaluationError",
        cause=cause,
        location=location,
    )
