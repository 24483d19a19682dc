"""Rows that were set aside, sent again once what did not take them was mended: each once, whatever happens."""

from __future__ import annotations

import io
import json
import threading
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.core.clients import client
from pipeline.core.errors import BadInput, NotThere, Refused
from pipeline.core.events.s3 import parse
from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog import ObjectRow, Status
from pipeline.lake.datasets import Dataset
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.messages.stage_a import StageAWork
from pipeline.lake.routing import Group, stage_a_input
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from pipeline.operate.rows_again import RowsSent, send_rows
from pipeline.operate.rows_aside import rows_aside
from stages.stage_a.transform import transform_objects
from tests.cli.conftest import Actor

BODY = b"id,price\n1,10\n2,x\n3,30\n4,n/a\n5,n/a\n6,60\n"


def definition(dataset: str, **stage_a: Any) -> dict[str, Any]:
    columns = stage_a.pop("columns", {"id": "bigint", "price": "bigint"})
    return {"team": "shop", "dataset": dataset, "stage_a": {"format": "csv", "columns": columns, **stage_a}}


@dataclass
class Shop(Actor):
    """A dataset whose files are really transformed, and whose batches the tests load as the job would."""

    def mend(self, **stage_a: Any) -> None:
        """Apply another definition."""
        dataset = Dataset.from_stored({**self.definition, "stage_a": {**self.definition["stage_a"], **stage_a}})
        old = self.registration
        self.registration = Registration.of(dataset, old.queue_url, old.dead_letter_queue_url, old.table)
        self.lake.registry.put(self.registration)
        self.work = replace(self.work, dataset=dataset)

    def transform(self, *works: StageAWork) -> list[str]:
        document = stage_a_input(self.work.dataset, "queue", Group(works, 1)).to_json()
        found: list[str] = transform_objects.__wrapped__({**document, "execution": "run"}, self.lake)["statuses"]
        return found

    def receive(self) -> list[str]:
        """Do what routing and Stage A do with the messages of the raw queue."""
        statuses = []
        for event in sent_again(self.lake):
            if work := self.lake.catalog.send_again(event, self.work.dataset.name):
                statuses += self.transform(work)
        return statuses

    def load(self, *objects: ObjectVersion, **found: Any) -> str:
        """Load staged objects in one batch."""
        batch = self.open(*objects)
        self.write(batch, pa.concat_tables([self.staged(obj) for obj in objects]), found=found)
        self.commit(batch)
        return batch

    def staged(self, obj: ObjectVersion) -> pa.Table:
        bucket, _, key = str(self.row(obj).staged).removeprefix("s3://").partition("/")
        body = client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return pq.read_table(io.BytesIO(body)).drop_columns(["_sluice_row"])

    def loaded(self, file: str, body: bytes = BODY) -> ObjectVersion:
        obj = self.register(self.drop(file, body))
        assert self.transform(StageAWork(obj, 1, self.clock_ms)) == ["STAGED"]
        self.load(obj)
        return obj

    def rows(self) -> list[tuple[Any, ...]]:
        table = self.lake.finisher.tables.load(self.work.table).scan().to_arrow()
        return sorted((tuple(row.values()) for row in table.to_pylist()), key=str)

    def again(self, reason: str | None = None, **more: Any) -> RowsSent:
        return send_rows(self.lake, self.work.dataset.name, reason, **more)


def sent_again(lake: Lake) -> list[Any]:
    url = lake.settings[Setting.RAW_QUEUE_URL]
    events: list[Any] = []
    while messages := client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        for message in messages:
            client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            events += parse(message["Body"])
    return events


ALL = [(1, 10), (2, None), (3, 30), (4, None), (5, None), (6, 60)]


def flaws(row: ObjectRow) -> tuple[int, int, int]:
    return row.bad, row.rows_again, row.parts


