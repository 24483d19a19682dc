"""What SQL a ruleset may hold, without Spark. That Spark agrees is seen in tests/stages/stage_b/quality/test_sql.py."""

import sys

import pytest

from pipeline.lake.quality.lint import check_ruleset
from pipeline.lake.quality.sql import (
    MAX_CHARACTERS,
    MAX_DEPTH,
    condition_findings,
    literal_findings,
    statement_findings,
)
from tests.lake.quality.sql_corpus import ATTACKS, BAD_CONDITIONS, CONDITIONS, USEFUL

NAMES = {"other": "glue_catalog.other.orders", "file": "/etc/hostname"}


@pytest.mark.parametrize("statement", USEFUL)
def test_a_select_over_primary_is_let_through(statement):
    assert list(statement_findings(statement)) == []


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_on_the_row_is_let_through(condition):
    assert list(condition_findings(condition)) == []


@pytest.mark.parametrize("statement", ATTACKS)
def test_any_other_statement_is_refused_with_what_to_write_instead(statement):
    [(what, instead)] = statement_findings(statement.format(**NAMES))
    assert what
    assert "one select over primary" in instead


@pytest.mark.parametrize("condition", BAD_CONDITIONS)
def test_any_other_condition_is_refused(condition):
    [(what, instead)] = condition_findings(condition.format(**NAMES))
    assert what
    assert "a condition on the columns of the row" in instead


def test_there_are_enough_attacks_to_mean_something():
    assert len(ATTACKS) >= 60


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("select count(*) from other.orders, primary", "reads other.orders"),
        ("select count(*) from primary where reflect('a', 'b') is null", "the function reflect"),
        ("select count(*) from primary -- all of them", "a comment"),
        ("select count(*) from primary; select 1", "a semicolon"),
        ("select 1", "does not read from primary"),
        ("select count(*) from primary where name = 'x", "not closed"),
        ("select count(*) from primary where name = '${env:PATH}'", "settings and secrets"),
        ("select count(*) from primary\x00", "the character '\\x00'"),
        ("select count(*) from primary where " + "(" * (MAX_DEPTH + 1), "nests deeper"),
        ("select count(*) from primary where id = " + "1" * MAX_CHARACTERS, "characters, of at most"),
        ("select count(*) from primary where id in (" + "1," * 2000 + "1)", "words, of at most"),
        ("select " + "case when id = 1 then " * 50 + "1" + " end" * 50 + " from primary", "nests deeper"),
    ],
)
def test_the_refusal_names_what_stands_there(statement, said):
    [(what, _)] = statement_findings(statement)
    assert said in what


@pytest.mark.parametrize("frames", [1_000, 10_000])
@pytest.mark.parametrize("nested", ["not " * 1900 + "true", "- " * 1900 + "1", "not true = " * 600 + "true"])
def test_nesting_without_parentheses_has_its_limit_however_deep_python_may_go(nested, frames):
    """Libraries raise the limit of the whole process, and leave it."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(frames)
    try:
        [(what, _)] = statement_findings(f"select {nested} from primary")
    finally:
        sys.setrecursionlimit(before)
    assert "nests deeper" in what


def test_a_long_chain_is_no_nesting():
    assert not list(statement_findings("select count(*) from primary where id = 1" + " and id = 1" * 450))


@pytest.mark.parametrize("text", ["it's", "a\\", "${spark.x}", "' or 1 = 1 or '"])
def test_a_string_that_would_end_its_quotes_in_sql_is_refused(text):
    assert list(literal_findings(text))


@pytest.mark.parametrize(
    "ruleset",
    [
        """Rules = [ ColumnValues "a" in ["x", "' or exists(select 1 from t) or '"] ]""",
        """Rules = [ ColumnValues "a" in [1, "' or exists(select 1 from t) or '"] ]""",
        """Rules = [ ColumnValues "a" in ["2024-01-01", "' or exists(select 1 from t) or '"] ]""",
        """Rules = [ ColumnValues "a" in [NULL, "' or exists(select 1 from t) or '"] ]""",
        """x = ["' or exists(select 1 from t) or '"]\nRules = [ ColumnValues "a" in $x ]""",
        """x = "' or '"\nRules = [ ColumnValues "a" = $x ]""",
        """Rules = [ ColumnValues "a" between "2024-01-01" and "' or '" ]""",
        """Rules = [ ColumnDataType "a" = "decimal('" ]""",
        """Rules = [ ColumnDataType "a" = "date" with threshold > "'" ]""",
        """Rules = [ ColumnValues "a" = "${env:PATH}" ]""",
        """Rules = [ IsComplete "a` is null or exists(select 1 from t) or `a" ]""",
        """Rules = [ IsComplete "" ]""",
        """Rules = [ ColumnCorrelation "a" "b) from t --" > 0.1 ]""",
        """Rules = [ DataFreshness "a" <= 3 days where "exists (select 1 from t)" ]""",
        """Rules = [ (IsComplete "a") and (RowCount > 0 where "id in (select id from t)") ]""",
    ],
)
def test_no_other_text_of_a_ruleset_becomes_sql_of_its_own(ruleset):
    assert [problem for problem in check_ruleset(ruleset) if problem.severity == "error"]


@pytest.mark.parametrize(
    "column", ["avg(case when id > 1 then 1.0 else 0 end)", "max(id) + .5", "max(place.x)", "count_if(name = 'a.b')"]
)
def test_a_column_that_deequ_cannot_call_by_its_text_must_have_a_name(column):
    [(what, instead)] = statement_findings(f"select {column} from primary")
    assert "has a dot" in what
    assert "as result" in instead
    assert list(statement_findings(f"select {column} as result from primary")) == []


@pytest.mark.parametrize(
    "statement",
    [
        "select max(p.id) from primary p",
        "select max(primary.id) from primary",
        "select count(*) from primary where name = 'a.b' or id > 0.5",
        "with a as (select id * 1.5 x from primary) select max(a.x) from a",
    ],
)
def test_a_dot_that_is_not_in_a_columns_name_asks_for_none(statement):
    assert list(statement_findings(statement)) == []
