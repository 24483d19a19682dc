"""A team's transform says what it wrote, and is believed in nothing that can be looked up."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import pytest

from pipeline.core.clients import client
from pipeline.core.errors import Refused
from pipeline.core.objects import ObjectVersion
from pipeline.emulator.gateway.server import AwsServer
from pipeline.lake.batches.manifest import manifest
from pipeline.lake.batches.records import BatchStatus
from pipeline.lake.batches.results import LARGEST, ResultRecorder, accepted
from pipeline.lake.batches.work import Work
from pipeline.lake.catalog import Status
from pipeline.lake.datasets import Dataset
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.messages.manifest import Manifest, StagedObject
from pipeline.lake.messages.written import Written, result_key
from pipeline.lake.tables.names import branch_name

from .conftest import Crash
from .test_completion import Shop
from .test_completion import front as front
from .test_completion import shop as shop

OBJECT = ObjectVersion("raw", "shop/orders/a.csv", "v1")
STAGED = StagedObject(OBJECT, "1", "s3://staging/shop/orders/a.parquet", "e", 10)
TRANSFORM = {"sql": "s.sql", "text": "select * from staged", "reads": ["shop/customers"]}
DEFINITION = {"team": "shop", "dataset": "orders", "table": {"write": "append"}, "transform": TRANSFORM}
MANIFEST = Manifest("01B", DEFINITION, "lake_shop.orders", (STAGED,))
WRITTEN = Written(
    "jr_1",
    branch_name("01B", "jr_1"),
    1,
    2,
    4,
    bad_rows=3,
    can_move=True,
    set_aside={OBJECT.digest: 3},
    repeated={OBJECT.digest: 1},
    given=7,
    made=4,
    read={"shop/customers": "77"},
)


def of(write: str, **transform: Any) -> Manifest:
    definition = {**DEFINITION, "table": {"write": write}, "transform": {**TRANSFORM, **transform}}
    return replace(MANIFEST, definition=definition)


def test_what_a_run_says_is_read_as_it_was_written() -> None:
    assert accepted(json.loads(json.dumps(WRITTEN.to_json())), MANIFEST, "jr_1") == WRITTEN
    nothing = replace(WRITTEN, snapshot=None, rows=0, made=0, can_move=True)
    assert accepted(nothing.to_json(), MANIFEST, "jr_1") == nothing
    # Of a later release.
    assert accepted({**WRITTEN.to_json(), "candidates": [["x", "y"]]}, MANIFEST, "jr_1") == WRITTEN


def test_an_overwrite_may_say_what_it_superseded() -> None:
    said = replace(WRITTEN, superseded=(OBJECT.versioned_path,), can_move=False, superseded_rows=1, rows=3)
    assert accepted(said.to_json(), of("overwrite"), "jr_1") == said
    with pytest.raises(Refused, match="does not overwrite"):
        accepted(replace(said, superseded_rows=0, rows=4).to_json(), MANIFEST, "jr_1")


FORGED: list[tuple[dict[str, Any], str]] = [
    ({"run": "jr_2"}, "of the run jr_2"),
    ({"branch": "main"}, "names the branch main"),
    ({"branch": "b_01C_jr_1"}, "names the branch b_01C_jr_1"),
    ({"rows": 0}, "a snapshot without rows"),
    ({"snapshot": None}, "rows without one"),
    ({"rows": "4"}, "no rows, or of another type"),
    ({"rows": True}, "no rows, or of another type"),
    ({"rows": 4.0}, "no rows, or of another type"),
    ({"rows": -4, "made": -4}, "below zero"),
    ({"rows": 5}, "of 4 rows 5 were written"),
    ({"superseded_rows": 2}, "2 superseded"),
    ({"base": "latest"}, "no numbers"),
    ({"base": "²"}, "no numbers"),
    ({"snapshot": "9" * 40}, "no numbers"),
    ({"bad_rows": 4}, "of 10"),
    ({"given": None}, "no given"),
    ({"set_aside": {}}, "whose the rows are"),
    ({"set_aside": {"of another": 3}}, "no object of its batch"),
    ({"set_aside": {OBJECT.digest: 11}}, "more rows than that has"),
    ({"set_aside": {OBJECT.digest: "3"}}, "no object of its batch"),
    ({"repeated": {"of another": 1}}, "no object of its batch"),
    ({"superseded": ["raw/hr/pay/a.csv#v1"]}, "supersedes what is no object"),
    ({"superseded": [["raw"]]}, "supersedes what is no object"),
    ({"read": {"hr/pay": "1"}}, "what the definition does not name"),
    ({"read": {"shop/customers": "all"}}, "what the definition does not name"),
]


@pytest.mark.parametrize(("forged", "told"), FORGED, ids=[str(each) for each, _ in FORGED])
def test_a_result_that_cannot_be_is_refused(forged: dict[str, Any], told: str) -> None:
    with pytest.raises(Refused, match=told):
        accepted({**WRITTEN.to_json(), **forged}, MANIFEST, "jr_1")


@pytest.mark.parametrize("document", [None, [], "x", {}, {"write": WRITTEN.to_json()}])
def test_a_result_of_another_form_is_refused(document: Any) -> None:
    with pytest.raises(Refused, match="not true"):
        accepted(document, MANIFEST, "jr_1")


@pytest.mark.parametrize(
    "manifest",
    [
        of("upsert"),
        replace(MANIFEST, definition={**DEFINITION, "quality": {"scope": "table"}}),
        of("append", reads=["shop/customers", "shop/orders"]),
        of("append", sql=None, python="p.py:clean"),
    ],
    ids=["upsert", "rules about the table", "reads its own", "a function"],
)
def test_rows_that_depend_on_the_table_move_nowhere(manifest: Manifest) -> None:
    with pytest.raises(Refused, match="depend on what the table had"):
        accepted(WRITTEN.to_json(), manifest, "jr_1")
    assert accepted(replace(WRITTEN, can_move=False).to_json(), manifest, "jr_1")


def test_a_table_that_a_transform_wrote_is_never_believed_again() -> None:
    dataset = Dataset.model_validate({"team": "shop", "dataset": "orders", "stage_a": {"format": "csv"}})
    plain = Registration.of(dataset, "q", "d", "t.t")
    transformed = Registration.of(dataset, "q", "d", "t.t", "job", plain)
    again = Registration.of(dataset, "q", "d", "t.t", None, transformed)
    for registration, wanted in ((plain, False), (transformed, True), (again, True)):
        made = manifest("01B", Work.of(registration), [])
        assert (made.was_transformed, Manifest.from_json(made.to_json())) == (wanted, made)
    # Of an earlier release, whose batches run on.
    assert Manifest.from_json({**MANIFEST.to_json(), "was_transformed": True}).was_transformed
    assert Manifest.from_json(MANIFEST.to_json()).was_transformed


@dataclass
class Transformed:
    """A shop whose dataset has a transform, with its batch."""

    shop: Shop

    @property
    def recorder(self) -> ResultRecorder:
        return ResultRecorder(
            records=self.shop.records, branches=self.shop.tables, s3=client("s3"), staging_bucket="staging"
        )

    def run(self, batch: str, run: str = "r1", rows: int = 1, **said: Any) -> Written:
        """What the team's job does: rows on a branch, and its word of it in the staging bucket."""
        written = replace(self.shop.branch_off(batch, run, rows), **{"given": 1, "made": rows, **said})
        self.leave(batch, run, json.dumps(written.to_json()).encode())
        return written

    def leave(self, batch: str, run: str, body: bytes) -> None:
        client("s3").put_object(Bucket="staging", Key=result_key(self.shop.name, batch, run), Body=body)

    def record(self, batch: str, run: str = "r1") -> Written:
        return self.recorder.record(self.shop.name, batch, self.shop.table, run)


