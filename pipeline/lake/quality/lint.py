"""Refuse the rules that Deequ would not evaluate as DQDL documents them. Pure: no JVM, no data.

Every refusal here was seen: Deequ 2.1.0 on Spark 3.5.6 either calls such a rule failed whatever the data, or, worse,
evaluates something else than what it says. The tests evaluate both sides, so that a newer Deequ shows what it mends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from pipeline.lake.datasets.names import safe_name
from pipeline.lake.quality.column_values import column_values
from pipeline.lake.quality.dqdl import parse
from pipeline.lake.quality.dynamic_rules import COMPUTED
from pipeline.lake.quality.first_batch import first_batch_finding, operand_finding
from pipeline.lake.quality.model import Composite, DqdlError, Kind, Operand, Rule, Ruleset, plain_rules
from pipeline.lake.quality.problems import Finding, Types, column_type, in_sql, keeps_nulls_out
from pipeline.lake.quality.references import COMPARING, aggregate, reference_findings
from pipeline.lake.quality.sql import condition_findings, literal_findings, statement_findings

__all__ = ["Problem", "check_ruleset", "errors_in"]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a rule (None: with the whole ruleset), and what to write instead.

    An `error` refuses the ruleset; a `warning` is only said. `line` counts from 1 in the ruleset's text.
    """

    rule: str | None
    line: int | None
    message: str
    hint: str | None = None
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        what = f"{self.rule}: " if self.rule else ""
        return f"{where}{what}{self.message}" + (f". {self.hint}" if self.hint else "")


_NO_CONDITION = {"IsComplete": 1, "IsUnique": 1, "IsPrimaryKey": 1, "ColumnExists": 1, "ColumnNamesMatchPattern": 1}
_NUMERIC = {
    **{"RowCount": 0, "ColumnCount": 0, "Completeness": 1, "Uniqueness": 1, "UniqueValueRatio": 1},
    **{"DistinctValuesCount": 1, "Entropy": 1, "Mean": 1, "Sum": 1, "StandardDeviation": 1, "ColumnCorrelation": 2},
    **{"ColumnLength": 1, "CustomSql": 1},
    **COMPARING,
}
_OTHER = {"ColumnValues": 1, "ColumnDataType": 1, "DataFreshness": 1}
_PARAMETERS = {**_NO_CONDITION, **_NUMERIC, **_OTHER}
_OF_NUMBERS = {"Mean", "Sum", "StandardDeviation", "ColumnCorrelation"}
_DATA_TYPES = ("boolean", "date", "timestamp", "integer", "double", "float", "long")

_NO_REFERENCE = "it compares with another table, and a batch has only the rows of its files beside it"
_NO_FILES = "Deequ has no file rules and calls them failed"
_REFUSED: dict[str, tuple[str, str | None]] = {
    "ReferentialIntegrity": (_NO_REFERENCE, "A transform in SQL can read both tables; count there what is missing."),
    "DatasetMatch": (_NO_REFERENCE, 'Write RowCountMatch "raw" and AggregateMatch for the numbers.'),
    "SchemaMatch": (_NO_REFERENCE, "The contract in stage_a.columns states the columns and their types."),
    "DetectAnomalies": ("Deequ knows no forecasts", "Write how far it may be: RowCount > avg(last(10)) * 0.5."),
    "FileFreshness": (
        _NO_FILES,
        "Write DataFreshness on a column; for late files, stage_b.freshness.",
    ),
    "FileMatch": (_NO_FILES, None),
    "FileSize": (_NO_FILES, None),
    "FileUniqueness": (_NO_FILES, None),
}


