"""Comparisons of a Choice whose path leads nowhere, and the moments that it and a Wait compare.

moto takes such a comparison for false, and knows no moment with an offset.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pipeline.emulator.moto.patch import patch
from pipeline.emulator.stepfunctions.interpreter.failure_events import evaluation_failure, failure
from pipeline.emulator.stepfunctions.validation.diagnostics import moment

_STATE = "moto.stepfunctions.parser.asl.component.state"
_TIMESTAMP = f"{_STATE}.wait.wait_function.timestamp:Timestamp"


@patch(
    f"{_STATE}.choice.comparison.comparison_variable:ComparisonVariable._eval_body",
    "55861cce2bef",
    "moto takes a comparison whose path leads nowhere for false",
)
def _compare(self: Any, env: Any) -> None:
    from moto.stepfunctions.parser.asl.component.state.choice.comparison.comparison_operator_type import (
        ComparisonOperatorType,
    )
    from moto.stepfunctions.parser.asl.component.state.choice.comparison.variable import NoSuchVariable
    from moto.stepfunctions.parser.asl.utils.json_path import NoSuchJsonPathError

    self.variable.eval(env)
    comparison = self.comparison_function
    asks_for_it = comparison.operator_type == ComparisonOperatorType.IsPresent
    if isinstance(env.stack[-1], NoSuchVariable) and not asks_for_it:
        raise _leads_nowhere(env, self.variable.string_sampler.literal_value)
    try:
        comparison.eval(env)
    except NoSuchJsonPathError as missing:
        raise _leads_nowhere(env, missing.json_path) from missing


def _leads_nowhere(env: Any, path: str) -> Exception:
    cause = f"Invalid path '{path}': The choice state's condition path references an invalid value."
    return failure(env, "ExecutionFailed", "executionFailedEventDetails", error="States.Runtime", cause=cause)


@patch(f"{_TIMESTAMP}._get_wait_seconds", "611d040940ad", "moto knows no moment with an offset")
def _seconds_until(self: Any, env: Any) -> int:
    from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
    from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringJSONata

    self.string.eval(env=env)
    text = env.stack.pop()
    found = moment(text)
    if found is not None:
        return int((found - datetime.now(UTC)).total_seconds())
    if not isinstance(self.string, StringJSONata):
        raise FailureEventException(self._create_failure_event(env, text))
    # The words are not recorded; that it is an evaluation error is.
    cause = (
        f"The JSONata expression '{self.string.expression}' specified for the field 'Timestamp' "
        f"returned no valid ISO-8601 extended offset date-time: {text}"
    )
    raise evaluation_failure(env, cause, "Timestamp")


patch(
    f"{_STATE}.choice.comparison.operator.implementations.is_operator:IsTimestamp.string_to_timestamp",
    "8748c8176609",
    "moto knows no moment with an offset",
)(moment)
patch(f"{_TIMESTAMP}._from_timestamp_string", "711ff48cd648", "moto knows no moment with an offset")(moment)
