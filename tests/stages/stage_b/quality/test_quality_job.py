"""The quality job on a real Iceberg table: which rows it judges, what it records and keeps, what it costs."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from pipeline.core.clients import client
from pipeline.core.dynamo import encode, update_if
from pipeline.core.errors import BadDefinition, Inconsistent, Refused
from pipeline.lake.batches.metrics import Measured, remembering
from pipeline.lake.batches.records import Batch, BatchRecords
from pipeline.lake.messages.written import Written
from pipeline.lake.tables.homes import OutsideTable
from stages.stage_b.jobs.quality import check
from stages.stage_b.jobs.snapshots import added_rows, whole_table
from tests.conftest import allowed, load_template, table_calls

BATCH = "01JD000000000000000000000A"
PROPERTIES = "'format-version'='2', 'write.merge.mode'='merge-on-read'"


@dataclass
class Lake:
    """A table with rows on main, a batches table, and what a run of the job needs."""

    spark: Any
    table: str
    records: BatchRecords
    batches: str
    s3: Any

    def append(self, values: str) -> None:
        self.spark.sql(f"insert into glue_catalog.{self.table} values {values}")

    def write_branch(self, values: str) -> int:
        """What the transform does: a branch, rows in it, and its snapshot on the batch's row."""
        name = f"glue_catalog.{self.table}"
        self.spark.sql(f"alter table {name} create branch b_{BATCH}_1")
        self.spark.sql(f"insert into {name}.branch_b_{BATCH}_1 values {values}")
        refs = self.spark.sql(f"select snapshot_id from {name}.refs where name = 'b_{BATCH}_1'").collect()
        snapshot = int(refs[0][0])
        self.records.wrote("shop/orders", BATCH, Written("1", f"b_{BATCH}_1", 1, snapshot, 3))
        return snapshot

    def row(self, **facts: Any) -> None:
        item = {"dataset": "shop/orders", "item": f"BATCH#{BATCH}", "status": "SEALED", "candidates": [], "opened": ""}
        boto3.client("dynamodb").put_item(TableName=self.batches, Item=encode({**item, **facts}))

    def remember(self, batch: str, scope: str = "batch", **metrics: float) -> None:
        """What a committed batch leaves for later ones."""
        found = Measured(batch, scope, metrics)
        update_if(boto3.client("dynamodb"), self.batches, remembering("shop/orders", found, datetime.now(UTC)))

    def check(self, ruleset: str | None, **quality: str) -> Any:
        definition: dict[str, Any] = {"team": "shop", "dataset": "orders", "stage_a": {"format": "csv"}}
        if ruleset:
            definition["quality"] = {"ruleset": f"Rules = [ {ruleset} ]", **quality}
        manifest = json.dumps({"batch": BATCH, "dataset": definition, "table": self.table, "objects": []})
        self.s3.put_object(Bucket="curated", Key="_manifests/shop/orders/1.json", Body=manifest)
        arguments = {
            "manifest": "s3://curated/_manifests/shop/orders/1.json",
            "table": self.table,
            "batch_id": BATCH,
            "dataset": "shop/orders",
            "batches_table": self.batches,
            "quarantine_bucket": "curated",
        }
        return check(self.spark, arguments, self.records, self.s3)

    def batch(self) -> Batch:
        found = self.records.get("shop/orders", BATCH)
        assert found
        return found

    def kept(self, suffix: str) -> str:
        body: bytes = self.s3.get_object(Bucket="curated", Key=f"_quality/shop/orders/{BATCH}.{suffix}")["Body"].read()
        return body.decode()


@pytest.fixture
def lake(front: Any, spark: Any) -> Lake:
    name = f"t{uuid.uuid4().hex[:8]}_shop"
    boto3.client("glue").create_database(DatabaseInput={"Name": name, "LocationUri": f"s3://curated/{name}"})
    batches = next(
        resource["Properties"]
        for logical, resource in load_template("catalog.yaml")["Resources"].items()
        if "Batch" in logical and resource["Type"] == "AWS::DynamoDB::Table"
    )
    wanted = {k: v for k, v in batches.items() if k in ("AttributeDefinitions", "KeySchema", "BillingMode")}
    boto3.client("dynamodb").create_table(TableName=name, **wanted)
    spark.sql(
        f"create table glue_catalog.{name}.orders (id int, place string, price decimal(10,2), _sluice_order string) "
        f"using iceberg partitioned by (place) location 's3://curated/shop/orders' tblproperties ({PROPERTIES})"
    )
    made = Lake(spark, f"{name}.orders", BatchRecords(client("dynamodb"), name), name, boto3.client("s3"))
    made.row()
    made.append("(1, 'x', null, 'o1')")
    return made


