"""What a ruleset is refused for. That Deequ agrees is seen in tests/stages/stage_b/test_quality_rules.py."""

import pytest

from pipeline.lake.datasets.names import safe_name
from pipeline.lake.quality.lint import Problem, check_ruleset

COLUMNS = {"id": "int", "name": "string", "d": "date", "ts": "timestamp", "ok": "boolean", "tags": "array<string>"}


def only(text: str, columns: dict[str, str] | None = None) -> Problem:
    (problem,) = check_ruleset(f"Rules = [ {text} ]", columns)
    return problem


@pytest.mark.parametrize(
    "rule",
    [
        'IsComplete "id"',
        "RowCount between 1 and 1000",
        'Completeness "name" > 0.95 where "id > 10"',
        'ColumnValues "name" in ["a", "b", NULL]',
        'ColumnValues "name" matches "(a|b)[0-9]+"',
        'ColumnValues "name" != NULL',
        'ColumnValues "id" between 0 and 100',
        'ColumnValues "d" > (now() - 3 days)',
        'ColumnValues "d" >= "2024-01-01" with threshold > 0.9',
        'ColumnValues "ts" >= "2024-01-01"',
        'ColumnValues "name" not in [EMPTY, NULL]',
        'ColumnLength "name" <= 10',
        'ColumnLength "name" = 5 where "name is not null and id > 3"',
        'DataFreshness "ts" <= 24 hours',
        'CustomSql "select count(*) from primary where id < 0" = 0',
        '(IsComplete "id") and ((IsUnique "id") or (RowCount = 0))',
        'ColumnNamesMatchPattern "^[a-z_]+$"',
        'ColumnDataType "name" = "Integer" with threshold > 0.5',
        'ColumnExists "tags"',
    ],
)
def test_what_deequ_evaluates_as_documented_has_no_problem(rule):
    assert check_ruleset(f"Rules = [ {rule} ]", COLUMNS) == []


@pytest.mark.parametrize(
    ("rule", "about", "instead"),
    [
        ('Compleetness "a" > 1', "no rule type", "Completeness"),
        ('iscomplete "a"', "no rule type", "IsComplete"),
        ('ReferentialIntegrity "a" "b.c" = 1', "another table", "transform in SQL"),
        ('SchemaMatch "b" = 1', "another table", "contract"),
        ('RowCountMatch "reference" = 1', "no dataset 'reference'", 'RowCountMatch "raw"'),
        ('RowCountMatch "raw" = 1 where "id > 1"', "takes no where", ""),
        ('AggregateMatch "sum(n)" "sum(reference.n)" = 1', "no dataset 'reference'", "sum(raw.amount)"),
        ('AggregateMatch "max(n)" "max(raw.n)" = 1', "neither sum(column) nor avg(column)", "sum(raw.amount)"),
        ('AggregateMatch "sum( n )" "sum(raw.n)" = 1', "neither sum(column) nor avg(column)", ""),
        ('DetectAnomalies "RowCount"', "no forecasts", "avg(last(10))"),
        ('FileFreshness "s3://a/b" > now()', "file rules", "DataFreshness"),
        ('IsUnique "a" "b"', "takes one parameter", ""),
        ('IsPrimaryKey "a" "b"', "NULLs in a key", "count(distinct a, b)"),
        ("RowCount", "needs a condition", ""),
        ('IsComplete "a" > 0.5', "takes no condition", ""),
        ('ColumnValues "a" > 2 - 2', "left to right", "number"),
        ('ColumnValues "a" > 3 with threshold > 0.5', "threshold", "CustomSql"),
        ('ColumnValues "a" in ["x"] with threshold > 0.5', "threshold", "CustomSql"),
        ('ColumnValues "a" in ["it\'s"]', "without escaping", "matches"),
        ('ColumnValues "a" != "a\\b"', "without escaping", "rlike"),
        ('ColumnValues "a" matches "x|y"', "cuts them apart", '"(x|y)"'),
        ('ColumnValues "a" matches "[a-z]*"', "empty string", "needs a character"),
        ('ColumnValues "a" matches "a\\\\d"', "two backslashes", "\\d"),
        ('ColumnValues "a" not matches "x"', "beginning", "rlike"),
        ('ColumnValues "a" != EMPTY', "fails NULL", "not in [EMPTY, NULL]"),
        ('ColumnValues "a" = EMPTY where "b > 1"', "lets NULL pass", "in [EMPTY, NULL]"),
        ('ColumnValues "a" not between "2024-01-01" and "2025-01-01"', "NULL pass", "is not null"),
        ('ColumnValues "a" > (now() - 3 hours)', "drops hours", "DataFreshness"),
        ('ColumnValues "a" > "10:30"', "time of day", "hour("),
        ('ColumnValues "a" = $x', "not a whole list", "in $name"),
        ('ColumnValues "a" in $x', "no list x", ""),
        ('ColumnLength "a" > 3', "length 0", "is not null"),
        ('ColumnLength "a" between 1 and 3', "length 0", "is not null"),
        ('ColumnNamesMatchPattern "[a-z]+"', "somewhere", "^[a-z]+$"),
        ('ColumnDataType "a" in ["Integer", "Date"]', "only = and !=", "or"),
        ('ColumnDataType "a" = "String"', "no data type String", "integer"),
        ('DataFreshness "a" = 1 days', "microsecond", "<="),
        ('DataFreshness "a" <= 3', "duration", "hours"),
        ('CustomSql "select id from primary where id > 3"', "needs a condition", "matched by value"),
        ('CustomSql "select count(*) from other" > 3', "does not read from primary", "primary"),
        ('IsComplete "a" where "b = \\"x\\""', "no SQL", "single quotes"),
        ('IsComplete "a" with owner = "me"', "means nothing", ""),
        ('IsComplete "Odd Name"', "no column can be called", "odd_name"),
        ('IsComplete "a.b"', "no column can be called", "a_b"),
        ('(ColumnValues "a" > 1) or (ColumnValues "a" = NULL)', "not let single NULLs pass", "a is not null"),
    ],
)
def test_what_deequ_reads_differently_is_refused_and_says_what_to_write(rule, about, instead):
    problem = only(rule)
    assert problem.severity == "error"
    assert about in problem.message
    assert instead in (problem.hint or "")
    assert problem.rule
    assert problem.rule in rule
    assert problem.line == 1