@pytest.fixture
def transformed(front: AwsServer, shop: Shop) -> Transformed:
    said = {"sql": "s.sql", "text": "select * from staged", "columns": {"id": "string"}}
    dataset = Dataset.model_validate({**json.loads(shop.dataset.to_json()), "transform": said})
    shop.poller = replace(shop.poller, load=lambda name: Work(dataset, shop.table, "job"))
    return Transformed(shop)


def test_what_a_run_wrote_is_recorded_once_and_committed(transformed: Transformed) -> None:
    shop = transformed.shop
    obj = shop.stage("a.csv")
    batch = shop.open()
    written = transformed.run(batch)
    assert transformed.record(batch) == written
    row = shop.records.get(shop.name, batch)
    assert row
    assert (row.write, row.status) == (written, BatchStatus.RUNNING)
    # Changed after it was recorded, and perhaps judged.
    transformed.leave(batch, "r1", json.dumps(replace(written, rows=0, snapshot=None, made=0).to_json()).encode())
    assert transformed.record(batch) == written
    shop.finisher.commit(shop.name, batch, shop.table)
    assert shop.rows() == [f"{batch}-0"]
    assert shop.statuses(obj) == {Status.COMMITTED}
    with pytest.raises(Refused, match="is COMMITTED"):
        transformed.record(batch)


