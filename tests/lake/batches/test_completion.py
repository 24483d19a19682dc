from __future__ import annotations

import contextlib
import itertools
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from botocore.session import get_session
from pyiceberg.exceptions import CommitFailedException

from pipeline.core import settings
from pipeline.core.clients import client
from pipeline.core.errors import Contended, Refused, Transient
from pipeline.core.events.s3 import ObjectCreated, SendAgain
from pipeline.core.executions import Executions
from pipeline.core.objects import ObjectVersion
from pipeline.emulator.gateway.server import AwsServer
from pipeline.lake.batches.completion import REBASES, BatchFinisher, rebase_wait
from pipeline.lake.batches.metrics import history_of
from pipeline.lake.batches.poller import Poller, PollOutcome
from pipeline.lake.batches.records import (
    _OUTLINE,
    COPIES_FOR,
    Batch,
    BatchRecords,
    BatchStatus,
    RuleResult,
    Verdict,
    candidates_of,
)
from pipeline.lake.batches.redrive import Redriver
from pipeline.lake.batches.seal import Sealer
from pipeline.lake.batches.staged_queue import StagedQueue
from pipeline.lake.batches.upkeep import Turns
from pipeline.lake.batches.upkeep_poller import UpkeepPoller
from pipeline.lake.batches.work import Work
from pipeline.lake.catalog import Catalog, Staging, Status
from pipeline.lake.catalog.parts import Chosen
from pipeline.lake.causes import cause_of
from pipeline.lake.datasets import Dataset
from pipeline.lake.datasets.model import Batching
from pipeline.lake.manifested.deliveries import Deliveries
from pipeline.lake.messages.poll_order import PollOrder
from pipeline.lake.messages.stage_a import StageAWork
from pipeline.lake.messages.written import Written
from pipeline.lake.tables.crawled_folder import CrawledFolder
from pipeline.lake.tables.creation import create_table
from pipeline.lake.tables.homes import Homes
from pipeline.lake.tables.iceberg import IcebergTables
from pipeline.lake.tables.names import branch_name
from pipeline.lake.tables.outcomes import CommitOutcome
from pipeline.lake.tables.parquet import ParquetTables
from pipeline.lake.tables.parquet_creation import create_parquet_table
from pipeline.lake.tables.parquet_names import number_of
from tests.conftest import allowed, load_template, table_calls

from .conftest import Crash

numbers = itertools.count()


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsServer]:
    """The embedded AWS over HTTP: PyIceberg's S3 is not boto3's."""
    front = AwsServer(0, tmp_path_factory.mktemp("front"))
    front.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", front.endpoint)
        client.cache_clear()
        for logical, resource in load_template("catalog.yaml")["Resources"].items():
            if resource["Type"] == "AWS::DynamoDB::Table":
                wanted = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
                properties = {k: v for k, v in resource["Properties"].items() if k in wanted}
                client("dynamodb").create_table(TableName=logical, **properties)
        for bucket in ("staging", "curated"):
            place = {"LocationConstraint": settings.region()}
            client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
        yield front
    client.cache_clear()
    front.stop()


@dataclass
class Shop:
    """One dataset with a real Iceberg table, and a state machine that only waits."""

    dataset: Dataset
    table: str
    catalog: Catalog
    records: BatchRecords
    tables: IcebergTables
    poller: Poller
    queue_url: str
    announced: list[dict[str, Any]] = field(default_factory=list)
    told: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    sent: list[Any] = field(default_factory=list)
    expired: set[ObjectVersion] = field(default_factory=set)

    @property
    def name(self) -> str:
        return str(self.dataset.name)

    @property
    def finisher(self) -> BatchFinisher:
        return BatchFinisher(
            catalog=self.catalog,
            records=self.records,
            tables=self.tables,
            dynamodb=client("dynamodb"),
            announce=self.announced.append,
            tell_team=lambda *told: self.told.append(told),
            send_again=lambda again: self.sent.extend(again),
        )

    def redriver(self) -> Redriver:
        return Redriver(
            self.catalog, self.records, self.poller, self.sent.extend, lambda row: row.object in self.expired
        )

    def stage(self, file: str, checksum: str | None = None) -> ObjectVersion:
        number = next(numbers)
        obj = ObjectVersion("raw", f"{self.name}/{file}", f"v{number}")
        work = self.catalog.register(ObjectCreated(obj, 1, "", 1000, f"{number:08X}"), self.dataset.name)
        assert work
        return self.transform(work, checksum or obj.digest)

    def transform(self, work: StageAWork, checksum: str) -> ObjectVersion:
        facts = {"staged": "s3://staging/x", "staged_etag": "e", "rows_out": 1}
        self.catalog.stage(Staging(work, checksum, True, facts), self.name)
        return work.object

    def open(self) -> str:
        order = PollOrder(self.name, self.queue_url, Batching())
        outcome, batch = self.poller.poll(order)
        assert outcome is PollOutcome.STARTED
        assert batch
        return batch

    def write(self, batch: str, run: str = "r1", rows: int = 2, *, can_move: bool = False) -> Written:
        """What the Glue job does: a branch as of main, rows on it, and the facts on the batch's row."""
        written = replace(self.branch_off(batch, run, rows), can_move=can_move)
        self.records.wrote(self.name, batch, written)
        return written

    def branch_off(self, batch: str, run: str, rows: int) -> Written:
        """A branch as of main with so many rows; without any, none."""
        found = self.tables.load(self.table)
        base = found.metadata.refs["main"].snapshot_id
        branch = branch_name(batch, run)
        snapshot = None
        if rows:
            found.manage_snapshots().create_branch(base, branch).commit()
            found.append(pa.table({"id": [f"{batch}-{n}" for n in range(rows)]}), branch=branch)
            snapshot = self.tables.load(self.table).metadata.refs[branch].snapshot_id
        return Written(run, branch, base, snapshot, rows)

    def foreign_write(self) -> None:
        self.tables.load(self.table).append(pa.table({"id": ["foreign"]}))

    def rows(self) -> list[str]:
        return sorted(self.tables.load(self.table).scan().to_arrow()["id"].to_pylist())

    def branches(self) -> list[str]:
        return sorted(self.tables.load(self.table).metadata.refs)

    def statuses(self, *objects: ObjectVersion) -> set[Status]:
        return {row.status for row in self.catalog.get_many(list(objects))}


