"""What Spark says of an error may quote rows: jobs tell its kinds."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from pipeline.core.errors import BadDefinition, Broken
from stages.stage_b.jobs import evaluation
from stages.stage_b.jobs.evaluation import evaluate
from stages.stage_b.jobs.failure import told_apart

CANARY = "zq7canary"
FAILING = ("raise_error(name)", "assert_true(name is null, name)", "cast(name as int)")


@pytest.fixture
def rows(spark: Any) -> Any:
    spark.conf.set("spark.sql.ansi.enabled", "true")
    yield spark.createDataFrame([(1, CANARY)], "id int, name string")
    spark.conf.unset("spark.sql.ansi.enabled")


@pytest.mark.parametrize("expression", FAILING)
def test_a_failed_computation_quotes_no_row(rows: Any, expression: str) -> None:
    with pytest.raises(Broken, match=r"^Spark failed while it computed: .*Exception") as told, told_apart():
        rows.selectExpr(expression).collect()
    assert CANARY not in "".join(traceback.format_exception(told.value))


@pytest.mark.parametrize("expression", FAILING)
def test_nor_does_one_under_deequ(spark: Any, rows: Any, expression: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "check_ruleset", lambda *_: [])
    monkeypatch.setattr(evaluation, "hold_to_one_view", lambda *_: None)
    ruleset = f'Rules = [ CustomSql "select max({expression}) as result from primary" >= 0 ]'
    with pytest.raises(BadDefinition, match="Deequ could not evaluate") as told:
        evaluate(spark, rows, ruleset)
    assert CANARY not in "".join(traceback.format_exception(told.value))