GOOD = "(2, '01', 1.50, 'o2'), (3, 'a*b[c]', 2.50, 'o2')"
BAD = "(4, 'a', null, 'o2'), (5, 'b', 9.25, 'o2'), (6, 'b', null, 'o2')"


def test_a_batch_whose_rules_hold_passes_whatever_stood_in_the_table_before(lake):
    snapshot = lake.write_branch(GOOD)
    lake.check('IsComplete "price", RowCount = 2, ColumnCount = 3')
    verdict = lake.batch().verdict
    assert (verdict.snapshot, verdict.outcome, verdict.sample_uri) == (snapshot, "PASSED", None)
    assert [(rule.rule, rule.outcome) for rule in verdict.rules] == [
        ('IsComplete "price"', "Passed"),
        ("RowCount = 2", "Passed"),
        ("ColumnCount = 3", "Passed"),
    ]


def test_partition_values_are_read_as_they_were_written(lake):
    lake.write_branch(GOOD)
    lake.check('ColumnValues "place" in ["01", "a*b[c]"]')
    assert lake.batch().verdict.outcome == "PASSED"


def test_rows_of_a_table_that_leads_out_of_its_folder_are_not_judged(lake):
    snapshot = lake.write_branch(GOOD)
    for rows in (added_rows, whole_table):
        assert rows(lake.spark, lake.table, snapshot, "s3://curated/shop/orders/").count() >= 2
        with pytest.raises(OutsideTable, match="is not in s3://curated/hr/pay/"):
            rows(lake.spark, lake.table, snapshot, "s3://curated/hr/pay/")


def test_a_failed_rule_is_recorded_with_its_reason_and_its_rows_are_kept(lake):
    lake.write_branch(BAD)
    judged = lake.check('IsComplete "price", RowCount > 0, ColumnValues "price" < 9')
    verdict = lake.batch().verdict
    assert verdict == judged
    assert verdict.outcome == "FAILED"
    assert [rule.outcome for rule in verdict.rules] == ["Failed", "Passed", "Failed"]
    assert verdict.rules[0].reason == '"price" has a value in 33.33% of the rows; wanted: all'
    assert verdict.sample_uri == f"s3://curated/_quality/shop/orders/{BATCH}.jsonl"
    rows = {line["row"]["id"]: line for line in map(json.loads, lake.kept("jsonl").splitlines())}
    assert rows[4]["row"] == {"id": 4, "place": "a", "price": None}
    assert set(rows) == {4, 5, 6}
    assert rows[5]["rules"] == ['ColumnValues "price" < 9']
    assert set(rows[6]["rules"]) == {'IsComplete "price"', 'ColumnValues "price" < 9'}


def test_the_report_has_every_metric(lake):
    lake.write_branch(GOOD)
    lake.check('Mean "price" = 2.0')
    (rule,) = json.loads(lake.kept("json"))["rules"]
    told = {"rule": 'Mean "price" = 2.0', "passed": True, "reason": None, "metrics": {"Column.price.Mean": 2.0}}
    assert rule == {**told, "parts": [], "resolved": None}


DYNAMIC = """
    RowCount > avg(last(2)) * 0.5,
    RowCount between 0.9 * last() and 1.1 * last(),
    Completeness "price" >= avg(last(10)),
    (Mean "price" < max(last(10)) * 2) and (Sum "price" > last()),
    (RowCount > last()) or (DistinctValuesCount "id" = 3 where "id > 0")
"""