@pytest.fixture
def shop(front: AwsServer) -> Shop:
    n = next(numbers)
    dataset = Dataset.model_validate(
        {"team": "shop", "dataset": f"orders{n}", "stage_a": {"format": "csv", "columns": {"id": "string"}}}
    )
    table = f"sluice_test_shop.orders{n}"
    tables = IcebergTables(homes=Homes("curated", "sluice_test_"))
    create_table(dataset, table, f"s3://curated/shop/orders{n}", tables)
    queue_url = client("sqs").create_queue(QueueName=f"stage-b-{n}")["QueueUrl"]
    machine = client("stepfunctions").create_state_machine(
        name=f"stage-b-{n}",
        definition='{"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": true}}}',
        roleArn="arn:aws:iam::123456789012:role/stage-b",
    )["stateMachineArn"]
    catalog = Catalog(client("dynamodb"), "ObjectsTable")
    records = BatchRecords(client("dynamodb"), "BatchesTable")
    made = Shop(dataset, table, catalog, records, tables, None, queue_url)  # type: ignore[arg-type]
    made.poller = Poller(
        catalog=catalog,
        records=records,
        queue=StagedQueue(client("sqs"), catalog),
        sealer=Sealer(
            catalog=catalog,
            records=records,
            dynamodb=client("dynamodb"),
            s3=client("s3"),
            batches_table="BatchesTable",
            staging_bucket="staging",
        ),
        finisher=made.finisher,
        upkeeper=UpkeepPoller(
            Turns(client("dynamodb"), "BatchesTable"),
            client("glue"),
            "upkeep",
            lambda: "{}",
            "BatchesTable",
            lambda *told: made.told.append(told),
            lambda: f"{next(numbers):026d}",
        ),
        deliveries=Deliveries(
            catalog=catalog,
            records=records,
            dynamodb=client("dynamodb"),
            s3=client("s3"),
            tell_team=lambda *told: made.told.append(told),
            send_again=made.sent.extend,
        ),
        executions=Executions(client("stepfunctions")),
        machine=machine,
        load=lambda name: Work(dataset, table),
        new_id=lambda: f"{next(numbers):026d}",
    )
    return made


def test_a_committed_batch_is_visible_announced_and_frees_its_dataset(shop: Shop):
    obj = shop.stage("a.csv")
    batch = shop.open()
    written = shop.write(batch)
    assert shop.rows() == []
    assert shop.finisher.commit(shop.name, batch, shop.table) is CommitOutcome.COMMITTED
    assert shop.rows() == [f"{batch}-0", f"{batch}-1"]
    assert shop.branches() == ["main"]
    assert shop.statuses(obj) == {Status.COMMITTED}
    assert shop.announced == [
        {
            "event": "dataset updated",
            "dataset": shop.name,
            "table": shop.table,
            "batch": batch,
            "snapshot": str(written.snapshot),
            "rows": 2,
        }
    ]
    assert shop.records.active(shop.name) is None
    assert shop.records.get(shop.name, batch).status is BatchStatus.COMMITTED


def test_committing_again_changes_nothing(shop: Shop):
    shop.stage("a.csv")
    batch = shop.open()
    shop.write(batch)
    for _ in range(2):
        assert shop.finisher.commit(shop.name, batch, shop.table) is CommitOutcome.COMMITTED
    assert len(shop.rows()) == 2
    assert len(shop.announced) == 1