def test_rows_are_loaded_once_the_contract_takes_them_and_those_it_does_not_are_left(sluice, lake):
    shop = Shop(lake, definition("again"))
    obj = shop.loaded("a.csv")
    asked = sluice("redrive", "--rows", shop.name, "--dry-run")
    assert asked.exit_code == 0, asked.exception
    assert "would send 3 rows of 1 object again" in asked.stdout
    assert "column price: a value is not bigint" in asked.stdout
    assert "'n/a'" not in asked.stdout
    assert (flaws(shop.row(obj)), sent_again(lake)) == ((3, 0, 0), [])

    shop.mend(null_values=["n/a"])
    done = json.loads(sluice("redrive", "--rows", shop.name, "--json").stdout)
    assert (done["rows"], done["objects"], done["left"], done["dry_run"]) == (3, 1, [], False)
    assert shop.receive() == ["STAGED"]
    # Until they are loaded they are where they were, and nobody sends them once more.
    assert (shop.again().rows, shop.again().moving) == (0, 3)
    part = obj.part(1)
    assert (shop.row(part).rows_in, shop.row(part).rows_out, shop.row(part).order) == (3, 2, shop.row(obj).order)
    shop.load(part)
    assert shop.rows() == [row for row in ALL if row[0] != 2]
    assert flaws(shop.row(obj)) == (1, 2, 1)
    quarantined = json.loads(sluice("query", "select line, raw from quarantine.shop.again", "--json").stdout)
    assert quarantined == [{"line": 3, "raw": "2,x"}]

    shop.mend(null_values=["n/a", "x"])
    assert "sent 1 row of 1 object again" in sluice("redrive", "--rows", shop.name).stdout
    shop.receive()
    shop.load(obj.part(2))
    assert shop.rows() == ALL
    assert flaws(shop.row(obj)) == (0, 3, 2)
    assert lake.catalog.flawed(shop.name) == []
    assert "no rows are set aside" in sluice("redrive", "--rows", shop.name).stdout
    told = sluice("why", obj.uri).stdout
    assert "3 sent again" in told
    assert json.loads(sluice("status", shop.name, "--json").stdout)["attention"] == []


def test_rows_of_one_reason_are_sent_and_the_others_stay(lake):
    shop = Shop(lake, definition("reason", columns={"id": "bigint", "price": "bigint", "n": "bigint"}))
    obj = shop.loaded("a.csv", b"id,price,n\n1,1,1\n2,x,2\n3,3,y\n4,4\n")
    done = shop.again("COLUMN n")
    assert (done.rows, [each.rows for each in done.left]) == (1, [1, 1])
    shop.mend(columns={"id": "bigint", "price": "bigint", "n": "string"}, on_bad_row="reject_file")
    shop.receive()
    part = shop.row(obj.part(1))
    assert (part.rows_in, part.rows_out, part.rows_left) == (1, 1, 2)


def test_a_reason_that_no_row_has_is_an_error_that_lists_those_there_are(lake):
    shop = Shop(lake, definition("unknown"))
    shop.loaded("a.csv")
    with pytest.raises(BadInput, match="'colour'") as error:
        shop.again("colour")
    assert "column price: a value" in str(error.value.hint)
    with pytest.raises(NotThere):
        send_rows(lake, replace(shop.work.dataset.name, dataset="nothing"))


@pytest.mark.parametrize(
    "more",
    [
        {"table": {"format": "parquet", "write": "overwrite"}},
        {"table": {"write": "replace"}, "transform": {"sql": "a.sql", "text": "select * from staged"}},
    ],
)
def test_where_late_rows_have_no_place_they_are_refused_with_the_reason(lake, more):
    dataset = Dataset.from_stored({**definition("whole_only"), **more})
    lake.registry.put(Registration.of(dataset, "queue", "dead", "sluice_local_shop.whole_only"))
    with pytest.raises(Refused, match="cannot be sent on their own"):
        send_rows(lake, dataset.name)


