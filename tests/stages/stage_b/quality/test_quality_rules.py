"""Real Deequ on real Spark: what the lint lets through is evaluated as DQDL documents it, and the rest is not.

A newer Deequ that mends a form fails the second half: then the lint can let it through.
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest

from pipeline.core.errors import BadDefinition
from pipeline.lake.batches.records import Batch, BatchStatus
from pipeline.lake.datasets import Quality
from pipeline.lake.quality.dynamic_rules import resolve
from pipeline.lake.quality.lint import check_ruleset, errors_in
from pipeline.lake.quality.sentences import sentence
from stages.stage_b.jobs.evaluation import Finding, evaluate, failing_rows, verdict

SCHEMA = (
    "id int, name string, n int, text string, opt string, same string, d date, dn date, price decimal(10,2), f double, "
    "digits string, ok boolean, tags array<string>"
)


@pytest.fixture(scope="module")
def rows(spark: Any) -> Any:
    """Ten rows; `n` and `dn` are NULL in the fifth, `opt` in the last two."""
    texts = ["", "  ", "a", "b", None, "a", "b", "c", "it's", 'say "hi"']
    values = [
        (
            i,
            f"name{i}",
            None if i == 5 else i * 10,
            texts[i - 1],
            "a" if i < 9 else None,
            "x",
            datetime.date(2024, 1, i),
            None if i == 5 else datetime.date(2024, 1, i),
            Decimal(i) / 4,
            i * 1.5,
            str(i),
            i % 2 == 0,
            ["t"],
        )
        for i in range(1, 11)
    ]
    hours = "current_timestamp() - make_interval(0, 0, 0, 0, id) ts"
    ages = hours, "current_timestamp() just", "date_sub(current_date(), id) day"
    return spark.createDataFrame(values, SCHEMA).selectExpr("*", *ages).coalesce(1).cache()


TRUE = [
    "RowCount = 10",
    "RowCount between 9 and 11",
    'RowCount = 3 where "id <= 3"',
    "RowCount not in [9, 11]",
    "ColumnCount = 16",
    'Completeness "n" = 0.9',
    'IsComplete "id"',
    'IsComplete "n" where "id < 5"',
    'ColumnDataType "digits" = "Integer"',
    'ColumnDataType "name" != "Integer"',
    'ColumnExists "tags"',
    'ColumnNamesMatchPattern "^[a-z]+$"',
    'ColumnCorrelation "id" "f" > 0.99',
    'Uniqueness "id" = 1.0',
    'IsUnique "id"',
    'IsPrimaryKey "id"',
    'Mean "id" = 5.5',
    'Sum "price" between 13 and 14',
    'StandardDeviation "id" > 2.8',
    'Entropy "same" = 0',
    'DistinctValuesCount "opt" = 1 where "opt is not null"',
    'UniqueValueRatio "id" = 1.0',
    'ColumnLength "name" < 7',
    'ColumnLength "name" between 4 and 7 where "name is not null"',
    'ColumnLength "opt" in [0, 1]',
    'DataFreshness "day" <= 11 days',
    'DataFreshness "ts" <= 12 hours',
    'DataFreshness "dn" > 3 days where "dn is not null"',
    "CustomSql \"select count(*) from primary where length(coalesce(opt, '')) > 1\" = 0",
    'CustomSql "select count(*) - count(distinct id, name) from primary" = 0',
    'ColumnValues "id" > 0',
    'ColumnValues "id" between 0 and 11',
    'ColumnValues "id" not between 10 and 20',
    'ColumnValues "n" != 1000',
    'ColumnValues "n" not in [1000]',
    'ColumnValues "n" in [10,20,30,40,60,70,80,90,100,NULL]',
    'ColumnValues "price" >= 0.25',
    'ColumnValues "name" matches "name\\d+"',
    'ColumnValues "name" matches "(x|name.*)"',
    'ColumnValues "opt" in ["a", NULL]',
    'ColumnValues "opt" != "b"',
    'ColumnValues "opt" != EMPTY where "opt is not null"',
    'ColumnValues "name" not in [EMPTY, WHITESPACES_ONLY, NULL]',
    'ColumnValues "text" = "say \\"hi\\"" where "id = 10"',
    'ColumnValues "text" matches "it.s" where "id = 9"',
    'ColumnValues "text" in [EMPTY, NULL] where "id in (1, 5)"',
    'ColumnValues "d" >= "2024-01-01"',
    'ColumnValues "d" >= "2024-01-06" with threshold >= 0.5',
    'ColumnValues "day" > (now() - 11 days)',
    'ColumnValues "dn" not in ["2023-12-31"]',
    '(IsComplete "n") or (IsUnique "id")',
    '(IsUnique "same") and (IsComplete "n") or (IsComplete "id")',
]
FALSE = [
    "RowCount > 10",
    "RowCount between 10 and 12",
    'Completeness "n" > 0.95',
    'IsComplete "n"',
    'IsComplete "nowhere"',
    'ColumnDataType "name" = "Integer" with threshold > 0.1',
    'ColumnExists "nowhere"',
    'ColumnNamesMatchPattern "^[a-m]+$"',
    'Uniqueness "same" > 0.5',
    'IsUnique "same"',
    'IsPrimaryKey "n"',
    'Mean "id" > 5.5',
    'ColumnLength "name" < 6',
    'ColumnLength "opt" in [1]',
    'DataFreshness "day" <= 5 days',
    'DataFreshness "ts" < 9 hours',
    'DataFreshness "dn" > 3 days',
    'CustomSql "select count(*) from primary" > 10',
    'ColumnValues "id" > 1',
    'ColumnValues "id" between 1 and 11',
    'ColumnValues "n" > 0',
    'ColumnValues "n" in [10,20,30,40,60,70,80,90,100]',
    'ColumnValues "n" not in [1000, NULL]',
    'ColumnValues "n" not between 2000 and 3000',
    'ColumnValues "name" matches "ame"',
    'ColumnValues "name" matches "name[0-9]"',
    'ColumnValues "opt" matches "a"',
    'ColumnValues "opt" = "a"',
    'ColumnValues "opt" != NULL',
    'ColumnValues "opt" not in [EMPTY, NULL]',
    'ColumnValues "d" > "2024-01-01"',
    'ColumnValues "dn" > "2023-12-31"',
    'ColumnValues "day" > (now() - 5 days)',
    '(IsComplete "id") and (IsUnique "same")',
]


@pytest.fixture(scope="module")
def findings(spark: Any, rows: Any) -> tuple[Finding, ...]:
    """All at once: Deequ computes what many rules need in one pass."""
    return evaluate(spark, rows, f"Rules = [ {', '.join(TRUE + FALSE)} ]")


@pytest.fixture(scope="module")
def outcomes(findings: tuple[Finding, ...]) -> dict[str, bool]:
    return {finding.rule: finding.passed for finding in findings}


@pytest.mark.parametrize("rule", TRUE)
def test_a_rule_that_holds_passes(outcomes, rule):
    assert outcomes[rule]


@pytest.mark.parametrize("rule", FALSE)
def test_a_rule_that_does_not_hold_fails(outcomes, rule):
    assert not outcomes[rule]


def test_people_are_told_what_was_seen_and_not_the_words_of_deequ(findings):
    told = [sentence(each.rule, each.reason) for each in findings if not each.passed]
    assert len(told) == len(FALSE)
    assert not [text for text in told if text is None or "constraint" in text or "analyzer" in text]


def test_of_a_composition_the_part_that_failed_is_told(findings):
    [composed] = [each for each in findings if each.rule == '(IsComplete "id") and (IsUnique "same")']
    assert {part.rule: part.passed for part in composed.parts} == {'IsComplete "id"': True, 'IsUnique "same"': False}
    batch = Batch("team/orders", "B", BatchStatus.RUNNING, (), "2026-01-01T00:00:00Z")
    [judged] = verdict(batch, 1, Quality(ruleset=f"Rules = [ {composed.rule} ]"), (composed,)).rules
    assert (judged.reason or "").startswith('IsUnique "same": 0% of the rows have a value of "same"')
    assert not [each for each in findings if each.passed and each.parts]


NAMES = ["2024_q1", "order", "true"]
NAMED = [
    'IsComplete "{}"',
    'Completeness "{}" = 1.0',
    'IsUnique "{}"',
    'Uniqueness "{}" = 1.0',
    'IsPrimaryKey "{}"',
    'UniqueValueRatio "{}" = 1.0',
    'DistinctValuesCount "{}" = 4',
    'Entropy "{}" > 1',
    'Mean "{}" = 2.5',
    'Sum "{}" = 10',
    'StandardDeviation "{}" > 1',
    'ColumnCorrelation "{}" "f" > 0.9',
    'ColumnExists "{}"',
    'ColumnDataType "{}" = "Integer"',
    'ColumnValues "{}" > 0',
    'ColumnValues "{}" between 0 and 5',
    'ColumnValues "{}" not between 8 and 9',
    'ColumnValues "{}" in [1,2,3,4]',
    'ColumnValues "{}" != NULL',
    'IsComplete "{}" where "`{}` > 0"',
    'ColumnValues "{}" = 1 where "`{}` = 1"',
    'CustomSql "select count(*) from primary where `{}` < 1" = 0',
    # Of text and of dates.
    'ColumnLength "t{}" = 1 where "`t{}` is not null"',
    'ColumnValues "t{}" matches "[a-d]"',
    'ColumnValues "t{}" not in [EMPTY, NULL]',
    'DataFreshness "d{}" <= 9 days',
    'ColumnValues "d{}" > "2000-01-01"',
]
NAMED_AND_FALSE = [
    'ColumnValues "{}" > 1',
    'ColumnValues "{}" in [1,2,3]',
    'ColumnValues "{}" not in [4]',
    'ColumnValues "{}" = 1 where "`{}` = 2"',
    'Completeness "{}" > 1 where "`{}` > 1"',
]


def test_rules_are_about_columns_whatever_these_are_called(spark):
    """Names that SQL knows as numbers, words and values; Stage A makes every other character an underscore."""
    wholes = [(name, "int") for name in NAMES]
    others = [(prefix + name, kind) for name in NAMES for prefix, kind in (("t", "string"), ("d", "date"))]
    schema = ", ".join(f"`{name}` {kind}" for name, kind in (*wholes, *others, ("f", "double")))
    today = datetime.date.today()
    values = [(*(i for _ in wholes), *("abcd"[i - 1], today) * len(NAMES), float(i)) for i in range(1, 5)]
    named = spark.createDataFrame(values, schema).coalesce(1).cache()
    true, false = ([rule.replace("{}", n) for n in NAMES for rule in rules] for rules in (NAMED, NAMED_AND_FALSE))
    ruleset = f"Rules = [ {', '.join(true + false)} ]"
    findings = evaluate(spark, named, ruleset)
    assert [finding.rule for finding in findings if finding.passed] == true
    sample = failing_rows(spark, named, ruleset, findings)
    assert {rule for row in sample for rule in row["rules"]} >= {
        'ColumnValues "true" > 1',
        'ColumnValues "2024_q1" in [1,2,3]',
    }


def test_the_sum_of_a_column_that_is_not_there_fails_its_rule_alone(spark: Any):
    frame = spark.sql("select * from values (1, 2.0), (2, 3.0) as t(id, v)")
    raw = spark.sql("select id, cast(null as bigint) in_no_file from values (1), (2) as t(id)")
    missing = 'AggregateMatch "sum(missing)" "sum(raw.id)" >= 0.0'
    rules = [
        missing,
        'AggregateMatch "sum(id)" "sum(raw.in_no_file)" = 1.0',
        'AggregateMatch "sum(id)" "sum(raw.id)" = 1.0',
        f"({missing}) or (RowCount = 2)",
        f"({missing}) and (RowCount = 2)",
    ]
    findings = evaluate(spark, frame, f"Rules = [ {', '.join(rules)} ]", raw)
    assert [finding.passed for finding in findings] == [False, False, True, True, False]
    assert [finding.rule for finding in findings] == rules
    assert sentence(missing, findings[0].reason) == 'there is no column "missing"'
    assert findings[0].metrics == {}
    assert findings[4].parts[0].reason == "Column missing does not exist in the dataset"
    named = verdict(
        Batch("team/orders", "B", BatchStatus.RUNNING, (), "2026-01-01T00:00:00Z"),
        1,
        Quality(ruleset="RowCount > 0"),
        findings,
    )
    assert 'there is no column "missing"' in str(named.rules[4].reason)


PASSES_AND_SHOULD_NOT = [
    'ColumnLength "opt" > 0',
    'ColumnLength "opt" = 1',
    'ColumnLength "opt" != 0',
    'ColumnLength "opt" between 0 and 5',
    'ColumnNamesMatchPattern "[a-z]"',
    'ColumnValues "id" > 0.5 with threshold < 0.5',
    'ColumnValues "name" matches "name|x"',
    'ColumnValues "text" not matches "  " where "id = 2"',
    'ColumnValues "text" = EMPTY where "id = 5"',
    'ColumnValues "text" != "it\'s" where "id = 9"',
    'ColumnValues "dn" not between "2025-01-01" and "2026-01-01"',
    'ColumnValues "digits" not in [1]',
    'IsPrimaryKey "opt" "id"',
]
COMPUTED_BEFOREHAND = ["RowCount > avg(last(3))", "RowCount = 4 + 2 * 3"]
"""Forms that Deequ is not given: it calls them failed whatever the data (`pipeline.lake.quality.dynamic_rules`)."""
FAILS_AND_SHOULD_NOT = [
    'AggregateMatch "sum(id)" "sum(other.id)" = 1.0',
    'DetectAnomalies "RowCount"',
    'FileSize "s3://a/b" > 1 MB',
    'RowCountMatch "other" = 1.0',
    'ColumnValues "id" > 2 - 2',
    'ColumnValues "id" > 5 with threshold >= 0.5',
    'ColumnValues "name" in ["name1"] with threshold >= 0.1',
    'ColumnValues "text" = "it\'s" where "id = 9"',
    'ColumnValues "name" matches "name\\\\d+"',
    'ColumnValues "text" matches "a*" where "id = 1"',
    'ColumnValues "text" not matches "say" where "id = 10"',
    'ColumnValues "opt" != EMPTY',
    'ColumnValues "opt" not in [WHITESPACES_ONLY]',
    'ColumnValues "just" < now()',
    'ColumnValues "digits" in [1,2,3,4,5,6,7,8,9,10]',
    'ColumnDataType "name" = "String"',
    'DataFreshness "day" = 1 days where "id = 1"',
    'CustomSql "select count(*) > 5 from primary"',
    '(ColumnValues "n" > 0) or (ColumnValues "n" = NULL)',
]


TAKES_OTHERS_ALONG = ['ColumnValues "ok" in ["true", "false"]', 'RowCount > 0 where "same = \\"x\\""']


@pytest.fixture(scope="module")
def misread(spark: Any, rows: Any) -> dict[str, str]:
    from pydeequ.dqdl import EvaluateDataQuality

    rules = PASSES_AND_SHOULD_NOT + FAILS_AND_SHOULD_NOT + COMPUTED_BEFOREHAND
    parser = spark._jvm.software.amazon.glue.dqdl.parser.DQDLParser()
    text = f"Rules = [ {', '.join(rules)} ]"
    by_print = {r["Rule"]: r["Outcome"] for r in EvaluateDataQuality.process(spark, rows, text).collect()}
    printed = [rule.toString() for rule in parser.parse(text).getRules()]
    return {rule: by_print[name] for rule, name in zip(rules, printed, strict=True)}


@pytest.mark.parametrize("rule", PASSES_AND_SHOULD_NOT)
def test_deequ_passes_a_false_rule_of_a_refused_form(misread, rows, rule):
    assert misread[rule] == "Passed"
    assert errors_in(check_ruleset(f"Rules = [ {rule} ]", dict(rows.dtypes)))


@pytest.mark.parametrize("rule", FAILS_AND_SHOULD_NOT)
def test_deequ_fails_a_true_rule_of_a_refused_form(misread, rows, rule):
    assert misread[rule] == "Failed"
    assert errors_in(check_ruleset(f"Rules = [ {rule} ]", dict(rows.dtypes)))


@pytest.mark.parametrize("rule", COMPUTED_BEFOREHAND)
def test_deequ_fails_a_true_rule_that_it_is_given_only_with_numbers(misread, spark, rows, rule):
    assert misread[rule] == "Failed"
    text = f"Rules = [ {rule} ]"
    with pytest.raises(BadDefinition, match="does not compare with a number yet"):
        evaluate(spark, rows, text)
    assert all(finding.passed for finding in evaluate(spark, rows, resolve(text, {}).text))


@pytest.mark.parametrize("rule", TAKES_OTHERS_ALONG)
def test_a_rule_that_sql_refuses_fails_its_neighbours_in_deequ(spark, rows, rule):
    """Which is why a reason that is not about the data is an error of the job."""
    from pydeequ.dqdl import EvaluateDataQuality

    found = EvaluateDataQuality.process(spark, rows, f'Rules = [ Completeness "n" > 0.5, {rule} ]').collect()
    assert {row["Outcome"] for row in found} == {"Failed"}
    assert errors_in(check_ruleset(f"Rules = [ {rule} ]", dict(rows.dtypes)))


@pytest.mark.parametrize(
    ("ruleset", "why"),
    [
        ('Rules = [ RowCount > 0 where "nowhere > 1" ]', "nowhere"),
        ('Rules = [ (RowCount > 0) or (IsComplete "id" where "nowhere > 1") ]', "nowhere"),
        ('Rules = [ CustomSql "selec count(*) from primary" > 0 ]', "selec"),
        ('Rules = [ CustomSql "select id from primary" > 0 ]', "CustomSql"),
        ('Rules = [ ColumnValues "name" > 0 ]', "name is string"),
        ('Rules = [ IsComplete "tags" ]', "nested"),
        ("Rules = [ RowCount > last(3) ]", "avg(last(3))"),
    ],
)
def test_a_ruleset_that_cannot_be_evaluated_is_an_error_and_no_verdict(spark, rows, ruleset, why):
    with pytest.raises(BadDefinition) as refused:
        evaluate(spark, rows, ruleset)
    assert why in refused.value.message


def test_no_view_and_no_callback_server_are_left_behind(spark, rows):
    evaluate(spark, rows, 'Rules = [ CustomSql "select count(*) from primary" > 0 ]')
    assert not spark.catalog.tableExists("primary")
    server = getattr(spark.sparkContext._gateway, "_callback_server", None)
    assert server is None or not server.is_alive()


def test_a_rule_that_stands_twice_has_its_outcome_twice(spark, rows):
    found = evaluate(spark, rows, "Rules = [ RowCount > 0, RowCount > 0, RowCount > 10 ]")
    assert [finding.passed for finding in found] == [True, True, False]
    assert found[2].reason == "Value: 10 does not meet the constraint requirement!"
    assert found[2].metrics == {"Dataset.*.RowCount": 10.0}
