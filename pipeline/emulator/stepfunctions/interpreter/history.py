"""The history that the interpreter writes: at most 25,000 events, and one that a redrive continues.

Source of the limit: "Avoid reaching the history quota" of the Step Functions guide; its words are AWS's.
"""

from __future__ import annotations

import threading
from typing import Any

from pipeline.emulator.moto.patch import patch
from pipeline.emulator.stepfunctions.interpreter import clock
from pipeline.emulator.stepfunctions.interpreter.resuming import kept_before, way_into
from pipeline.emulator.stepfunctions.interpreter.turns import give_turn_after, take_turn_for
from pipeline.emulator.stepfunctions.logs import ExecutionLog
from pipeline.emulator.stepfunctions.redrive_plan import Done, Resume

MOST_EVENTS = 25_000
_LAST = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut")


_EVENTS = "moto.stepfunctions.parser.asl.eval.event.event_manager:EventManager"


@patch(f"{_EVENTS}.add_event", "cb430fa2e3fe", "moto knows no turns, no redrive and no end of a history")
def _add_event(self: Any, context: Any, event_type: Any, *args: Any, **kwargs: Any) -> int:
    take_turn_for(event_type.value)
    added = _add(self, context, event_type, *args, **kwargs)
    give_turn_after(event_type.value)
    return added


@patch(f"{_EVENTS}._publish_history_log", "02f1a258b2d6", "moto has the filter by level, and no execution ever gets it")
def _publish_history_log(
    self: Any, event_id: int, source_event_id: int, event_type: Any, timestamp: str, event_details: Any
) -> None:
    log: ExecutionLog | None = self._cloud_watch_logging_session
    if log is not None:
        log.write(event_id, source_event_id, event_type, timestamp, event_details)


def _add(
    manager: Any,
    context: Any,
    event_type: Any,
    event_details: Any = None,
    timestamp: Any = None,
    update_source_event_id: bool = True,
) -> int:
    known = kept_before(context, event_type.value)
    if known is not None:
        context.source_event_id = context.last_published_event_id = known
        return known
    count = getattr(manager, "redriven", None)
    if count is not None and event_type.value == "ExecutionStarted":
        event_type, event_details = _redriven(count)
    with manager.__dict__.setdefault("order", threading.RLock()):
        if getattr(manager, "closed", False) or _is_full(manager, event_type.value):
            return context.last_published_event_id  # type: ignore[no-any-return]
        manager.closed = event_type.value in _LAST
        if event_type.value == "ExecutionFailed" and failure_of(manager) is not None:
            event_details = {"executionFailedEventDetails": failure_of(manager)}
        if event_type.value == "EvaluationFailed":
            _place_beside_entry(manager, context)
        added: int = _add_event.original(manager, context, event_type, event_details, timestamp, update_source_event_id)
        return added


def failure_of(manager: Any) -> dict[str, str] | None:
    """The error of an execution whose history is full; it ends with no other."""
    return getattr(manager, "failure", None)


def _is_full(manager: Any, event_type: str) -> bool:
    """Event 25,000 is the last of the execution; any other instead of it fails the execution, and is not told."""
    if event_type in _LAST or manager._event_id_gen._next_id < MOST_EVENTS:
        return False
    if failure_of(manager) is None:
        manager.failure = {
            "error": "States.Runtime",
            "cause": f"The execution reached the maximum number of history events ({MOST_EVENTS}).",
        }
        manager.root.set_error(manager.failure)
    return True


def _place_beside_entry(manager: Any, context: Any) -> None:
    """AWS has a query that fails first thing in a state follow what the state's entry follows, not the entry."""
    before = context.source_event_id
    entered = manager._history_event_list[before - 1] if before else None
    if entered is not None and "stateEnteredEventDetails" in entered:
        context.source_event_id = entered["previousEventId"]


def _redriven(count: int) -> tuple[Any, Any]:
    from moto.stepfunctions.parser.api import HistoryEventType

    return HistoryEventType.ExecutionRedriven, {"executionRedrivenEventDetails": {"redriveCount": count}}


@patch(
    "moto.stepfunctions.parser.asl.component.program.program:Program.eval",
    "6d701880064a",
    "moto begins at the start, in a thread of its own whether or not there is a timeout",
)
def _eval(self: Any, env: Any) -> None:
    """From the start, or from where a redriven execution goes on; in a thread of its own only if there is a timeout."""
    from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent

    manager = env.event_manager
    if not env.is_frame():
        manager.root = env
    env.next_state_name = self.start_at.start_at_name
    way = way_into(self, env)
    if isinstance(way, Done):
        env.states.reset(way.output)
        env.set_ended()
        self._eval_body(env)
        return
    if isinstance(way, Resume):
        env.states.reset(way.input)
        env.next_state_name = way.state
    if self.timeout_seconds is None:
        EvalComponent.eval(self, env)
        return
    thread = threading.Thread(target=EvalComponent.eval, args=(self, env), daemon=True)

    def ends_within(seconds: float) -> bool:
        thread.join(seconds)
        return not thread.is_alive()

    thread.start()
    if not clock.is_in_time(ends_within, self.timeout_seconds.timeout_seconds, env):
        env.set_timed_out()
        # Its thread may sit in a task for long. It comes here too, and finds the history closed.
        self._eval_body(env)
