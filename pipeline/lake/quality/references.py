"""Rules that compare a batch with the rows of its files: RowCountMatch and AggregateMatch against `raw`. Pure.

Glue's Developer Guide gives such rules a second dataset by an alias. The lake has one for each batch: all rows that
Stage A read from its files. Of a row that it set aside, no value is known.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from pipeline.lake.quality.dqdl import parse
from pipeline.lake.quality.model import Rule, Ruleset, plain_rules
from pipeline.lake.quality.problems import Finding, Types, column_type

RAW = "raw"
COMPARING = {"RowCountMatch": 1, "AggregateMatch": 2}
"""The rule types, and how many parameters they take."""

_AGGREGATE = re.compile(r"(?P<function>sum|avg)\((?:(?P<of>[^().\s]+)\.)?(?P<column>[^().\s]+)\)")
_EXAMPLE = 'AggregateMatch "sum(amount)" "sum(raw.amount)" >= 0.99'


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A parameter of AggregateMatch: a function of a column, of the rows that are checked or of the reference `of`."""

    function: str
    column: str
    of: str | None = None


def aggregate(parameter: str) -> Aggregate | None:
    """Read `sum(raw.amount)`; None if it is no such thing."""
    found = _AGGREGATE.fullmatch(parameter)
    return Aggregate(found["function"], found["column"], found["of"]) if found else None


def aggregates(rule: Rule) -> list[Aggregate]:
    """The parameters of an AggregateMatch that can be read; none of any other rule."""
    found = (aggregate(each) for each in rule.parameters) if rule.type == "AggregateMatch" else ()
    return [each for each in found if each]


def raw_columns(ruleset: str) -> frozenset[str] | None:
    """The columns of `raw` that the ruleset looks at; None if it does not compare with it at all."""
    rules = [rule for each in parse(ruleset).rules for rule in plain_rules(each)]
    if not any(compares(rule) for rule in rules):
        return None
    return frozenset(found.column for rule in rules for found in aggregates(rule) if found.of)


def compares(rule: Rule) -> bool:
    """Whether a rule needs more than the rows that are checked."""
    if rule.type == "RowCountMatch":
        return True
    return any(each.of for each in aggregates(rule))


def without_columns(ruleset: str, columns: Collection[str]) -> dict[str, str]:
    """Rules by their text that sum a column of the table which is not there, and that column."""
    rules = [rule for each in parse(ruleset).rules for rule in plain_rules(each)]
    sums = [(rule.text, each) for rule in rules for each in aggregates(rule)]
    return {text: each.column for text, each in sums if not each.of and each.column not in columns}


def reference_findings(rule: Rule, types: Types, ruleset: Ruleset) -> Iterator[Finding]:
    """What is wrong with the parameters of such a rule."""
    if rule.where:
        yield f"{rule.type} takes no where", None
    elif rule.type == "RowCountMatch" and rule.parameters[0] != RAW:
        yield _no_other(rule.parameters[0], 'RowCountMatch "raw" >= 0.99')
    elif rule.type == "AggregateMatch":
        yield from itertools.islice((each for name in rule.parameters for each in _of_aggregate(name, types)), 1)


def _of_aggregate(parameter: str, types: Types) -> Iterator[Finding]:
    found = aggregate(parameter)
    if found is None:
        yield f"{parameter!r} is neither sum(column) nor avg(column)", f"Write, for example, {_EXAMPLE}."
    elif found.of not in (None, RAW):
        yield _no_other(str(found.of), _EXAMPLE)
    elif not found.of and column_type(types, found.column) not in ("number", "unknown"):
        yield f"{found.function} needs a column of numbers, and {found.column} is {types[found.column]}", None


def _no_other(name: str, example: str) -> Finding:
    return (
        f"there is no dataset {name!r}: a batch is compared with `raw`, the rows of its files, and with no other table",
        f"Write, for example, {example}.",
    )