def check_ruleset(text: str, columns: Mapping[str, str] | None = None) -> list[Problem]:
    """What is wrong with a ruleset, in the order of its rules; nothing means that it can be used.

    `columns` maps the columns that are known to their types, as Spark and Athena write them: a rule is held against
    its column's type, and one on a column that is not among them is a warning, for undeclared columns are kept.
    """
    try:
        ruleset = parse(text)
    except DqdlError as error:
        return [Problem(None, error.line, f"this is not DQDL: {error.message}")]
    found = [Problem(None, None, message, hint) for message, hint in _of_document(ruleset)]
    for rule in ruleset.rules:
        if isinstance(rule, Composite):
            found += [Problem(rule.text, rule.line, message, hint) for message, hint in _of_composite(rule)]
        for plain in plain_rules(rule):
            found += _of_rule(plain, ruleset, columns)
    return found


def errors_in(problems: list[Problem]) -> list[Problem]:
    """Those that refuse the ruleset."""
    return [problem for problem in problems if problem.severity == "error"]


def _of_document(ruleset: Ruleset) -> Iterator[Finding]:
    if "Analyzers" in ruleset.sections:
        yield "Deequ ignores the section Analyzers", "Remove it; rules report their metrics."
    if "DataSources" in ruleset.sections:
        yield "a batch has no other data sources than itself", "Remove the section DataSources."
    yield from _strings(ruleset.declared)


def _of_composite(rule: Composite) -> Iterator[Finding]:
    """AWS documents `(…) or (ColumnValues c = NULL)` as the way to let NULL pass; outcomes are combined, not rows."""
    if rule.operator != "or":
        return
    for part in rule.rules:
        if isinstance(part, Rule) and part.type == "ColumnValues" and part.condition:
            condition = part.condition
            if condition.operator == "=" and condition.has_keyword("NULL") and len(part.parameters) == 1:
                yield (
                    "`or` combines the outcomes of whole rules, so this does not let single NULLs pass",
                    f'Write one rule with where "{in_sql(part.parameters[0])} is not null".',
                )


def _of_rule(rule: Rule, ruleset: Ruleset, columns: Mapping[str, str] | None) -> Iterator[Problem]:
    if rule.type in _REFUSED:
        reason, hint = _REFUSED[rule.type]
        yield Problem(rule.text, rule.line, f"{rule.type} cannot be evaluated: {reason}", hint)
        return
    if rule.type not in _PARAMETERS:
        yield Problem(rule.text, rule.line, f"there is no rule type {rule.type}", _nearest(rule.type))
        return
    types = Types(columns or {})
    for check in (_shape, _columns, _condition, _quotes, _FORMS.get(rule.type, _nothing)):
        findings = list(check(rule, types, ruleset))
        yield from (Problem(rule.text, rule.line, message, hint) for message, hint in findings)
        if findings:
            # What follows takes for granted what was just found wrong.
            return
    if columns is not None:
        yield from _unknown(rule, columns)
    yield from _remarks(rule)


def _nearest(name: str) -> str:
    from difflib import get_close_matches

    known = {each.lower(): each for each in (*_PARAMETERS, *_REFUSED)}
    close = get_close_matches(name.lower(), known, n=1)
    return f"Did you mean {known[close[0]]}?" if close else "Rule types are written as in AWS's reference of DQDL."


def _nothing(rule: Rule, types: Types, ruleset: Ruleset) -> Iterator[Finding]:
    yield from ()