def test_a_batch_without_rows_is_committed_and_leaves_the_table_alone(shop: Shop):
    obj = shop.stage("a.csv")
    batch = shop.open()
    shop.write(batch, rows=0)
    assert shop.finisher.commit(shop.name, batch, shop.table) is CommitOutcome.COMMITTED
    assert (shop.rows(), shop.statuses(obj)) == ([], {Status.COMMITTED})


def test_a_base_that_moved_asks_for_another_transform_and_gives_up_after_three(shop: Shop):
    obj = shop.stage("a.csv")
    batch = shop.open()
    for attempt in range(3):
        shop.write(batch, f"r{attempt}")
        shop.foreign_write()
        assert shop.finisher.commit(shop.name, batch, shop.table) is CommitOutcome.REBASE
        assert shop.records.get(shop.name, batch).status is BatchStatus.RUNNING
    shop.write(batch, "r3")
    shop.foreign_write()
    assert shop.finisher.commit(shop.name, batch, shop.table) is CommitOutcome.EXHAUSTED
    for _ in range(2):
        assert shop.finisher.give_up(shop.name, batch, shop.table, "the base moved") is BatchStatus.CANCELLED
    assert shop.rows() == ["foreign"] * 4
    assert shop.branches() == ["main"]
    row = shop.catalog.get(obj)
    assert (row.status, row.batch, shop.records.active(shop.name)) == (Status.STAGED, None, None)
    with pytest.raises(Refused, match="CANCELLED"):
        shop.write(batch, "late")
    again = shop.open()
    shop.write(again)
    assert shop.finisher.commit(shop.name, again, shop.table) is CommitOutcome.COMMITTED
    assert shop.rows() == sorted([f"{again}-0", f"{again}-1", *["foreign"] * 4])


def test_giving_up_a_batch_whose_commit_was_not_acknowledged_finishes_it_as_committed(shop: Shop):
    obj = shop.stage("a.csv")
    batch = shop.open()
    written = shop.write(batch)
    shop.records.move(shop.name, batch, BatchStatus.COMMITTING)
    shop.tables.commit(shop.table, batch, written.branch, written.base, written.snapshot)
    assert shop.finisher.give_up(shop.name, batch, shop.table, "the base moved") is BatchStatus.COMMITTED
    assert (shop.statuses(obj), len(shop.rows())) == ({Status.COMMITTED}, 2)


def test_a_released_batch_that_gives_up_fails_and_keeps_its_release_for_a_person(shop: Shop):
    obj = shop.stage("a.csv")
    batch = shop.open()
    shop.write(batch)
    shop.finisher.quarantine(shop.name, batch, shop.table)
    told = {"by": "ada", "reason": "checked by hand", "of": batch}
    released = shop.redriver().batch(Work(shop.dataset, shop.table), batch, told).batch
    shop.write(released)
    assert shop.finisher.give_up(shop.name, released, shop.table, "the base moved") is BatchStatus.FAILED
    assert shop.statuses(obj) == {Status.FAILED}


def test_an_append_needs_no_other_transform_when_its_base_moved(shop: Shop):
    obj = shop.stage("a.csv")
    batch = shop.open()
    written = shop.write(batch, can_move=True)
    shop.foreign_write()
    for _ in range(2):
        assert shop.finisher.commit(shop.name, batch, shop.table) is CommitOutcome.COMMITTED
    assert shop.rows() == [f"{batch}-0", f"{batch}-1", "foreign"]
    assert (shop.branches(), shop.statuses(obj)) == (["main"], {Status.COMMITTED})
    current = shop.tables.load(shop.table).current_snapshot().snapshot_id
    assert current != written.snapshot
    # Who is told of the batch finds its rows by what is announced.
    assert [told["snapshot"] for told in shop.announced] == [str(current)]
    assert shop.records.get(shop.name, batch).write.snapshot == current


def test_batches_and_a_writer_who_never_rests_both_get_through(shop: Shop):
    """As fast as the writer can: a commit of either that the other was quicker than is made again."""
    wrote: list[str] = []
    slower = [0.0]
    ended, the_job_writes = threading.Event(), threading.Lock()

    def write() -> None:
        tables = IcebergTables(homes=Homes("curated", "sluice_test_"))
        while not ended.is_set():
            row = f"foreign-{len(wrote):03d}"
            with the_job_writes, contextlib.suppress(CommitFailedException, ValueError):
                tables.load(shop.table).append(pa.table({"id": [row]}))
                wrote.append(row)
            time.sleep(slower[0])

    writer = threading.Thread(target=write)
    writer.start()
    batches, objects = [], []
    try:
        for n in range(5):
            objects.append(shop.stage(f"{n}.csv"))
            batches.append(shop.open())
            # A job tries its own commits again; what plays the job here does not.
            with the_job_writes:
                shop.write(batches[-1], can_move=True)
            seen = len(wrote)
            while len(wrote) < seen + 3:
                assert writer.is_alive()
                time.sleep(0.01)
            assert _commit_as_polls_do(shop, batches[-1], slower) is CommitOutcome.COMMITTED
    finally:
        ended.set()
        writer.join()
    assert shop.rows() == sorted([*wrote, *(f"{batch}-{n}" for batch in batches for n in range(2))])
    assert shop.statuses(*objects) == {Status.COMMITTED}
    assert shop.branches() == ["main"]