@pytest.mark.parametrize(
    ("rule", "about"),
    [
        ('Mean "name" > 1', "needs a column of numbers"),
        ('ColumnLength "id" < 3', "needs a column of strings"),
        ('ColumnValues "name" > 3', "compared with a number"),
        ('ColumnValues "id" in ["1"]', "compared with strings"),
        ('ColumnValues "ok" = "true"', "compared with strings"),
        ('ColumnValues "id" matches "[0-9]+"', "column of strings"),
        ('ColumnValues "ts" < now()', "its day with today"),
        ('ColumnValues "ts" > "2024-01-01"', "compares days"),
        ('ColumnValues "ok" > "2024-01-01"', "cannot compare boolean"),
        ('DataFreshness "id" < 3 days', "dates or timestamps"),
        ('IsComplete "tags"', "nested"),
    ],
)
def test_a_rule_is_held_against_the_type_of_its_column(rule, about):
    assert about in only(rule, COLUMNS).message
    unknown = [problem for problem in check_ruleset(f"Rules = [ {rule} ]", {}) if problem.severity == "error"]
    assert unknown == []


def test_an_undeclared_column_is_only_a_warning():
    assert only('IsComplete "other"', COLUMNS).severity == "warning"
    assert check_ruleset('Rules = [ ColumnExists "other" ]', COLUMNS) == []


def test_counting_distinct_values_warns_of_null():
    assert "NULL counts" in only('DistinctValuesCount "id" = 3', COLUMNS).message
    assert check_ruleset('Rules = [ DistinctValuesCount "id" = 3 where "id is not null" ]', COLUMNS) == []


def test_a_list_variable_can_be_used_whole():
    assert check_ruleset('x = ["a"]\nRules = [ ColumnValues "name" in $x ]', COLUMNS) == []


def test_sections_that_would_be_ignored_are_refused():
    assert "Analyzers" in check_ruleset("Rules = [ RowCount > 1 ] Analyzers = [ RowCount ]")[0].message
    assert "data sources" in check_ruleset('DataSources = {"a": "b"} Rules = [ RowCount > 1 ]')[0].message


def test_what_is_not_dqdl_says_where():
    (problem,) = check_ruleset('Rules = [\n IsComplete "id",\n IsUnique "id"')
    assert (problem.rule, problem.line) == (None, 3)
    assert "not DQDL" in problem.message


def test_a_forgotten_comma_is_guessed():
    assert "commas" in (only('IsComplete "id" IsUnique "id"').hint or "")


def test_sums_are_of_columns_of_numbers():
    rule = 'AggregateMatch "sum(name)" "sum(raw.id)" = 1'
    assert "name is string" in only(rule, COLUMNS).message
    assert check_ruleset('Rules = [ RowCountMatch "raw" > avg(last(3)) * 0.9 ]', COLUMNS) == []
    assert check_ruleset('Rules = [ AggregateMatch "avg(id)" "avg(raw.id)" between 0.9 and 1.1 ]', COLUMNS) == []


def test_a_problem_prints_where_what_and_what_instead():
    problem = only('ColumnLength "a" < 2 + 3')
    said = (
        'line 1: ColumnLength "a" < 2 + 3: Deequ computes from left to right, whatever the operators. Write the number.'
    )
    assert str(problem) == said


def test_rules_inside_a_composition_are_checked_too():
    assert "2 numbers" in only('(IsComplete "a") and (RowCount > last(2))').message


@pytest.mark.parametrize("name", ["true", "null", "2024", "1e5", "current_date", "between"])
def test_what_is_to_be_written_instead_names_the_column_and_no_value(name: str):
    columns = {name: "string"}
    text = f'Rules = [ ColumnValues "{name}" != EMPTY, ColumnLength "{name}" > 1, DistinctValuesCount "{name}" = 1 ]'
    hints = [problem.hint or "" for problem in check_ruleset(text, columns)]
    assert len(hints) == 3
    assert all(f"`{name}` is not null" in hint for hint in hints)
    mended = f'Rules = [ ColumnLength "{name}" > 1 where "`{name}` is not null" ]'
    assert not check_ruleset(mended, columns)


def test_a_name_that_no_table_has_is_told_as_stage_a_makes_it():
    [problem] = check_ruleset('Rules = [ IsComplete "Größe in cm" ]')
    assert problem.hint == f'Write "{safe_name("Größe in cm")}".'
