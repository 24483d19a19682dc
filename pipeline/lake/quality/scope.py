"""Which rules see less than they seem to say, because of the rows that a dataset's rules are about. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.lake.quality.dqdl import parse
from pipeline.lake.quality.lint import Problem
from pipeline.lake.quality.model import DqdlError, Rule, plain_rules
from pipeline.lake.quality.references import compares

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


def _rules(ruleset: str) -> list[Rule]:
    """The rules of a ruleset; none of a text that is none, of which whoever checks it tells."""
    try:
        return [plain for rule in parse(ruleset).rules for plain in plain_rules(rule)]
    except DqdlError:
        return []