def _shape(rule: Rule, types: Types, ruleset: Ruleset) -> Iterator[Finding]:
    """Parameters, condition and tags are there that the type takes, and no others."""
    wanted, given = _PARAMETERS[rule.type], len(rule.parameters)
    if rule.type == "IsPrimaryKey" and given > 1:
        names = ", ".join(map(in_sql, rule.parameters))
        yield (
            "Deequ does not look for NULLs in a key of several columns",
            f'Write CustomSql "select count(*) - count(distinct {names}) from primary" = 0.',
        )
    elif given != wanted:
        joined = any(name in _PARAMETERS for name in rule.parameters)
        hint = "Rules stand in parentheses where and or or joins them, else commas part them." if joined else None
        yield f"{rule.type} takes {_count(wanted)}, not {given}", hint
    if rule.type in _NO_CONDITION and rule.condition:
        yield f"{rule.type} takes no condition", None
    if rule.type not in _NO_CONDITION and not rule.condition:
        yield (
            f"{rule.type} needs a condition",
            'Write CustomSql "select count(*) from primary where not (…)" = 0: rows that a query returns are matched '
            "by value, so that a bad row passes for a good one that looks like it."
            if rule.type == "CustomSql"
            else None,
        )
    for tag in rule.tags:
        if tag.name != "threshold":
            yield f"`with {tag.name}` means nothing here", None
        elif rule.type not in ("ColumnDataType", "ColumnValues"):
            yield f"{rule.type} takes no threshold", None
        elif tag.condition.has(*COMPUTED):
            yield "a threshold is compared with a number that stands there", "Write it."


def _count(parameters: int) -> str:
    return ("no parameter", "one parameter", "two parameters")[parameters]


def _column_parameters(rule: Rule) -> tuple[str, ...]:
    if rule.type == "AggregateMatch":
        found = [aggregate(each) for each in rule.parameters]
        return tuple(each.column for each in found if each and not each.of)
    return () if rule.type in ("CustomSql", "ColumnNamesMatchPattern", "RowCountMatch") else rule.parameters


def _columns(rule: Rule, types: Types, ruleset: Ruleset) -> Iterator[Finding]:
    """Names that a table can have, and types that the rule can be evaluated on."""
    for name in _column_parameters(rule):
        if safe_name(name) != name or not name:
            yield (
                f"no column can be called {name!r}: names are lower case, digits and underscores",
                f'Write "{safe_name(name)}".' if safe_name(name) else None,
            )
            continue
        kind = column_type(types, name)
        if kind == "nested" and rule.type != "ColumnExists":
            yield f"{name} is nested, and DQDL has no rules for such columns", "Write CustomSql."
        elif rule.type in _OF_NUMBERS and kind not in ("number", "unknown"):
            yield f"{rule.type} needs a column of numbers, and {name} is {types[name]}", None
        elif rule.type == "ColumnLength" and kind not in ("string", "unknown"):
            yield f"ColumnLength needs a column of strings, and {name} is {types[name]}", None
        elif rule.type == "DataFreshness" and kind in ("number", "boolean"):
            yield f"DataFreshness needs a column of dates or timestamps, and {name} is {types[name]}", None


_MISREAD = {
    Kind.TIME: ("Deequ compares a time of day with days", "Write CustomSql with hour(…) and minute(…)."),
    Kind.SIZE: ("a size is for file rules", None),
    Kind.VARIABLE: ("Deequ fails on a variable that is not a whole list", "Write in $name."),
}


def _condition(rule: Rule, types: Types, ruleset: Ruleset) -> Iterator[Finding]:
    """Operands that Deequ computes as written."""
    if not rule.condition:
        return
    for operand in rule.condition.operands:
        if operand.kind in COMPUTED:
            if found := operand_finding(rule, operand):
                yield found
        elif operand.kind in _MISREAD:
            yield _MISREAD[operand.kind]
        elif operand.kind is Kind.LIST and operand.value not in ruleset.lists:
            yield f"no list {operand.value} is declared, and Deequ would compare with nothing", None
        elif rule.type in _NUMERIC and operand.kind is not Kind.NUMBER:
            yield f"{rule.type} is compared with numbers", None


def _quotes(rule: Rule, types: Types, ruleset: Ruleset) -> Iterator[Finding]:
    statements = [rule.where or "", *(rule.parameters if rule.type == "CustomSql" else ())]
    if any('\\"' in statement for statement in statements):
        yield 'Deequ hands \\" on to SQL with its backslash, which is no SQL', "Write strings in SQL in single quotes."
    elif rule.where is not None:
        yield from condition_findings(rule.where)
    for condition in (rule.condition, *(tag.condition for tag in rule.tags)):
        if condition and not condition.operator.endswith("matches"):
            yield from _strings(condition.operands)