def _commit_as_polls_do(shop: Shop, batch: str, slower: list[float]) -> CommitOutcome:
    """Polls try it again for as long as others are quicker: no machine is so slow that they are for ever."""
    while True:
        with contextlib.suppress(Transient, Contended):
            return shop.finisher.commit(shop.name, batch, shop.table)
        slower[0] += 0.2


def test_a_batch_without_rows_needs_no_other_transform_when_its_base_moved(shop: Shop):
    obj = shop.stage("a.csv")
    batch = shop.open()
    shop.write(batch, rows=0)
    shop.foreign_write()
    assert shop.finisher.commit(shop.name, batch, shop.table) is CommitOutcome.COMMITTED
    assert (shop.rows(), shop.statuses(obj)) == (["foreign"], {Status.COMMITTED})


def test_the_waits_before_another_transform_grow_and_are_not_those_of_others():
    waits = [{rebase_wait(n) for _ in range(200)} for n in range(1, REBASES + 1)]
    for found, (least, most) in zip(waits, [(5, 10), (15, 30), (45, 90)], strict=True):
        assert least <= min(found) < max(found) <= most


def test_a_rebased_batch_commits_once_on_the_new_base(shop: Shop):
    shop.stage("a.csv")
    batch = shop.open()
    shop.write(batch, "r1")
    shop.foreign_write()
    assert shop.finisher.commit(shop.name, batch, shop.table) is CommitOutcome.REBASE
    shop.write(batch, "r2")
    assert shop.finisher.commit(shop.name, batch, shop.table) is CommitOutcome.COMMITTED
    assert shop.rows() == [f"{batch}-0", f"{batch}-1", "foreign"]


def test_a_quarantined_batch_was_never_visible_and_keeps_its_reason(shop: Shop):
    obj = shop.stage("a.csv")
    batch = shop.open()
    written = shop.write(batch)
    rules = (RuleResult('IsComplete "id"', "Failed", "Value: 0.5"), RuleResult("RowCount > 0", "Passed"))
    shop.records.judged(shop.name, batch, Verdict(written.snapshot, "FAILED", rules))
    assert shop.finisher.quarantine(shop.name, batch, shop.table) is BatchStatus.QUARANTINED
    assert (shop.rows(), shop.branches()) == ([], ["main"])
    row = shop.catalog.get(obj)
    assert row.status is Status.QUARANTINED
    assert 'IsComplete "id": Value: 0.5' in row.reason
    shop.finisher.quarantine(shop.name, batch, shop.table)
    [(event, dataset, facts)] = shop.told
    assert (event, dataset, facts["batch"], facts["objects"]) == ("batch quarantined", shop.name, batch, 1)
    assert facts["rules"] == ['IsComplete "id"']
    assert row.batch == batch
    assert shop.records.active(shop.name) is None


def test_what_was_measured_is_remembered_of_committed_batches_whose_rows_are_as_they_should_be(shop: Shop):
    """And a batch sees those before it, whenever it asks."""
    batches: dict[str, str] = {}
    for number, outcome in enumerate(["PASSED", "FAILED", "WARNED", "RELEASED"], start=1):
        shop.stage(f"{outcome}.csv")
        batch = batches[outcome] = shop.open()
        written = shop.write(batch)
        metrics = {"RowCount": number / 3, 'CustomSql "select 1e300"': 1e300}
        shop.records.judged(shop.name, batch, Verdict(written.snapshot, outcome, metrics=metrics, scope="table"))
        assert batch not in [each.batch for each in shop.records.measured(shop.name)]
        if outcome == "FAILED":
            shop.finisher.quarantine(shop.name, batch, shop.table)
        else:
            for _ in range(2):
                shop.finisher.commit(shop.name, batch, shop.table)
    counted = shop.records.measured(shop.name)
    assert [each.batch for each in counted] == [batches["RELEASED"], batches["PASSED"]]
    assert (counted[1].scope, counted[1].metrics["RowCount"]) == ("table", 1 / 3)
    assert [each.batch for each in shop.records.measured(shop.name, before=batches["RELEASED"])] == [batches["PASSED"]]
    assert shop.records.measured(shop.name, most=1) == counted[:1]
    assert [past.value for past in history_of(counted, "table")["RowCount"]] == [4 / 3, 1 / 3]
    assert history_of(counted, "batch") == {}
    whole = shop.records.newest(shop.name, 10)
    assert len([each for each in whole if each.candidates and each.write and each.ended]) == 4
    outlines = shop.records.newest(shop.name, 10, outlined=True)
    assert outlines == [replace(each, candidates=(), left_out=(), is_outline=True) for each in whole]
    with pytest.raises(ValueError, match="without its candidates"):
        candidates_of(outlines[0])


