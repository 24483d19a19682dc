"""What is said beforehand of rules that compare with earlier batches: what cannot be computed, and the first batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pipeline.lake.quality.dynamic_rules import COMPUTED, expressions_of
from pipeline.lake.quality.expressions import ExpressionError, compute, looks_back
from pipeline.lake.quality.metrics import METRIC_TYPES
from pipeline.lake.quality.model import Kind, Operand, Rule
from pipeline.lake.quality.problems import Finding

_HELD_BACK: dict[str, Callable[[Sequence[float]], bool]] = {
    "<": lambda of: of[0] <= 0,
    "<=": lambda of: of[0] <= 0,
    "=": lambda of: of[0] == 0,
    # The bounds of DQDL's `between` are not in it.
    "between": lambda of: of[1] <= max(of[0], 0),
    "in": lambda of: max(of) <= 0,
}
"""Whether nothing above 0 meets a condition with these operands."""


def operand_finding(rule: Rule, operand: Operand) -> Finding | None:
    """Why an operand that is an expression cannot be computed, and what to write instead."""
    if operand.kind not in COMPUTED:
        return None
    if rule.type in METRIC_TYPES:
        try:
            list(expressions_of(rule))
        except ExpressionError as error:
            return error.message, error.hint
        return None
    if operand.kind is Kind.ARITHMETIC:
        return "Deequ computes from left to right, whatever the operators", "Write the number."
    if rule.type in ("ColumnLength", "ColumnValues"):
        return (
            f"{rule.type} is about each value, and batches remember one number of each rule",
            f'Write CustomSql "select max({_measured(rule)}) from primary" and compare that.',
        )
    return f"{rule.type} is about no number that batches remember", "Compare with a constant."


def _measured(rule: Rule) -> str:
    column = rule.parameters[0] if rule.parameters else "…"
    return f"length({column})" if rule.type == "ColumnLength" else column


def first_batch_finding(rule: Rule) -> Finding | None:
    """Whether a rule holds back a dataset's first batch, whatever is in it: `last()` is 0 then."""
    if rule.condition is None:
        return None
    expressions = {operand: expression for operand, expression in expressions_of(rule)}
    if not any(map(looks_back, expressions.values())):
        return None
    operands = [
        compute(expressions[each], ()) if each in expressions else float(each.value) for each in rule.condition.operands
    ]
    holds_back = _HELD_BACK.get(rule.condition.operator)
    if holds_back is None or not holds_back(operands):
        return None
    return (
        "last() is 0 until a batch has passed, so that the first batch breaks this rule",
        "Look at it, and run `sluice release` or, where rules only warn, `sluice quality --count`: then it counts.",
    )