def _strings(operands: Iterable[Operand]) -> Iterator[Finding]:
    for operand in operands:
        if operand.kind is Kind.STRING:
            yield from literal_findings(operand.value.replace('\\"', '"'))


def _custom_sql(rule: Rule, types: Types, ruleset: Ruleset) -> Iterator[Finding]:
    yield from statement_findings(rule.parameters[0])
    if rule.where:
        yield "CustomSql takes no where of its own", "Write it in the statement."


def _column_length(rule: Rule, types: Types, ruleset: Ruleset) -> Iterator[Finding]:
    operator = rule.condition.operator if rule.condition else ""
    if operator in (">", ">=", "=", "!=", "between") and not keeps_nulls_out(rule):
        name = rule.parameters[0]
        yield (
            f"DQDL takes NULL for a string of length 0 here, and Deequ leaves it out with {operator}",
            f'Add where "{in_sql(name)} is not null"; and IsComplete "{name}" if NULL must fail.',
        )


def _names_pattern(rule: Rule, types: Types, ruleset: Ruleset) -> Iterator[Finding]:
    pattern = rule.parameters[0]
    if not (pattern.startswith("^") and pattern.endswith("$")):
        yield "Deequ is content with a name that the pattern matches somewhere", f'Write "^{pattern.strip("^$")}$".'


def _data_type(rule: Rule, types: Types, ruleset: Ruleset) -> Iterator[Finding]:
    condition = rule.condition
    if not condition or condition.operator not in ("=", "!="):
        yield "Deequ knows only = and != for ColumnDataType", "Join several rules with or."
        return
    name = condition.operands[0].value.lower()
    if name not in _DATA_TYPES and not name.startswith("decimal("):
        yield f"Deequ knows no data type {condition.operands[0].value}", f"Write one of {', '.join(_DATA_TYPES)}."


def _freshness(rule: Rule, types: Types, ruleset: Ruleset) -> Iterator[Finding]:
    condition = rule.condition
    if not condition or any(operand.kind is not Kind.DURATION for operand in condition.operands):
        yield "DataFreshness is compared with a duration", "Write, for example, <= 24 hours."
    elif condition.operator in ("=", "!=", "in", "not in"):
        yield "Deequ compares the age to the microsecond, so that none is equal", "Write <=, >= or between."


def _values(rule: Rule, types: Types, ruleset: Ruleset) -> Iterator[Finding]:
    yield from column_values(rule, types)


_FORMS = {
    "CustomSql": _custom_sql,
    "ColumnLength": _column_length,
    "ColumnNamesMatchPattern": _names_pattern,
    "ColumnDataType": _data_type,
    "DataFreshness": _freshness,
    "ColumnValues": _values,
    "RowCountMatch": reference_findings,
    "AggregateMatch": reference_findings,
}


def _unknown(rule: Rule, columns: Mapping[str, str]) -> Iterator[Problem]:
    # Of AggregateMatch the files' columns count, too: `scope.without_column`.
    for name in () if rule.type == "AggregateMatch" else _column_parameters(rule):
        if name not in columns and rule.type != "ColumnExists":
            message = f"the column {name} is not declared; without it in the table the rule fails"
            yield Problem(rule.text, rule.line, message, None, "warning")


def _remarks(rule: Rule) -> Iterator[Problem]:
    if rule.type == "DistinctValuesCount" and not keeps_nulls_out(rule):
        hint = f'Add where "{in_sql(rule.parameters[0])} is not null" to leave it out.'
        yield Problem(rule.text, rule.line, "NULL counts as one of the distinct values", hint, "warning")
    if found := first_batch_finding(rule):
        yield Problem(rule.text, rule.line, *found, "warning")