def test_an_outline_has_every_fact_but_the_long_ones():
    long = {"candidates", "left_out", "is_outline"}
    assert {each.name for each in fields(Batch)} - {"id", *long} <= {*_OUTLINE}


def test_a_job_of_an_ended_batch_may_not_write_any_more(shop: Shop):
    shop.stage("a.csv")
    batch = shop.open()
    shop.write(batch)
    shop.finisher.fail(shop.name, batch, shop.table, "stopped")
    with pytest.raises(Refused, match="FAILED"):
        shop.write(batch, "late")


def test_failing_a_batch_whose_commit_was_not_acknowledged_finishes_it_as_committed(shop: Shop):
    obj = shop.stage("a.csv")
    batch = shop.open()
    written = shop.write(batch)
    shop.records.move(shop.name, batch, BatchStatus.COMMITTING)
    shop.tables.commit(shop.table, batch, written.branch, written.base, written.snapshot)
    assert shop.finisher.fail(shop.name, batch, shop.table, "time-out") is BatchStatus.COMMITTED
    assert (shop.statuses(obj), len(shop.rows())) == ({Status.COMMITTED}, 2)


def test_what_a_stray_run_wrote_after_the_verdict_is_not_committed(shop: Shop):
    shop.stage("a.csv")
    batch = shop.open()
    judged = shop.write(batch, run="r1")
    shop.records.judged(shop.name, batch, Verdict(judged.snapshot, "PASSED"))
    shop.write(batch, run="stray")
    assert shop.finisher.commit(shop.name, batch, shop.table) is CommitOutcome.REBASE
    assert shop.rows() == []


def test_an_object_that_was_claimed_too_late_for_the_manifest_waits_again(shop: Shop):
    loaded, late = shop.stage("a.csv"), shop.stage("b.csv")
    batch = shop.open()
    shop.write(batch)
    key = {"dataset": {"S": shop.name}, "item": {"S": f"BATCH#{batch}"}}
    places = {":places": {"L": [{"N": "1"}]}}
    client("dynamodb").update_item(
        TableName="BatchesTable", Key=key, UpdateExpression="SET left_out = :places", ExpressionAttributeValues=places
    )
    shop.finisher.commit(shop.name, batch, shop.table)
    rows = {row.object: row for row in shop.catalog.get_many([loaded, late])}
    assert (rows[loaded].status, rows[late].status, rows[late].batch) == (Status.COMMITTED, Status.STAGED, None)


@pytest.mark.parametrize("dies_at", range(1, 9))
def test_a_duplicate_takes_over_wherever_the_end_of_its_original_died(shop: Shop, dies_at: int):
    shop.stage("a.csv", "same")
    second = shop.stage("a.csv", "same")
    batch = shop.open()
    left = iter(range(dies_at - 1, -100, -1))

    def crash(**_: object) -> None:
        if next(left) == 0:
            raise Crash

    events = client("dynamodb").meta.events
    events.register_first("after-call.*", crash, unique_id="crash")
    try:
        for _ in range(2):
            with contextlib.suppress(Crash):
                shop.finisher.fail(shop.name, batch, shop.table, "a bug")
    finally:
        events.unregister("after-call.*", unique_id="crash")
    assert second in {s.object for s in shop.sent}


