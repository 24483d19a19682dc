"""How a state fails: whose entry its cause names, query failures that are told and caught, waits that a stop ends."""

from __future__ import annotations

import json
import time
from typing import Any

from pipeline.emulator.moto.patch import patch
from pipeline.emulator.stepfunctions.interpreter.failure_events import error_named, failure
from pipeline.emulator.stepfunctions.interpreter.turns import give_turn

_COMPONENT = "moto.stepfunctions.parser.asl.component"
_FAILURE = f"{_COMPONENT}.common.error_name.failure_event"

_DECORATED = "An error occurred while executing the state '"
_NO_ARRAY = "Map state input must be an array but was: "
_NO_NEXT_STATE = "Failed to transition out of the state. The state does not point to a next state."
_RULE_HOLDS = "a rule of the choice holds"


def entered_at(env: Any) -> int:
    """The id of the event by which the state that `env` is in was entered; 0 before any."""
    events = env.event_manager._history_event_list
    at: int = env.event_history_context.source_event_id
    while at:
        event = events[at - 1]
        if event.get("stateEnteredEventDetails", {}).get("name") == env.next_state_name:
            return at
        at = event["previousEventId"]
    return 0


def decorated(cause: str, state: str, entered: int) -> str:
    """The cause as AWS opens it, once: that of a branch stays as it was."""
    if cause.startswith(_DECORATED):
        return cause
    return f"{_DECORATED}{state}' (entered at the event id #{entered}). {cause}"


@patch(f"{_FAILURE}:FailureEvent.__init__", "3a94f1c26bf0", "moto names no state in the cause of a failed query")
def _failure_event(self: Any, env: Any, *args: Any, **kwargs: Any) -> None:
    _failure_event.original(self, env, *args, **kwargs)
    self.source_event_id = entered_at(env)
    failed = (self.event_details or {}).get("evaluationFailedEventDetails")
    if failed:
        if failed["cause"].startswith(_NO_ARRAY):
            # moto names Python's type.
            failed["cause"] = _NO_ARRAY + json.dumps(env.states.get_input(), separators=(",", ":"))
        failed["cause"] = decorated(failed["cause"], self.state_name, self.source_event_id)
        failed["state"] = self.state_name


@patch(
    f"{_FAILURE}:FailureEventException.get_execution_failed_event_details",
    "cc932b747488",
    "moto writes the cause of a failed query anew",
)
def _execution_failed(self: Any) -> Any:
    pair = self.extract_error_cause_pair()
    if pair and pair[1] and pair[1].startswith(_DECORATED):
        from moto.stepfunctions.parser.api import ExecutionFailedEventDetails

        return ExecutionFailedEventDetails(error=pair[0], cause=pair[1])
    return _execution_failed.original(self)


@patch(
    f"{_FAILURE}:FailureEventException.get_evaluation_failed_event_details",
    "a73c18adee39",
    "moto writes the cause of a failed query anew",
)
def _evaluation_failed(self: Any) -> Any:
    """As `_failure_event` made them."""
    return self.failure_event.event_details["evaluationFailedEventDetails"]


def _is_query_failure(error: Any) -> bool:
    return "evaluationFailedEventDetails" in (error.failure_event.event_details or {})


def _tell(env: Any, error: Any) -> None:
    """Add the failure to the history unless a state within told it."""
    event = error.failure_event
    details = event.event_details["evaluationFailedEventDetails"]
    if any(told.get("evaluationFailedEventDetails") is details for told in env.event_manager._history_event_list[-20:]):
        return
    env.event_manager.add_event(
        context=env.event_history_context, event_type=event.event_type, event_details=event.event_details
    )


@patch(
    f"{_COMPONENT}.state.state:CommonStateField._eval_body",
    "035f80caae12",
    "moto leaves a failed query out of the history",
)
def _eval_body(self: Any, env: Any) -> None:
    """A failed query is told here by the states that tell no failures themselves.

    A state begins without what its predecessor's `Output` saw of the variables.
    """
    from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException

    env.variable_store.before = None
    try:
        _eval_body.original(self, env)
    except FailureEventException as error:
        if _is_query_failure(error):
            _tell(env, error)
        raise


