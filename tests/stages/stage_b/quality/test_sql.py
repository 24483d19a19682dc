"""SQL in rulesets on real Spark and Deequ: attacks reach nothing, by either fence, and what is useful is evaluated."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import Any

import boto3
import pytest

from pipeline.core.errors import BadDefinition
from pipeline.lake.quality.sql_functions import FUNCTIONS
from stages.stage_b.jobs import evaluation, plans
from stages.stage_b.jobs.evaluation import evaluate
from tests.lake.quality.sql_corpus import ATTACKS, BAD_CONDITIONS, CONDITIONS, USEFUL

OTHER = "glue_catalog.other.orders"
OWNED = Path("/tmp/sluice-owned")

# What is no call of the registry but grammar.
GRAMMAR = {"percentile_cont", "percentile_disc", "timestampadd", "timestampdiff", "try_cast"}


@pytest.fixture(scope="module")
def rows(spark: Any) -> Any:
    frame = spark.createDataFrame([(1, "name1"), (2, "name2"), (3, None)], "id int, name string")
    more = "cast(id as decimal(10,2)) price", "current_date() d", "array('x', 'y') tags"
    return frame.selectExpr("id", "name", *more).coalesce(1).cache()


@pytest.fixture(scope="module")
def other(front: Any, spark: Any) -> str:
    """Another team's table, with one row."""
    boto3.client("glue").create_database(DatabaseInput={"Name": "other", "LocationUri": "s3://curated/other"})
    spark.sql(f"create table {OTHER} (id int, secret string) using iceberg tblproperties ('format-version'='2')")
    spark.sql(f"insert into {OTHER} values (1, 'canary-of-another-team')")
    return OTHER