def test_a_version_is_not_sent_on_while_its_batch_still_ends(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    """Else it takes the content along, and is GONE or fails with it: its duplicates would never load."""
    first = shop.stage("a.csv", "same")
    second = shop.stage("a.csv", "same")
    batch = shop.open()

    def crash(*_: object) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(shop.catalog, "release_content", crash)
        with pytest.raises(Crash):
            shop.finisher.fail(shop.name, batch, shop.table, "a bug")
    with pytest.raises(Transient, match="has not ended"):
        shop.catalog.send_again(SendAgain(first, 2), shop.dataset.name)
    shop.finisher.fail(shop.name, batch, shop.table, "a bug")
    assert shop.sent == [SendAgain(second, 2)]
    assert shop.catalog.send_again(SendAgain(first, 2), shop.dataset.name)
    shop.catalog.move(first, Status.GONE, shop.name, generation=2)
    assert shop.transform(shop.catalog.send_again(shop.sent[0], shop.dataset.name), "same") == second
    assert shop.statuses(second) == {Status.STAGED}


def test_a_zombie_commit_after_the_batch_failed_does_not_land(shop: Shop):
    shop.stage("a.csv")
    batch = shop.open()
    written = shop.write(batch)
    shop.finisher.fail(shop.name, batch, shop.table, "stopped")
    with pytest.raises(Refused):
        shop.finisher.commit(shop.name, batch, shop.table)
    assert shop.tables.commit(shop.table, batch, written.branch, written.base, written.snapshot) == "REBASE"
    assert shop.rows() == []


def test_a_redriven_batch_is_a_new_one_over_the_same_objects(shop: Shop):
    obj = shop.stage("a.csv")
    failed = shop.open()
    shop.write(failed)
    shop.finisher.fail(shop.name, failed, shop.table, "a bug")
    work = Work(shop.dataset, shop.table)
    done = shop.redriver().batch(work, failed)
    assert (done.restaged, done.refused) == (1, ())
    assert done.batch not in (None, failed)
    again = shop.redriver().batch(work, failed)
    assert (again.restaged, again.batch) == (0, None)
    shop.write(done.batch)
    shop.finisher.commit(shop.name, done.batch, shop.table)
    assert shop.rows() == [f"{done.batch}-0", f"{done.batch}-1"]
    assert shop.statuses(obj) == {Status.COMMITTED}


def test_a_batch_is_not_redriven_when_a_duplicate_has_taken_its_place(shop: Shop):
    shop.stage("a.csv", "same")
    second = shop.stage("a.csv", "same")
    batch = shop.open()
    shop.finisher.fail(shop.name, batch, shop.table, "a bug")
    assert [s.object for s in shop.sent] == [second]
    work = shop.catalog.send_again(shop.sent[0], shop.dataset.name)
    assert work
    shop.transform(work, "same")
    done = shop.redriver().batch(Work(shop.dataset, shop.table), batch)
    assert (done.restaged, len(done.refused)) == (0, 1)


def test_what_is_not_staged_any_more_goes_through_stage_a_again_and_the_rest_is_restaged(shop: Shop):
    kept, expired = shop.stage("a.csv"), shop.stage("b.csv")
    batch = shop.open()
    shop.finisher.fail(shop.name, batch, shop.table, "nobody looked for a month")
    shop.expired.add(expired)
    done = shop.redriver().batch(Work(shop.dataset, shop.table), batch)
    assert (done.sent, done.restaged) == (1, 1)
    assert [(again.object, again.generation) for again in shop.sent] == [(expired, 2)]
    assert shop.statuses(kept) == {Status.CLAIMED}
    assert shop.catalog.send_again(shop.sent[0], shop.dataset.name)
    assert shop.statuses(expired) == {Status.REGISTERED}


def test_a_release_is_refused_when_what_was_judged_has_expired(shop: Shop):
    shop.expired.add(shop.stage("a.csv"))
    batch = shop.open()
    shop.write(batch)
    shop.finisher.quarantine(shop.name, batch, shop.table)
    with pytest.raises(Refused, match="has expired"):
        shop.redriver().batch(Work(shop.dataset, shop.table), batch, {"by": "ada", "reason": "checked", "of": batch})
    assert shop.sent == []


def test_a_release_is_a_new_batch_that_carries_who_and_why(shop: Shop):
    shop.stage("a.csv")
    batch = shop.open()
    shop.write(batch)
    shop.finisher.quarantine(shop.name, batch, shop.table)
    told = {"by": "ada", "reason": "checked by hand", "of": batch}
    done = shop.redriver().batch(Work(shop.dataset, shop.table), batch, told)
    assert shop.records.get(shop.name, done.batch).release == told


def test_a_row_that_a_later_version_wrote_is_read(shop: Shop):
    shop.stage("a.csv")
    batch = shop.open()
    written = shop.write(batch)
    shop.records.judged(shop.name, batch, Verdict(written.snapshot, "PASSED"))
    client("dynamodb").update_item(
        TableName="BatchesTable",
        Key={"dataset": {"S": shop.name}, "item": {"S": f"BATCH#{batch}"}},
        UpdateExpression="SET #w.later = :yes, verdict.later = :yes",
        ExpressionAttributeNames={"#w": "write"},
        ExpressionAttributeValues={":yes": {"BOOL": True}},
    )
    assert shop.records.get(shop.name, batch).write == written


def test_a_running_batch_is_not_sent_back(shop: Shop):
    shop.stage("a.csv")
    batch = shop.open()
    with pytest.raises(Refused, match="RUNNING"):
        shop.redriver().batch(Work(shop.dataset, shop.table), batch)


@pytest.mark.parametrize("when", ["before-send", "after-call"])
@pytest.mark.parametrize("how", ["commit", "pick", "give up", "fail"])
def test_an_end_that_dies_at_any_call_is_finished_by_doing_it_again(shop: Shop, how: str, when: str):
    """Crash points are enumerated over DynamoDB's and Glue's calls, before each is sent and when its answer is lost."""
    glue = shop.tables.catalog.glue
    state = {"left": 0}

    def crash(**_: object) -> None:
        state["left"] -= 1
        if state["left"] == 0:
            raise Crash

    for service in (client("dynamodb"), glue):
        service.meta.events.register_first(f"{when}.*", crash, unique_id=f"crash-{when}")
    try:
        expected: list[str] = []
        for n in range(1, 40):
            obj = shop.stage(f"{n}.csv")
            batch = shop.open()
            written = shop.write(batch, rows=1, can_move=how == "pick")
            measured = Verdict(written.snapshot, "PASSED", metrics={"RowCount": float(n)})
            shop.records.judged(shop.name, batch, measured)
            if how == "pick":
                shop.foreign_write()
                expected.append("foreign")
            state["left"] = n
            crashed = False
            try:
                _end(shop, how, batch)
            except Crash:
                crashed = True
            state["left"] = 0
            _end(shop, how, batch)
            expected += [f"{batch}-0"] if how in ("commit", "pick") else []
            assert shop.rows() == sorted(expected)
            assert shop.statuses(obj) == {ENDS[how]}
            assert shop.records.active(shop.name) is None
            assert shop.branches() == ["main"]
            remembered = [n] if how in ("commit", "pick") else []
            assert [each.metrics["RowCount"] for each in shop.records.measured(shop.name, most=1)] == remembered
            if not crashed:
                break
        else:
            pytest.fail("it never finished within 40 calls")
        assert n > 5
    finally:
        for service in (client("dynamodb"), glue):
            service.meta.events.unregister(f"{when}.*", unique_id=f"crash-{when}")


ENDS = {
    "commit": Status.COMMITTED,
    "pick": Status.COMMITTED,
    "give up": Status.STAGED,
    "fail": Status.FAILED,
}


def _end(shop: Shop, how: str, batch: str) -> None:
    if how == "give up":
        assert shop.finisher.give_up(shop.name, batch, shop.table, "a writer") is BatchStatus.CANCELLED
    elif how in ("commit", "pick"):
        assert shop.finisher.commit(shop.name, batch, shop.table) is CommitOutcome.COMMITTED
    else:
        assert shop.finisher.fail(shop.name, batch, shop.table, "a bug") is BatchStatus.FAILED


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ({"Error": "States.TaskFailed", "Cause": '{"ErrorMessage": "ValueError: no", "Id": "jr"}'}, "ValueError: no"),
        (
            {"Error": "States.TaskFailed", "Cause": '{"ErrorMessage": "WillFailAgain: BadDefinition: no"}'},
            "States.TaskFailed: BadDefinition: no",
        ),
        ({"Error": "Transient", "Cause": '{"errorMessage": "busy", "errorType": "Transient"}'}, "Transient: busy"),
        ({"Error": "States.Timeout", "Cause": ""}, "States.Timeout"),
        (
            {
                "Error": "States.Runtime",
                "Cause": "The JSONPath '$.Item.a' could not be found in the input '{\"SdkHttpMetadata\":{}}'",
            },
            "States.Runtime: The JSONPath '$.Item.a' could not be found in the input",
        ),
    ],
)
def test_the_cause_of_a_failure_is_its_message_and_not_a_whole_document(error: dict[str, str], cause: str):
    told = cause_of(error)
    assert cause in told
    assert "{" not in told


