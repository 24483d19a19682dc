"""Only what Deequ misreads is changed, and nothing else of a ruleset."""

from __future__ import annotations

import pytest

from pipeline.lake.quality.dqdl import normal, parse
from pipeline.lake.quality.model import Rule
from pipeline.lake.quality.translation import for_deequ

NAMES = ["2024_q1", "2024", "1e5", "order", "group", "select", "true", "null", "current_date", "between", "where", "x"]
CHANGED = [
    'ColumnValues "{}" > 0',
    'ColumnValues "{}" in [1, 2]',
    'ColumnValues "{}" not between 1 and 2',
    'ColumnValues "{}" not in ["a", NULL] where "`{}` is not null"',
    'ColumnValues "{}" matches "[a-z]"',
    'ColumnValues # of interest\n "{}" > 0',
]
KEPT = [
    'ColumnValues "{}" between 1 and 2',
    'IsComplete "{}"',
    'ColumnCorrelation "{}" "{}" > 0',
    "CustomSql \"select count(*) from primary where `{}` = ' ColumnValues x '\" = 0",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rule", CHANGED)
def test_a_column_that_would_stand_in_sql_is_quoted(rule: str, name: str):
    text = f"Rules = [ RowCount > 0, {rule.replace('{}', name)} ]"
    (_, found), (_, before) = parse(for_deequ(text)).rules, parse(text).rules
    assert isinstance(found, Rule)
    assert isinstance(before, Rule)
    assert found.parameters == (f"`{name}`",)
    assert (found.condition, found.where) == (before.condition, before.where)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rule", KEPT)
def test_what_deequ_looks_up_by_its_name_stays(rule: str, name: str):
    text = f"Rules = [ {rule.replace('{}', name)} ]"
    assert for_deequ(text) == normal(text)


def test_each_rule_of_a_composition_is_looked_at():
    text = 'Rules = [ (ColumnValues a > 0) and ((IsComplete "b") or (ColumnValues "true" = 1)) ]'
    assert for_deequ(text).strip() == (
        'Rules = [ (ColumnValues "`a`" > 0) and ((IsComplete "b") or (ColumnValues "`true`" = 1)) ]'
    )
