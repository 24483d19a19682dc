"""A rule on uniqueness that cannot see doubles of earlier batches says so."""

from __future__ import annotations

import pytest

from pipeline.lake.quality.scope import unseen_doubles, without_reference

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


def test_a_whole_table_is_not_compared_with_the_files_of_one_batch():
    ruleset = 'Rules = [ (RowCountMatch "raw" = 1) and (RowCount > 0),\n AggregateMatch "sum(a)" "sum(raw.a)" = 1 ]'
    found = list(without_reference(ruleset, "table"))
    assert [(problem.line, problem.severity) for problem in found] == [(1, "error"), (2, "error")]
    assert "scope: batch" in str(found[0])
    assert not list(without_reference(ruleset, "batch"))
    assert not list(without_reference('Rules = [ AggregateMatch "sum(a)" "sum(b)" = 1 ]', "table"))
    assert not list(without_reference("no rules", "table"))