def test_a_run_that_ended_without_a_message_is_told_in_words():
    states = get_session().get_service_model("glue").shape_for("JobRunState").enum
    told = {}
    for state in states:
        run = {"Id": "jr_1", "JobName": "standard", "JobRunState": state, "Arguments": {"--batch_id": "01J"}}
        told[state] = cause_of({"Error": "States.TaskFailed", "Cause": json.dumps(run)})
        assert not set('{}"') & set(told[state])
    assert told["STOPPED"] == "the job was stopped"
    assert told["TIMEOUT"] == "the job took longer than its time-out"
    assert told["FAILED"] == "the job ended as FAILED"


def stage_part(shop: Shop) -> None:
    """Rows of a loaded version that are sent again: the version's row takes over what they left."""
    whole = shop.stage("whole.csv", "rows")
    batch = shop.open()
    shop.write(batch)
    shop.finisher.commit(shop.name, batch, shop.table)
    part = shop.catalog.make_part(shop.catalog.get(whole), Chosen("s3://staging/_rows/x.jsonl"))
    facts = {"staged": "s3://staging/part.parquet", "staged_etag": "e", "rows_out": 1, "rows_left": 0}
    shop.catalog.stage(Staging(StageAWork(part, 1, 1000), "part", False, facts), shop.name)


@pytest.mark.parametrize("how", ["commit", "quarantine", "fail"])
def test_who_ends_a_batch_may_do_what_that_takes_and_no_more(shop: Shop, how: str):
    if how == "commit":
        stage_part(shop)
    shop.stage("a.csv", "same")
    shop.stage("a.csv", "same")
    batch = shop.open()
    shop.write(batch)
    with table_calls() as calls:
        if how == "fail":
            shop.finisher.fail(shop.name, batch, shop.table, "a bug")
        else:
            getattr(shop.finisher, how)(shop.name, batch, shop.table)
    function = f"{how.capitalize()}Function"
    assert calls == {
        "ObjectsTable": allowed("stage_b.yaml", function, "objects-table-arn"),
        "BatchesTable": allowed("stage_b.yaml", function, "batches-table-arn"),
    }
    assert bool(shop.sent) == bool(allowed("stage_b.yaml", function, "raw-queue-arn"))


