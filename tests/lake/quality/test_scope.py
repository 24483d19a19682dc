"""A rule on uniqueness that cannot see doubles of earlier batches says so."""

from __future__ import annotations

import pytest

from pipeline.lake.quality.scope import Declared, unseen_doubles, without_column, without_reference

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


@pytest.mark.parametrize(
    ("sums", "told"),
    [
        ('"sum(a)" "sum(raw.b)"', []),
        ('"sum(gone)" "sum(raw.b)"', ["error: the table cannot have a column gone; there are: a"]),
        (
            '"sum(a)" "sum(raw.gone)"',
            ["warning: the column gone is not declared; without it in the files the rule fails"],
        ),
        ('"sum(a)" "avg(raw.c)"', ["error: avg needs a column of numbers, and c of the files is string"]),
        ('"sum(b)" "sum(raw.b)"', ["error: the table cannot have a column b; there are: a"]),
    ],
)
def test_sums_are_of_columns_that_the_table_and_the_files_have(sums: str, told: list[str]):
    """A transform gives the table other columns than the files have."""
    table, files = Declared({"a": "bigint"}, True), Declared({"b": "decimal(9,2)", "c": "string"}, False)
    found = list(without_column(f"Rules = [ (RowCount > 0) and (AggregateMatch {sums} = 1.0) ]", table, files))
    assert [f"{each.severity}: {each.message}" for each in found] == told
