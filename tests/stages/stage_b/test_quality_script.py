"""The quality job as Glue runs it: the script, a process of its own, the library from its zip."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from tests.stages.stage_b.conftest import BATCHES, Staged
from tests.warm_lake import ROOT

JOB = "quality"


@pytest.fixture(scope="module")
def job(lake):
    script = (ROOT / "stages/stage_b/jobs/quality.py").read_text()
    return lake.make_job(JOB, script, DefaultArguments={"--extra-py-files": lake.library()})


def judge(lake, job, table, batch: str, ruleset: str):
    definition = {**json.loads(table.dataset.to_json()), "quality": {"ruleset": f"Rules = [ {ruleset} ]"}}
    manifest = json.dumps({"batch": batch, "dataset": definition, "table": table.name, "objects": []})
    return lake.run(
        job,
        manifest=lake.put(f"_manifests/{batch}.json", manifest.encode(), bucket="staging"),
        table=table.name,
        batch_id=batch,
        dataset=str(table.dataset.name),
        batches_table=BATCHES,
        quarantine_bucket="quarantine",
    )


def test_an_upserted_batch_is_judged_by_the_rows_that_it_wrote(lake, job, make_table):
    table = make_table({"id": "bigint", "v": "bigint"}, write="upsert", key=["id"])
    table.load(Staged(pa.table({"id": [1, 2, 3], "v": [-1, -2, -3]}), number=1))
    loaded = table.transform(Staged(pa.table({"id": [3, 4], "v": [30, 40]}), number=2))
    run = judge(lake, job, table, loaded.batch, 'RowCount = 2, ColumnValues "v" > 0, ColumnCount = 2')
    assert run["JobRunState"] == "SUCCEEDED", run["ErrorMessage"]
    verdict = table.records.get(str(table.dataset.name), loaded.batch).verdict
    assert (verdict.outcome, verdict.snapshot) == ("PASSED", loaded.write.snapshot)
    told = [json.loads(line) for line in lake.output(run["Id"]) if line.startswith("{")]
    [judged] = [each for each in told if each["message"] == "batch judged"]
    assert (judged["outcome"], judged["passed"], judged["rules"]) == ("PASSED", 3, 3)


def test_failed_rules_end_the_run_well_and_the_batch_badly(lake, job, make_table):
    table = make_table({"id": "bigint"}, write="append")
    loaded = table.transform(Staged(pa.table({"id": [1, None]})))
    run = judge(lake, job, table, loaded.batch, 'IsComplete "id"')
    assert run["JobRunState"] == "SUCCEEDED", run["ErrorMessage"]
    verdict = table.records.get(str(table.dataset.name), loaded.batch).verdict
    assert verdict.outcome == "FAILED"
    bucket, _, key = verdict.sample_uri.removeprefix("s3://").partition("/")
    line = json.loads(lake.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    assert (line["rules"], line["row"]["id"]) == (['IsComplete "id"'], None)


def test_a_ruleset_that_cannot_be_evaluated_fails_the_run(lake, job, make_table):
    table = make_table({"id": "bigint"}, write="append")
    loaded = table.transform(Staged(pa.table({"id": [1]})))
    run = judge(lake, job, table, loaded.batch, 'RowCount > 0 where "nowhere > 1"')
    assert run["JobRunState"] == "FAILED"
    assert "Deequ could not evaluate RowCount > 0" in run["ErrorMessage"]
    assert table.records.get(str(table.dataset.name), loaded.batch).verdict is None