@pytest.fixture(scope="module")
def names(other: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    path = tmp_path_factory.mktemp("host") / "secrets"
    path.write_text("host-canary\n")
    return {"other": other, "file": str(path)}


@pytest.fixture
def untouched(front: Any, spark: Any, other: str) -> Any:
    """What the attacks aim at is afterwards as it was, and nobody asked Glue for it meanwhile."""
    spark._jvm.java.lang.System.clearProperty("owned")
    shutil.rmtree(OWNED, ignore_errors=True)
    front.calls.reset()
    yield
    asked = {call for call in front.calls.snapshot() if "glue" in str(call).lower()}
    assert not asked
    assert spark._jvm.java.lang.System.getProperty("owned") is None
    assert not OWNED.exists()
    assert [tuple(row) for row in spark.sql(f"select * from {other}").collect()] == [(1, "canary-of-another-team")]


def test_without_the_fences_the_attacks_would_succeed(spark, rows, names):
    rows.createOrReplaceTempView("primary")
    spark.conf.unset("spark.sql.runSQLOnFiles")
    [[found]] = spark.sql("select max(value) from text.`{file}`, primary".format(**names)).collect()
    assert found == "host-canary"
    spark.sql("select reflect('java.lang.System', 'setProperty', 'owned', 'yes') from primary").collect()
    assert spark._jvm.java.lang.System.getProperty("owned") == "yes"
    assert spark.sql("select count(*) from {other}, primary".format(**names)).collect()[0][0] == 3


def _custom(statement: str) -> str:
    escaped = statement.replace('"', '\\"')
    return f'Rules = [ CustomSql "{escaped}" >= 0 ]'


def _where(condition: str) -> str:
    return f'Rules = [ RowCount > 0 where "{condition}", IsComplete "id" where "{condition}" ]'


@pytest.mark.parametrize("ruleset", [*map(_custom, ATTACKS), *map(_where, BAD_CONDITIONS)])
def test_the_job_refuses_an_attack_that_was_not_refused_before(spark, rows, names, untouched, ruleset):
    text = ruleset
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    with pytest.raises(BadDefinition) as refused:
        evaluate(spark, rows, text.replace("{{", "{").replace("}}", "}"))
    assert "canary" not in refused.value.message


# Refused by their text, and harmless to Spark: comments, an empty second statement, and variables, which are not
# replaced in the job's session.
HARMLESS = ("--", "/* where */", "primary;", "${")


def test_sparks_own_parser_refuses_an_attack_that_ours_would_have_let_through(
    spark, rows, names, untouched, monkeypatch
):
    monkeypatch.setattr(evaluation, "check_ruleset", lambda *_: [])
    for check in ("statement_findings", "condition_findings", "literal_findings"):
        monkeypatch.setattr(plans, check, lambda *_: iter(()))
    passed = []
    for ruleset in [*map(_custom, ATTACKS), *map(_where, BAD_CONDITIONS)]:
        text = ruleset
        for name, value in names.items():
            text = text.replace(f"{{{name}}}", value)
        with contextlib.suppress(BadDefinition):
            evaluate(spark, rows, text.replace("{{", "{").replace("}}", "}"))
            passed.append(ruleset)
    assert [ruleset for ruleset in passed if not any(mark in ruleset for mark in HARMLESS)] == []
    assert spark.conf.get("spark.sql.variable.substitute") == "false"


@pytest.mark.parametrize(
    "rule",
    [
        'ColumnValues "name" in ["x", "\' or exists(select 1 from glue_catalog.other.orders) or \'"]',
        'ColumnValues "name" not in [NULL, "\\\\"]',
        'ColumnValues "name" = "${env:PATH}"',
    ],
)
def test_strings_are_held_to_the_rule_as_deequ_reads_them(spark, rows, untouched, monkeypatch, rule):
    monkeypatch.setattr(evaluation, "check_ruleset", lambda *_: [])
    with pytest.raises(BadDefinition, match=r"without escaping|replace the variable"):
        evaluate(spark, rows, f"Rules = [ {rule} ]")
    listed = rule.partition("[")[2] and f'x = [{rule.partition("[")[2]}\nRules = [ ColumnValues "name" in $x ]'
    if listed and "NULL" not in listed:
        with pytest.raises(BadDefinition, match="without escaping"):
            evaluate(spark, rows, listed)


@pytest.mark.parametrize("statement", USEFUL)
def test_what_is_useful_passes_sparks_fence_and_is_evaluated(spark, rows, statement):
    rows.createOrReplaceTempView("primary")
    assert list(plans._Reading(spark).statement(statement)) == []
    assert len(spark.sql(statement).collect()) == 1


def test_deequ_evaluates_what_passes(spark, rows):
    rules = [f'CustomSql "{statement}" > -1000' for statement in USEFUL[:13]]
    rules += [f'RowCount >= 0 where "{condition}"' for condition in CONDITIONS]
    assert len(evaluate(spark, rows, f"Rules = [ {', '.join(rules)} ]")) == len(rules)


DOTTED = ("avg(case when id > 1 then 1.0 else 0 end)", "max(id) + 0.5", "count_if(name = 'a.b')")


@pytest.mark.parametrize("column", DOTTED)
def test_deequ_takes_a_dot_in_a_columns_text_for_a_field_and_knows_it_by_a_name(spark, rows, monkeypatch, column):
    [named] = evaluate(spark, rows, f'Rules = [ CustomSql "select {column} as result from primary" >= 0 ]')
    assert named.passed
    monkeypatch.setattr(evaluation, "check_ruleset", lambda *_: [])
    monkeypatch.setattr(plans, "statement_findings", lambda *_: iter(()))
    with pytest.raises(BadDefinition):
        evaluate(spark, rows, f'Rules = [ CustomSql "select {column} from primary" >= 0 ]')


def test_spark_has_every_function_that_a_ruleset_may_call_and_calls_it_deterministic(spark):
    registry = spark._jsparkSession.sessionState().functionRegistry()
    names = registry.listFunction()
    known = {names.apply(at).funcName() for at in range(names.size())}
    assert FUNCTIONS - known == GRAMMAR
    assert not {"reflect", "java_method", "rand", "uuid", "input_file_name", "current_user", "xpath"} & FUNCTIONS
