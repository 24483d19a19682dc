"""ColumnValues: the rule type with the most forms, and the most that Deequ evaluates as something else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from re import _parser as compiler  # type: ignore[attr-defined]

from pipeline.lake.quality.model import Condition, Kind, Rule
from pipeline.lake.quality.problems import Finding, Types, column_type, in_sql, keeps_nulls_out

MAX_PATTERN = 1_000
"""Characters of a regular expression."""

_BLANKS = ("EMPTY", "WHITESPACES_ONLY")


def column_values(rule: Rule, types: Types) -> Iterator[Finding]:
    """The forms of a ColumnValues rule that mean something else to Deequ than to DQDL."""
    condition = rule.condition
    if condition is None:
        return
    if condition.operator.endswith("matches"):
        findings = _patterns(rule, condition, types)
    elif condition.has(Kind.DATE, Kind.NOW):
        findings = _dates(rule, condition, types)
    elif condition.has(Kind.NUMBER):
        findings = _numbers(rule, condition, types)
    else:
        findings = _strings(rule, condition, types)
    yield from _threshold(rule, condition)
    yield from findings


def _threshold(rule: Rule, condition: Condition) -> Iterator[Finding]:
    if rule.tags and not condition.has(Kind.DATE, Kind.NOW):
        yield (
            "Deequ ignores the threshold of ColumnValues with strings and numbers",
            'Write CustomSql "select avg(if(…, 1, 0)) from primary" and the share that must pass.',
        )


def _patterns(rule: Rule, condition: Condition, types: Types) -> Iterator[Finding]:
    pattern, name = condition.operands[0].value, rule.parameters[0]
    if len(pattern) > MAX_PATTERN:
        yield f"the pattern has {len(pattern)} characters, of at most {MAX_PATTERN}", None
        return
    if column_type(types, name) not in ("string", "unknown"):
        yield f"matches needs a column of strings, and {name} is {types[name]}", None
    if condition.operator == "not matches":
        yield (
            "Deequ looks for the pattern at the beginning of the value only, and up to the end of a word",
            f"Write CustomSql \"select count(*) from primary where {in_sql(name)} rlike '^({pattern})$'\" = 0.",
        )
        return
    if "\\\\" in pattern:
        yield "Deequ takes two backslashes as they are", r"Write \d for a digit and \x5c for a backslash."
    if _has_alternatives_outside_groups(pattern):
        yield "Deequ puts ^ and $ around the pattern as it is, so that | cuts them apart", f'Write "({pattern})".'
    elif _matches_nothing(pattern):
        yield (
            "Deequ calls an empty string unmatched, even by a pattern that matches it",
            f"Write a pattern that needs a character, and where \"{in_sql(name)} != ''\".",
        )


def _has_alternatives_outside_groups(pattern: str) -> bool:
    depth, at = 0, 0
    bare = re.sub(r"\\.|\[(?:\\.|[^\]\\])*\]", "", pattern)
    for at in range(len(bare)):
        depth += (bare[at] == "(") - (bare[at] == ")")
        if bare[at] == "|" and depth == 0:
            return True
    return False


def _matches_nothing(pattern: str) -> bool:
    try:
        # Whether it may be of no width is read off the pattern. To match it could take for ever: (|)(|)(|)…x
        return "(?" not in pattern and compiler.parse(pattern).getwidth()[0] == 0
    except (re.error, RecursionError, OverflowError):
        # Java's regular expressions have forms that Python's lack; `pipeline.deploy.rulesets` asks Java.
        return False


def _dates(rule: Rule, condition: Condition, types: Types) -> Iterator[Finding]:
    name = rule.parameters[0]
    kind = column_type(types, name)
    if kind not in ("date", "string", "unknown") and not (kind == "timestamp" and condition.operator in (">=", "<")):
        what = "drops the time of day and compares days" if kind == "timestamp" else f"cannot compare {types[name]}"
        hint = f'Write DataFreshness, or CustomSql "select count(*) from primary where not ({in_sql(name)} …)" = 0.'
        yield f"{name} is {types[name]}: Deequ {what}", hint
    elif condition.has(Kind.NOW) and kind not in ("date", "unknown"):
        yield f"{name} is {types[name]}: Deequ compares its day with today", "Write DataFreshness."
    if any(unit in operand.value for operand in condition.operands for unit in ("hours", "minutes")):
        yield "Deequ compares days and drops hours and minutes", "Write DataFreshness."
    if condition.operator == "not between" and not keeps_nulls_out(rule):
        yield "Deequ lets NULL pass, which fails in DQDL", f'Add where "{in_sql(name)} is not null".'


def _numbers(rule: Rule, condition: Condition, types: Types) -> Iterator[Finding]:
    name = rule.parameters[0]
    if column_type(types, name) not in ("number", "unknown"):
        yield f"{name} is {types[name]}, and is compared with a number", "Write the values in double quotes."


def _strings(rule: Rule, condition: Condition, types: Types) -> Iterator[Finding]:
    name = rule.parameters[0]
    kind = column_type(types, name)
    if condition.has(Kind.STRING, Kind.LIST) and kind not in ("string", "unknown"):
        hint = "Write the numbers without quotes." if kind == "number" else "Write CustomSql."
        yield f"{name} is {types[name]}, and is compared with strings", hint
    if condition.has_keyword(*_BLANKS) and not condition.has_keyword("NULL") and not keeps_nulls_out(rule):
        negated = condition.operator in ("!=", "not in")
        if negated or rule.where:
            wrong = "fails NULL, which passes in DQDL" if negated else "lets NULL pass, which fails in DQDL"
            operator = "not in" if negated else "in"
            blanks = ", ".join(o.value for o in condition.operands)
            yield (
                f"Deequ {wrong}, with EMPTY and WHITESPACES_ONLY",
                f'Write {operator} [{blanks}, NULL], or add where "{in_sql(name)} is not null".',
            )
