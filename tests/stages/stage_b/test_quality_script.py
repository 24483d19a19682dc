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
    sealed = lake.s3.get_object(Bucket="staging", Key=f"_manifests/team/set/{batch}.json")["Body"].read()
    manifest = json.dumps({**json.loads(sealed), "dataset": definition})
    return lake.run(
        job,
        manifest=lake.put(f"_manifests/team/set/judged-{batch}.json", manifest.encode(), bucket="staging"),
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


def test_a_batch_is_compared_with_the_rows_that_its_files_had(lake, job, make_table):
    """Of six rows Stage A set one aside, and of a key that came twice one is in the table."""
    table = make_table({"id": "bigint", "v": "bigint", "w": "double"}, write="upsert", key=["id"])
    first = Staged(pa.table({"id": [1, 2, 3], "v": pa.array([1, 2, 3], pa.int32())}), number=1)
    second = Staged(pa.table({"id": [3, 4], "v": [30, 40], "w": [0.5, None]}), number=2)
    loaded = table.transform(first, second)
    name = str(table.dataset.name)
    key = {"dataset": {"S": name}, "item": {"S": f"BATCH#{loaded.batch}"}}
    lake.dynamodb.update_item(
        TableName=BATCHES,
        Key=key,
        UpdateExpression="SET staged_bad_rows = :n",
        ExpressionAttributeValues={":n": {"N": "1"}},
    )
    rules = (
        'RowCountMatch "raw" >= 0.9, AggregateMatch "sum(v)" "sum(raw.v)" between 0.96 and 0.961, '
        'AggregateMatch "sum(w)" "sum(raw.w)" = 1.0, AggregateMatch "avg(v)" "sum(v)" = 0.25, '
        '(RowCountMatch "raw" > avg(last(3)) - 0.5) and (AggregateMatch "sum(v)" "sum(raw.v)" > 1)'
    )
    run = judge(lake, job, table, loaded.batch, rules)
    assert run["JobRunState"] == "SUCCEEDED", run["ErrorMessage"]
    verdict = table.records.get(name, loaded.batch).verdict
    assert [rule.outcome for rule in verdict.rules] == ["Failed", "Passed", "Passed", "Passed", "Failed"]
    assert verdict.rules[0].reason == "there are 66.66% of the rows that the files had; wanted: at least 90%"
    assert 'of "sum(v)", "sum(raw.v)" the first is 0.96' in verdict.rules[4].reason
    assert verdict.metrics['RowCountMatch "raw"'] == pytest.approx(4 / 6)
    assert verdict.metrics['AggregateMatch "sum(v)" "sum(raw.v)"'] == pytest.approx(73 / 76)
