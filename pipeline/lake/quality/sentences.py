"""Why a rule failed, as a sentence: what was seen, and what was wanted. Pure.

Deequ says `Value: 0.5 does not meet the constraint requirement!`, whatever the value is of. Which one it computes for
which rule was seen with Deequ 2.1.0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal

from pipeline.lake.quality.dqdl import parse
from pipeline.lake.quality.model import Condition, DqdlError, Kind, Operand, Rule, plain_rules

_VALUE = re.compile(r"Value: (?P<value>.*) does not meet the constraint requirement[!.]")
_PASSED = re.compile(r"(?P<value>\d+\.\d\d)% of rows passed")
_NO_COLUMN = re.compile(r"Input data does not include column (\S+)!|Column (\S+) does not exist in the dataset")
_NAMES = re.compile(r"Columns that do not match the pattern: (.*)")
_NO_VALUES = re.compile(r"Empty state for analyzer .*, all input values were NULL\.")

_OF_ALL_ROWS: Mapping[str, str] = {
    "AggregateMatch": "of {column} the first is {} times the second",
    "ColumnCount": "there are {} columns",
    "ColumnCorrelation": "the correlation is {}",
    "CustomSql": "the query gives {}",
    "DistinctValuesCount": "{column} has {} different values",
    "Entropy": "the entropy of {column} is {}",
    "Mean": "the mean of {column} is {}",
    "RowCount": "there are {} rows",
    "StandardDeviation": "the standard deviation of {column} is {}",
    "Sum": "the sum of {column} is {}",
}
"""Rules that are about one number of all rows, which Deequ compares as it is."""

_SHARES: Mapping[str, str] = {
    "Completeness": "{column} has a value in {} of the rows",
    "IsComplete": "{column} has a value in {} of the rows",
    "IsUnique": "{} of the rows have a value of {column} that no other row has",
    "RowCountMatch": "there are {} of the rows that the files had",
    "UniqueValueRatio": "{} of the different values of {column} are in one row only",
    "Uniqueness": "{} of the rows have a value of {column} that no other row has",
}
_SINGULAR = re.compile(r"\b(are|has) 1 (column|row|character|different value)s$")
_HOLDS = "it holds for {} of the rows"
_EXTREMES: Mapping[str, str] = {
    ">": "the smallest {column} is {}",
    ">=": "the smallest {column} is {}",
    "<": "the greatest {column} is {}",
    "<=": "the greatest {column} is {}",
    "=": "one {column} is {}",
}


def sentence(rule: str, reason: str | None) -> str | None:
    """What Deequ's `reason` for the failed `rule` means; what it says in no form that is known stays as it is."""
    lines = [line for line in (reason or "").splitlines() if line]
    if any(_NO_COLUMN.fullmatch(line) for line in lines):
        # Deequ computes with the column that is not there all the same, and has NULL.
        lines = [line for line in lines if not line.startswith("Value: NULL ")]
    try:
        plain = list(plain_rules(parse(f"Rules = [ {rule} ]").rules[0]))
    except DqdlError:
        return reason
    # Parts of a composition that hold have no line, so that a line's part is known only if none does.
    of = plain if len(plain) == len(lines) else plain * len(lines) if len(plain) == 1 else [None] * len(lines)
    return "; and ".join(dict.fromkeys(_told(line, part) for line, part in zip(lines, of, strict=True))) or None


def _told(line: str, rule: Rule | None) -> str:
    if missing := _NO_COLUMN.fullmatch(line):
        return f'there is no column "{missing[1] or missing[2]}"'
    if names := _NAMES.fullmatch(line):
        return f"these columns do not match the pattern: {names[1]}"
    if _NO_VALUES.fullmatch(line):
        return "there is no value to look at: there are no rows, or it is null in all of them"
    if passed := _PASSED.fullmatch(line):
        return _with_share(_HOLDS, Decimal(passed["value"]) / 100, rule)
    found = _VALUE.fullmatch(line)
    return _of_value(found["value"], rule) if found else line


