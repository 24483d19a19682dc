"""Which rules see less than they seem to say, because of the rows that a dataset's rules are about. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.lake.quality.dqdl import parse
from pipeline.lake.quality.lint import Problem
from pipeline.lake.quality.model import DqdlError, plain_rules

_UNIQUE = ("IsUnique", "IsPrimaryKey", "Uniqueness", "UniqueValueRatio")


def unseen_doubles(ruleset: str, write: str, scope: str) -> Iterator[Problem]:
    """Warnings for rules on uniqueness that look at one batch of a table to which every batch adds its rows."""
    if write != "append" or scope != "batch":
        return
    try:
        rules = [plain for rule in parse(ruleset).rules for plain in plain_rules(rule)]
    except DqdlError:
        # Whoever checks the ruleset says so.
        return
    for rule in rules:
        if rule.type in _UNIQUE:
            yield Problem(
                rule.text,
                rule.line,
                "it looks at the rows of one batch, and does not find one that an earlier batch loaded",
                "Write scope: table, which reads the whole table at each batch; or write: upsert with a key",
                "warning",
            )
