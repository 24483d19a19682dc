"""The lines that functions and jobs print."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest

from pipeline.core.telemetry.metrics import emit
from pipeline.core.telemetry.names import Metric

FUNCTION = """
import logging
from pipeline.core.telemetry.logs import log_context
from pipeline.core.telemetry.{module} import {start}
{start}("stage.name")
with log_context(correlation_id="b1", dataset="a/b"):
    logging.getLogger("pipeline.x").info("done", extra={{"rows": 2, "dataset": "c/d"}})
    logging.getLogger("botocore.x").info("chatter")
logging.getLogger("stages.x").warning("outside")
"""


@pytest.mark.parametrize(("module", "start"), [("function_logs", "log_as_function"), ("logs", "log_as_job")])
def test_every_line_is_json_with_what_it_is_about(module: str, start: str):
    code = FUNCTION.format(module=module, start=start)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    inside, outside = map(json.loads, done.stdout.splitlines())
    wanted = {"level": "INFO", "message": "done", "service": "stage.name", "correlation_id": "b1", "rows": 2}
    # What the line says itself wins.
    assert inside.items() >= {**wanted, "dataset": "c/d"}.items()
    assert "correlation_id" not in outside
    assert done.stderr == ""


def test_metrics_are_a_line_in_the_embedded_format(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("METRICS_NAMESPACE", "sluice/dev")
    emit("a/b", {Metric.BATCHES_COMMITTED: 1, Metric.QUALITY_FAILURES: 0, Metric.FRESHNESS: 2.5}, "b1")
    line = json.loads(capsys.readouterr().out)
    [told] = line["_aws"]["CloudWatchMetrics"]
    assert (told["Namespace"], told["Dimensions"]) == ("sluice/dev", [["Dataset"]])
    assert {(each["Name"], each["Unit"]) for each in told["Metrics"]} == {
        ("BatchesCommitted", "Count"),
        ("SecondsFromRawToTable", "Seconds"),
    }
    assert (line["Dataset"], line["correlation_id"], line["SecondsFromRawToTable"]) == ("a/b", "b1", [2.5])


def test_without_a_namespace_or_a_value_no_metric_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    emit("a/b", {Metric.OBJECTS_STAGED: 1}, "o1")
    monkeypatch.setenv("METRICS_NAMESPACE", "sluice/dev")
    emit("a/b", {Metric.OBJECTS_STAGED: 0}, "o1")
    assert capsys.readouterr().out == ""
    assert logging.getLogger().level == logging.WARNING