def _of_value(text: str, rule: Rule | None) -> str:
    if rule is None:
        return f"a part of it came to {_number(text)}, which is not what was wanted"
    if text == "NULL":
        return f"{_column(rule)} is null in some rows; wanted: {_wanted(rule.condition)}{_chosen(rule)}"
    if rule.type == "ColumnExists":
        return f"there is no column {_column(rule)}"
    if rule.type == "IsPrimaryKey":
        return f"{_column(rule)} is null or not the only one of its value in {_percent(1 - Decimal(text))} of the rows"
    if form := _of_number(rule):
        told = _SINGULAR.sub(_one, form.format(_number(text), column=_column(rule)))
        return f"{told}; wanted: {_wanted(rule.condition)}{_chosen(rule)}"
    return _with_share(_SHARES.get(rule.type, _HOLDS), Decimal(text), rule)


def _of_number(rule: Rule) -> str | None:
    """The sentence about the number that Deequ compares for this rule; None where that is a share of rows."""
    condition = rule.condition
    if rule.type == "ColumnValues" and condition and condition.has(Kind.NUMBER):
        return _EXTREMES.get(condition.operator)
    if rule.type == "ColumnLength" and condition and condition.operator not in ("in", "not in"):
        return "a {column} has {} characters"
    return _OF_ALL_ROWS.get(rule.type)


def _one(found: re.Match[str]) -> str:
    return f"{'is' if found[1] == 'are' else 'has'} 1 {found[2]}"


def _with_share(form: str, share: Decimal, rule: Rule | None) -> str:
    if rule is None:
        return form.format(_percent(share))
    conditions = [tag.condition for tag in rule.tags]
    if rule.type in _SHARES and rule.condition:
        conditions = [rule.condition]
    wanted = _wanted(conditions[0], as_share=True) if conditions else "all"
    return f"{form.format(_percent(share), column=_column(rule))}; wanted: {wanted}{_chosen(rule)}"


def _column(rule: Rule) -> str:
    return ", ".join(f'"{name}"' for name in rule.parameters)


def _chosen(rule: Rule) -> str:
    return f" (of the rows where {rule.where})" if rule.where else ""


_WANTED: Mapping[str, Callable[[list[str]], str]] = {
    ">": lambda of: f"more than {of[0]}",
    ">=": lambda of: f"at least {of[0]}",
    "<": lambda of: f"less than {of[0]}",
    "<=": lambda of: f"at most {of[0]}",
    "=": lambda of: of[0],
    "!=": lambda of: f"not {of[0]}",
    # The bounds of DQDL's `between` are not in it.
    "between": lambda of: f"more than {of[0]} and less than {of[1]}",
    "not between": lambda of: f"at most {of[0]}, or at least {of[1]}",
    "in": lambda of: f"one of {', '.join(of)}",
    "not in": lambda of: f"none of {', '.join(of)}",
}


def _wanted(condition: Condition | None, *, as_share: bool = False) -> str:
    if condition is None or condition.operator not in _WANTED:
        return "what the rule says"
    return _WANTED[condition.operator]([_operand(each, as_share=as_share) for each in condition.operands])


def _operand(operand: Operand, *, as_share: bool) -> str:
    if as_share and operand.kind is Kind.NUMBER:
        return _percent(Decimal(operand.value))
    return operand.value


def _number(text: str) -> str:
    """A number as people write it: without the `.0` of a float, and without an exponent."""
    try:
        value = Decimal(text)
    except ArithmeticError:
        return text
    if not value.is_finite():
        return text
    return f"{value:f}".rstrip("0").rstrip(".") if value % 1 else f"{value:.0f}"


def _percent(share: Decimal) -> str:
    """Rounded down, so that no share but the whole reads as 100%, and none but nothing as 0%."""
    percent = share * 100
    if 0 < percent < Decimal("0.01"):
        return "less than 0.01%"
    return f"{_number(str(int(percent * 100) / Decimal(100)))}%"