def test_two_at_once_send_each_row_once(lake):
    shop = Shop(lake, definition("at_once"))
    obj = shop.loaded("a.csv")
    shop.mend(null_values=["n/a", "x"])
    done: list[RowsSent] = []
    threads = [threading.Thread(target=lambda: done.append(shop.again())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.rows for each in done) == [0, 0, 0, 3]
    assert set(shop.receive()) == {"STAGED"}
    assert lake.catalog.get(obj.part(2)) is None
    shop.load(obj.part(1))
    assert shop.rows() == ALL


def test_rows_that_are_loaded_while_somebody_looks_are_not_sent_once_more(lake, monkeypatch):
    shop = Shop(lake, definition("meanwhile"))
    obj = shop.loaded("a.csv")
    shop.mend(null_values=["n/a"])
    shop.again()
    shop.receive()
    read = type(lake.catalog).get_many

    def then_loaded(self: Any, objects: Any) -> Any:
        found = read(self, objects)
        monkeypatch.undo()
        shop.load(obj.part(1))
        return found

    monkeypatch.setattr(type(lake.catalog), "get_many", then_loaded)
    shop.again()
    shop.mend(null_values=["n/a", "x"])
    shop.again()
    shop.receive()
    shop.load(obj.part(2))
    assert shop.rows() == ALL


class Killed(Exception):
    """The process ended here."""


def killed_at(call: int, work: Any) -> bool:
    """Do `work` and die before its `call`th call that changes something; False if it has fewer."""
    left = [call]

    def die(model: Any, **_: Any) -> None:
        if model.name in ("PutObject", "TransactWriteItems", "UpdateItem", "PutItem", "SendMessageBatch"):
            left[0] -= 1
            if left[0] == 0:
                raise Killed

    clients = [client(name) for name in ("s3", "dynamodb", "sqs")]
    for each in clients:
        each.meta.events.register_first("before-call", die, unique_id="die")
    try:
        work()
    except Killed:
        return True
    finally:
        for each in clients:
            each.meta.events.unregister("before-call", unique_id="die")
    return False


def test_whoever_dies_between_any_two_steps_loses_no_row_and_doubles_none(lake):
    shop = Shop(lake, definition("killed"))
    obj = shop.loaded("a.csv")
    shop.mend(null_values=["n/a"])
    call = 0
    while killed_at(call := call + 1, shop.again):
        pass
    # The order in which it dies earlier and earlier would find it done: each time it went one step further.
    assert call > 3
    for at in range(1, 4):
        killed_at(at, shop.receive)
        shop.again()
    while not (row := lake.catalog.get(obj.part(1))) or row.status is not Status.STAGED:
        shop.again()
        shop.receive()
    batch = shop.open(obj.part(1))
    shop.write(batch, shop.staged(obj.part(1)))
    at = 0
    while killed_at(at := at + 1, lambda: shop.commit(batch)):
        # Whoever comes meanwhile finds it on its way, or done: never once more.
        shop.again()
    assert (shop.rows(), flaws(shop.row(obj))) == ([row for row in ALL if row[0] != 2], (1, 2, shop.row(obj).parts))


def test_rows_that_a_batch_set_aside_are_sent_too_and_those_of_parts(lake):
    shop = Shop(lake, definition("batch"))
    obj = shop.register(shop.drop("a.csv", BODY))
    shop.transform(StageAWork(obj, 1, shop.clock_ms))
    batch = shop.open(obj)
    set_aside(shop, batch, obj, (2, {"id": 1, "price": 10}))
    shop.write(batch, shop.staged(obj).slice(1), found={"set_aside": {obj.digest: 1}})
    shop.commit(batch)
    assert shop.again("key column").rows == 1
    shop.receive()
    part = obj.part(1)
    batch = shop.open(part)
    set_aside(shop, batch, part, (2, {"id": 1, "price": 10}))
    shop.write(batch, shop.staged(part).slice(1), found={"set_aside": {part.digest: 1}})
    shop.commit(batch)
    assert (shop.row(obj).bad, shop.row(part).bad) == (3, 1)
    shop.mend(null_values=["n/a", "x"])
    assert (shop.again().rows, shop.again().moving) == (4, 4)
    shop.receive()
    shop.load(obj.part(2))
    assert (shop.rows(), lake.catalog.flawed(shop.name)) == (ALL, [])


@pytest.mark.parametrize("mended", [True, False])
def test_rows_of_a_dismissed_version_stay_in_its_account_when_rows_of_its_part_are_sent(lake, mended):
    shop = Shop(lake, definition(f"dismissed{mended}".lower()))
    obj = shop.loaded("a.csv")
    shop.mend(null_values=["n/a"])
    assert shop.again().rows == 3
    shop.receive()
    part = obj.part(1)
    batch = shop.open(part)
    set_aside(shop, batch, part, (5, {"id": 4, "price": None}))
    shop.write(batch, shop.staged(part).slice(1), found={"set_aside": {part.digest: 1}})
    shop.commit(batch)
    # Of the version line 3 is left, which nobody wants; of the part the row that its batch set aside.
    assert lake.catalog.dismiss(shop.row(obj), "ada", "nobody misses it")
    assert (shop.row(obj).bad, shop.row(part).bad) == (1, 1)
    done = shop.again()
    assert (done.rows, done.left) == (1, ())
    if not mended:
        shop.mend(null_values=[])
    shop.receive()
    if mended:
        shop.load(obj.part(2))
        assert shop.rows() == [row for row in ALL if row[0] != 2]
    else:
        assert shop.row(obj.part(2)).rows_out == 0
        shop.load(obj.part(2))
    row = shop.row(obj)
    left = sorted(rows_aside(lake, [row]), key=lambda each: each.row.line)
    assert [each.row.line for each in left] == ([3] if mended else [3, 5])
    assert (row.bad, shop.row(part).bad) == (len(left), 0)
    assert bool(row.dismissed) == mended, "what comes to it is to be looked at"
    assert [place.object for place in lake.catalog.flawed(shop.name)] == ([] if mended else [obj])


def test_rows_that_stood_in_the_place_of_a_footer_are_loaded_once_none_is_skipped(lake):
    shop = Shop(lake, definition("footer", skip_footer=2))
    obj = shop.loaded("a.csv", b"id,price\n1,10\n2,20\n3,30\n")
    assert shop.rows() == [(1, 10)]
    shop.mend(skip_footer=0)
    assert shop.again("skip_footer").rows == 2
    assert shop.receive() == ["STAGED"]
    shop.load(obj.part(1))
    assert shop.rows() == [(1, 10), (2, 20), (3, 30)]


def set_aside(shop: Shop, batch: str, obj: ObjectVersion, *rows: tuple[int, dict[str, Any]]) -> None:
    lines = [
        {"object": obj.versioned_path, "line": n, "reason": "key column id is null", "row": row} for n, row in rows
    ]
    client("s3").put_object(
        Bucket=shop.lake.settings[Setting.QUARANTINE_BUCKET],
        Key=f"{shop.name}/_batches/{batch}/run/part-0.txt",
        Body="".join(json.dumps(line) + "\n" for line in lines).encode(),
    )


def test_a_file_that_is_cut_into_other_rows_is_refused_and_sent_again_when_that_was_taken_back(lake):
    shop = Shop(lake, definition("cut"))
    obj = shop.loaded("a.csv")
    shop.mend(comment="6")
    shop.again()
    assert shop.receive() == ["QUARANTINED"]
    assert "where it read 6" in str(shop.row(obj.part(1)).reason)
    shop.mend(null_values=["n/a"])
    assert shop.again("price").rows == 3
    assert shop.receive() == ["STAGED"]
    shop.load(obj.part(1))
    assert (shop.row(obj.part(1)).generation, flaws(shop.row(obj))) == (2, (1, 2, 1))


def test_what_cannot_be_sent_is_told_with_the_reason(lake):
    shop = Shop(lake, definition("held"))
    first, gone = (shop.loaded(f"{n}.csv", BODY + b"7,%d\n" % n) for n in range(2))
    broken, waiting = (shop.register(shop.drop(f"{n}.csv", BODY + b"7,%d\n" % n)) for n in range(2, 4))
    shop.transform(*(StageAWork(obj, 1, shop.clock_ms) for obj in (broken, waiting)))
    lake.catalog.move(broken, Status.CLAIMED, shop.name)
    lake.catalog.move(broken, Status.FAILED, shop.name)
    bucket, _, key = str(shop.row(gone).bad_rows_uri).removeprefix("s3://").partition("/")
    client("s3").delete_object(Bucket=bucket, Key=key)
    done = shop.again()
    assert (done.rows, {each.object: each.why.partition(";")[0].partition(":")[0] for each in done.held}) == (
        3,
        {
            gone: "of its 3 rows set aside 0 are still in the quarantine bucket",
            broken: "it is FAILED itself",
            waiting: "it is STAGED, and not loaded yet",
        },
    )
    # The raw version is gone: its rows stay where they are.
    client("s3").delete_object(Bucket="lake-raw-bucket", Key=first.key, VersionId=first.version_id)
    assert shop.receive() == ["GONE"]
    assert (shop.row(first).bad, shop.again().rows) == (3, 3)
    sent_again(lake)


def test_a_later_row_of_its_key_in_the_file_is_not_replaced_by_one_that_comes_late(lake):
    shop = Shop(lake, {**definition("keys"), "table": {"write": "upsert", "key": ["id"]}})
    obj = shop.register(shop.drop("a.csv", b"id,price\n1,x\n2,y\n1,10\n"))
    shop.transform(StageAWork(obj, 1, shop.clock_ms))
    shop.lake.catalog.move(obj, Status.CLAIMED, shop.name)
    shop.lake.catalog.move(obj, Status.COMMITTED, shop.name)
    shop.mend(null_values=["x", "y"])
    assert shop.again().rows == 2
    shop.receive()
    assert shop.staged(obj.part(1)).to_pylist() == [{"id": 2, "price": None}]
    assert (shop.row(obj.part(1)).rows_out, shop.row(obj.part(1)).rows_left) == (1, 0)
