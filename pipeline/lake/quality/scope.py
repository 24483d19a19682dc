"""Which rules see less than they seem to say, because of the rows that a dataset's rules are about. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.lake.quality.dqdl import parse
from pipeline.lake.quality.lint import Problem
from pipeline.lake.quality.model import DqdlError, Rule, plain_rules
from pipeline.lake.quality.problems import Types, column_type
from pipeline.lake.quality.references import Aggregate, aggregates, compares

_UNIQUE = ("IsUnique", "IsPrimaryKey", "Uniqueness", "UniqueValueRatio")


def unseen_doubles(ruleset: str, write: str, scope: str) -> Iterator[Problem]:
    """Warnings for rules on uniqueness that look at one batch of a table to which every batch adds its rows."""
    if write != "append" or scope != "batch":
        return
    for rule in _rules(ruleset):
        if rule.type in _UNIQUE:
            yield Problem(
                rule.text,
                rule.line,
                "it looks at the rows of one batch, and does not find one that an earlier batch loaded",
                "Write scope: table, which reads the whole table at each batch; or write: upsert with a key",
                "warning",
            )


def without_reference(ruleset: str, scope: str) -> Iterator[Problem]:
    """Errors for rules that compare the rows of one batch's files with a whole table."""
    if scope != "table":
        return
    for rule in _rules(ruleset):
        if compares(rule):
            message = "it compares with the files of one batch, and scope: table checks the whole table"
            yield Problem(rule.text, rule.line, message, "Write scope: batch, or remove the rule")


@dataclass(frozen=True, slots=True)
class Declared:
    """The columns that are declared of some rows, with their types; and whether there can be no others."""

    columns: Mapping[str, str]
    is_closed: bool


def without_column(ruleset: str, table: Declared, files: Declared) -> Iterator[Problem]:
    """What is wrong with the columns that AggregateMatch names, of the table and of the rows of files."""
    for rule in _rules(ruleset):
        for each in aggregates(rule):
            yield from _of_aggregate(rule, each, files if each.of else table)


def _of_aggregate(rule: Rule, each: Aggregate, declared: Declared) -> Iterator[Problem]:
    where = "the files" if each.of else "the table"
    if each.column not in declared.columns and declared.is_closed:
        there = ", ".join(sorted(declared.columns)) or "none"
        yield Problem(rule.text, rule.line, f"{where} cannot have a column {each.column}; there are: {there}", None)
    elif each.column not in declared.columns:
        message = f"the column {each.column} is not declared; without it in {where} the rule fails"
        yield Problem(rule.text, rule.line, message, None, "warning")
    elif each.of and column_type(Types(declared.columns), each.column) not in ("number", "unknown"):
        message = f"{each.function} needs a column of numbers, and {each.column} of the files is "
        yield Problem(rule.text, rule.line, message + declared.columns[each.column], None)


def _rules(ruleset: str) -> list[Rule]:
    """The rules of a ruleset; none of a text that is none, of which whoever checks it tells."""
    try:
        return [plain for rule in parse(ruleset).rules for plain in plain_rules(rule)]
    except DqdlError:
        return []