@patch(
    f"{_COMPONENT}.state.exec.execute_state:ExecutionState._eval_state_output",
    "8319eaf73095",
    "moto lets no Catch take a failed query in Output",
)
def _eval_task_output(self: Any, env: Any) -> None:
    """A failed query in `Output` goes to the state's Catch, as one in `Arguments` does."""
    from moto.stepfunctions.parser.asl.component.common.catch.catch_outcome import CatchOutcome
    from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException

    try:
        _eval_task_output.original(self, env)
    except FailureEventException as error:
        if not _is_query_failure(error):
            raise
        _tell(env, error)
        if self.catch is None:
            raise
        env.states.set_error_output(self._construct_error_output_value(failure_event=error.failure_event))
        self._handle_catch(env=env, failure_event=error.failure_event)
        if env.stack[-1] != CatchOutcome.Caught:
            raise


@patch(
    f"{_COMPONENT}.state.choice.state_choice:StateChoice._eval_state",
    "47c01743c893",
    "moto ends with an exception of its own where no rule holds and there is no Default",
)
def _choose(self: Any, env: Any) -> None:
    """moto ends with an exception of its own where no rule holds and there is no Default."""
    for rule in self.choices_decl.rules:
        rule.eval(env)
        if env.stack.pop() is True:
            env.heap[_RULE_HOLDS] = True
            env.stack.append(rule.next_stmt.name)
            return
    if self.default_state is not None:
        env.stack.append(self.default_state.state_name)
        return
    # The specification of the language calls it States.NoChoiceMatched; AWS answers States.Runtime.
    raise failure(env, "ExecutionFailed", "executionFailedEventDetails", error="States.Runtime", cause=_NO_NEXT_STATE)


@patch(
    f"{_COMPONENT}.state.choice.state_choice:StateChoice._eval_state_output",
    "ab3b90209aa7",
    "moto takes a rule that leads where Default leads for Default",
)
def _end_choice(self: Any, env: Any) -> None:
    """A rule that leads where Default leads is not Default: the state's own Assign and Output are for that alone."""
    following = env.stack.pop()
    if not env.heap.pop(_RULE_HOLDS, False):
        for part in (self.assign_decl, self.output):
            if part:
                part.eval(env=env)
    if self._is_language_query_jsonpath():
        if self.output_path:
            self.output_path.eval(env=env)
        else:
            env.states.reset(input_value=env.stack.pop())
    env.next_state_name = following


@patch(
    f"{_COMPONENT}.common.retry.retrier_decl:RetrierDecl._eval_body",
    "48463fff19ce",
    "moto sleeps between attempts, and a stop or the machine's timeout waits for it",
)
def _eval_retrier(self: Any, env: Any) -> None:
    """moto sleeps between attempts, and a stop or the machine's timeout waits for it."""
    from moto.stepfunctions.parser.asl.component.common.retry.max_attempts_decl import MaxAttemptsOutcome
    from moto.stepfunctions.parser.asl.component.common.retry.retrier_outcome import RetrierOutcome

    self.error_equals.eval(env)
    if not env.stack.pop():
        env.stack.append(RetrierOutcome.Skipped)
        return
    self.max_attempts.eval(env=env)
    if env.stack.pop() == MaxAttemptsOutcome.EXHAUSTED:
        env.stack.append(RetrierOutcome.Failed)
        return
    for part in (self.interval_seconds, self.backoff_rate, self.max_delay_seconds, self.jitter_strategy):
        part.eval(env=env)
    until = time.monotonic() + env.stack.pop()
    give_turn()
    while env.is_running() and (left := until - time.monotonic()) > 0:
        # A stop may come before the wait begins, and its signal is not kept.
        env.program_state_event.wait(min(left, 1))
    env.stack.append(RetrierOutcome.Executed)


for _module in (
    "state.exec.state_map.iteration.iteration_worker",
    "state.exec.state_parallel.branches_decl",
    "state.exec.state_task.mock_eval_utils",
    "state.exec.state_task.service.state_task_service_callback",
    "state.fail.state_fail",
):
    patch(
        f"{_COMPONENT}.{_module}:CustomErrorName",
        "40a96f8ab369",
        "a branch, an item or a mock may fail by a name of AWS's, which moto takes for a user's and refuses",
    )(error_named)

patch(
    "moto.stepfunctions.parser.asl.parse.preprocessor:CustomErrorName",
    "40a96f8ab369",
    "a catcher may have a name of AWS's, which moto takes for a user's and refuses",
)(error_named)