def test_rules_are_held_against_the_batches_before(lake):
    lake.remember("01JC0000000000000000000001", RowCount=100.0)
    lake.remember("01JC0000000000000000000002", RowCount=10.0, **{'Completeness "price"': 0.9})
    lake.remember("01JC0000000000000000000003", RowCount=3.0, **{'Completeness "price"': 0.8, 'Mean "price"': 4.0})
    lake.remember("01JC0000000000000000000004", scope="table", RowCount=1.0)
    # A batch of its own id, or a later one, is not before it, however it came to be there.
    lake.remember(BATCH, RowCount=1000.0)
    lake.remember("01JZ0000000000000000000000", RowCount=1000.0)
    lake.write_branch(BAD)
    with table_calls() as calls:
        judged = lake.check(DYNAMIC)
    assert calls == {lake.batches: allowed("stage_b.yaml", "QualityJob", "batches-table-arn")}
    assert lake.batch().verdict == judged
    first, second, third, fourth, fifth = judged.rules
    assert (first.rule, first.outcome) == ("RowCount > avg(last(2)) * 0.5", "Failed")
    assert first.reason == (
        "there are 3 rows; wanted: more than 3.25 (avg(last(2)) * 0.5 = 3.25 over 2 earlier batches, "
        "01JC0000000000000000000002 to 01JC0000000000000000000003)"
    )
    assert second.outcome == "Passed"
    assert "0.9 * last() = 2.7 over 1 earlier batch, 01JC0000000000000000000003" in second.reason
    assert third.outcome == "Failed"
    assert '"price" has a value in 33.33% of the rows; wanted: at least 85%' in third.reason
    assert fourth.outcome == "Failed"
    assert "no earlier batch has this metric, and last() is 0 then" in fourth.reason
    assert fifth.outcome == "Passed"
    assert judged.outcome == "FAILED"
    assert judged.metrics == {
        "RowCount": 3.0,
        'Completeness "price"': pytest.approx(1 / 3),
        'Mean "price"': 9.25,
        'Sum "price"': 9.25,
        'DistinctValuesCount "id" where "id > 0"': 3.0,
    }
    [line] = {row["rules"][0] for row in map(json.loads, lake.kept("jsonl").splitlines())}
    assert line == 'Completeness "price" >= avg(last(10))'
    [kept, *_] = json.loads(lake.kept("json"))["rules"]
    assert kept["resolved"]["thresholds"][0]["batches"] == ["01JC0000000000000000000003", "01JC0000000000000000000002"]


def test_scope_table_judges_the_table_as_it_would_become(lake):
    lake.write_branch(GOOD)
    lake.check("RowCount = 3", scope="table")
    assert lake.batch().verdict.outcome == "PASSED"


def test_a_dataset_that_only_warns_is_not_blocked(lake):
    lake.write_branch(BAD)
    lake.check("RowCount > 100", on_failure="warn")
    assert lake.batch().verdict.outcome == "WARNED"


def test_a_released_batch_keeps_what_failed_and_says_who_let_it_through(lake):
    lake.row(release={"by": "ann", "reason": "known"})
    lake.write_branch(BAD)
    lake.check("RowCount > 100")
    verdict = lake.batch().verdict
    assert (verdict.outcome, verdict.released_by, verdict.reason) == ("RELEASED", "ann", "known")
    assert verdict.rules[0].outcome == "Failed"


def test_a_rule_that_cannot_be_evaluated_leaves_no_verdict(lake):
    lake.write_branch(GOOD)
    with pytest.raises(BadDefinition, match="place is string"):
        lake.check('Mean "place" > 1')
    assert lake.batch().verdict is None


def test_a_batch_with_nothing_to_check_is_refused(lake):
    with pytest.raises(Refused, match="nothing to check"):
        lake.check("RowCount > 0")
    lake.write_branch(GOOD)
    with pytest.raises(Refused, match="nothing to check"):
        lake.check(None)


def test_a_snapshot_that_the_table_does_not_have_stops_the_job(lake):
    lake.records.wrote("shop/orders", BATCH, Written("1", "b", 1, 42, 3))
    with pytest.raises(Inconsistent, match="no snapshot 42"):
        lake.check("RowCount > 0")


def test_the_verdict_on_an_ended_batch_is_refused(lake):
    lake.write_branch(GOOD)
    row = lake.records.get("shop/orders", BATCH)
    lake.row(status="FAILED", write=facts_of(row.write))
    with pytest.raises(Refused, match="FAILED"):
        lake.check("RowCount > 0")


def facts_of(written: Written) -> dict[str, Any]:
    return {
        "run": written.run,
        "branch": written.branch,
        "base": str(written.base),
        "snapshot": str(written.snapshot),
        "rows": written.rows,
        "bad_rows": 0,
        "superseded": [],
    }


def test_the_calls_do_not_grow_with_the_history_of_the_table(front, lake, spark):
    def calls(of: Callable[[], Any]) -> int:
        front.calls.reset()
        of()
        return sum(front.calls.snapshot().values())

    lake.write_branch(GOOD)
    young = calls(lambda: lake.check('IsComplete "price"'))
    for number in range(8):
        lake.append(f"({number + 10}, 'x', 1.0, 'o1')")
    lake.row()
    spark.sql(f"alter table glue_catalog.{lake.table} drop branch b_{BATCH}_1")
    lake.write_branch(GOOD)
    old = calls(lambda: lake.check('IsComplete "price"'))
    assert old <= young