class Crawled:
    """A table whose crawler finds what a commit copies, and a batch of it that is to be committed."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.now = shop, [datetime(2026, 1, 1, tzinfo=UTC)]
        self.table = f"{shop.table}_crawled"
        definition = {"team": "shop", "dataset": "crawled", "table": {"format": "parquet", "crawler": True}}
        stage_a = {"format": "csv", "columns": {"id": "string"}}
        dataset = Dataset.model_validate({**definition, "stage_a": stage_a})
        create_parquet_table(dataset, self.table, f"s3://curated/{self.table}", client("glue"))
        place, name = self.table.split(".")
        targets = {"CatalogTargets": [{"DatabaseName": place, "Tables": [name]}]}
        client("glue").create_crawler(Name=self.table, Role="role", Targets=targets)
        self.object = shop.stage("a.csv")
        self.batch = shop.open()
        client("dynamodb").update_item(
            TableName="BatchesTable",
            Key={"dataset": {"S": shop.name}, "item": {"S": f"BATCH#{self.batch}"}},
            UpdateExpression="SET #format = :parquet",
            ExpressionAttributeNames={"#format": "format"},
            ExpressionAttributeValues={":parquet": {"S": "parquet"}},
        )
        branch = branch_name(self.batch, "r1")
        client("s3").put_object(Bucket="curated", Key=f"{self.table}/data/{branch}/1.parquet", Body=b"rows")
        self.records = BatchRecords(client("dynamodb"), "BatchesTable", lambda: self.now[0])
        written = Written("r1", branch, 0, number_of(branch), 1)
        self.records.wrote(shop.name, self.batch, written)

    def finisher(self) -> BatchFinisher:
        return replace(self.shop.finisher, records=self.records, parquet=ParquetTables)

    def commit(self) -> CommitOutcome:
        return self.finisher().commit(self.shop.name, self.batch, self.table)

    def fail(self) -> BatchStatus:
        return self.finisher().fail(self.shop.name, self.batch, self.table, "lost")

    def copied(self) -> list[str]:
        found = client("s3").list_objects_v2(Bucket="curated", Prefix=f"{self.table}/rows/").get("Contents", [])
        return [each["Key"].rpartition("/rows/")[2] for each in found]


def test_what_a_crawler_is_to_find_is_not_copied_after_its_batch_was_given_up(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    """A call that still copies would put its files into the crawl of the batch that loads the same rows again."""
    table = Crawled(shop)
    published = CrawledFolder.publish
    copies, go_on = threading.Event(), threading.Event()

    def slow(self: CrawledFolder, folder: str, batch: str) -> None:
        copies.set()
        assert go_on.wait(60)
        published(self, folder, batch)

    monkeypatch.setattr(CrawledFolder, "publish", slow)
    outcomes: list[CommitOutcome] = []
    late = threading.Thread(target=lambda: outcomes.append(table.commit()))
    removed = CrawledFolder.remove

    def begun_meanwhile(self: CrawledFolder, batch: str) -> None:
        """After whoever gives up has seen that nobody copies."""
        if not late.is_alive():
            late.start()
            assert copies.wait(60)
        removed(self, batch)

    monkeypatch.setattr(CrawledFolder, "remove", begun_meanwhile)
    with pytest.raises(Transient, match="has begun or ended just now"):
        table.fail()
    with pytest.raises(Transient, match="may still copy"):
        table.fail()
    assert shop.records.active(shop.name) == table.batch
    go_on.set()
    late.join()
    assert outcomes == [CommitOutcome.CRAWL]
    assert table.copied() == [f"batch_id={table.batch}/1.parquet"]
    monkeypatch.setattr(CrawledFolder, "remove", removed)
    assert table.fail() is BatchStatus.FAILED
    assert table.copied() == []
    with pytest.raises(Refused):
        table.commit()


def test_a_call_that_dies_while_it_copies_holds_its_batch_until_it_must_have_ended(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    table = Crawled(shop)

    def killed(*_: object) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(CrawledFolder, "publish", killed)
        patch.setattr(BatchRecords, "copied", killed)
        with pytest.raises(Crash):
            table.commit()
    table.now[0] += COPIES_FOR - timedelta(seconds=1)
    with pytest.raises(Transient):
        table.fail()
    assert table.commit() is CommitOutcome.CRAWL, "the same batch goes on at once"
    table.now[0] += timedelta(seconds=2)
    assert table.fail() is BatchStatus.FAILED
    assert table.copied() == []