def test_a_result_is_held_against_the_table(transformed: Transformed) -> None:
    shop = transformed.shop
    shop.stage("a.csv")
    batch = shop.open()
    before = shop.records.get(shop.name, batch)
    with pytest.raises(Refused, match="left no word"):
        transformed.record(batch)
    written = transformed.run(batch)
    others = shop.tables.load(shop.table).metadata.refs["main"].snapshot_id
    for forged, told in (
        ({"snapshot": others}, "does not have the snapshot"),
        ({"snapshot": 5}, "does not have the snapshot"),
        ({"base": written.snapshot}, "does not follow on"),
        ({"base": 5}, "does not follow on"),
        ({"rows": 7, "made": 7}, "adds 1 rows, and not 7"),
    ):
        forgery = replace(written, **forged)
        transformed.leave(batch, "r1", json.dumps(forgery.to_json()).encode())
        with pytest.raises(Refused, match=told):
            transformed.record(batch)
    for body, told in ((b"{", "no JSON"), (b" " * (LARGEST + 1), "bytes")):
        transformed.leave(batch, "r1", body)
        with pytest.raises(Refused, match=told):
            transformed.record(batch)
    assert shop.records.get(shop.name, batch) == before, "something of it was believed"


def test_a_manifest_of_another_dataset_is_not_read(transformed: Transformed) -> None:
    shop = transformed.shop
    shop.stage("a.csv")
    batch = shop.open()
    transformed.run(batch)
    client("dynamodb").update_item(
        TableName="BatchesTable",
        Key={"dataset": {"S": shop.name}, "item": {"S": f"BATCH#{batch}"}},
        UpdateExpression="SET manifest = :m",
        ExpressionAttributeValues={":m": {"S": "s3://staging/_manifests/hr/pay/01B.json"}},
    )
    with pytest.raises(Refused, match="is of another dataset"):
        transformed.record(batch)


def test_candidates_of_another_dataset_are_not_claimed(transformed: Transformed) -> None:
    """Whoever could write a batch's row could name any staged file of the lake there."""
    shop = transformed.shop
    others = replace(shop, dataset=shop.dataset.model_copy(update={"team": "hr", "dataset": "pay"}))
    theirs = others.stage("pay.csv")
    mine = shop.stage("a.csv")
    work = Work(shop.dataset, shop.table)
    sealer = shop.poller.sealer
    assert sealer.open(work, "01FORGED", [theirs, mine])
    batch = shop.records.get(shop.name, "01FORGED")
    assert batch
    sealer.claim(work, batch)
    assert shop.statuses(theirs) == {Status.STAGED}
    assert shop.statuses(mine) == {Status.CLAIMED}


@pytest.mark.parametrize("when", ["before-send", "after-call"])
def test_a_run_whose_recording_dies_at_any_call_is_recorded_by_doing_it_again(
    transformed: Transformed, when: str
) -> None:
    shop, state = transformed.shop, {"left": 0}

    def crash(**_: object) -> None:
        state["left"] -= 1
        if state["left"] == 0:
            raise Crash

    services = (client("dynamodb"), client("s3"), shop.tables.catalog.glue)
    for service in services:
        service.meta.events.register_first(f"{when}.*", crash, unique_id=f"crash-{when}")
    expected: list[str] = []
    try:
        for n in range(1, 20):
            obj = shop.stage(f"{n}.csv")
            batch = shop.open()
            written = transformed.run(batch)
            state["left"], crashed = n, False
            try:
                transformed.record(batch)
            except Crash:
                crashed = True
            state["left"] = 0
            # Also beside a run that was lost and left its branch, and its word.
            assert transformed.record(batch) == written
            shop.finisher.commit(shop.name, batch, shop.table)
            expected.append(f"{batch}-0")
            assert shop.rows() == sorted(expected)
            assert shop.statuses(obj) == {Status.COMMITTED}
            if not crashed:
                break
        else:
            pytest.fail("it never finished within 20 calls")
        assert n > 4
    finally:
        for service in services:
            service.meta.events.unregister(f"{when}.*", unique_id=f"crash-{when}")


def test_the_run_that_the_machine_asks_for_is_recorded_and_no_lost_one(transformed: Transformed) -> None:
    shop = transformed.shop
    shop.stage("a.csv")
    batch = shop.open()
    transformed.run(batch, "lost", rows=3)
    written = transformed.run(batch, "r2")
    assert transformed.record(batch, "r2") == written
    shop.finisher.fail(shop.name, batch, shop.table, "stopped")
    for late in ("lost", "r2"):
        with pytest.raises(Refused, match="is FAILED"):
            transformed.record(batch, late)
    assert shop.branches() == ["main"]
