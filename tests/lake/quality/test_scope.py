"""A rule on uniqueness that cannot see doubles of earlier batches says so."""

from __future__ import annotations

import pytest

from pipeline.lake.quality.scope import unseen_doubles

RULESET = 'Rules = [ RowCount > 0, (IsUnique "id") and (Uniqueness "a" "b" > 0.9), IsPrimaryKey "id" ]'


def test_each_rule_on_uniqueness_of_one_batch_is_warned_of():
    found = list(unseen_doubles(RULESET, "append", "batch"))
    assert [(problem.rule or "").partition(" ")[0] for problem in found] == ["IsUnique", "Uniqueness", "IsPrimaryKey"]
    assert all(problem.severity == "warning" and "scope: table" in str(problem) for problem in found)


@pytest.mark.parametrize(
    ("ruleset", "write", "scope"),
    [
        (RULESET, "append", "table"),
        (RULESET, "upsert", "batch"),
        ("Rules = [ RowCount > 0 ]", "append", "batch"),
        ("no rules", "append", "batch"),
    ],
)
def test_no_other_is(ruleset: str, write: str, scope: str):
    assert not list(unseen_doubles(ruleset, write, scope))
