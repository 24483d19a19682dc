"""Batches whose history ends, from every way that a batch takes to what each reader says when its row is gone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pyarrow as pa
import pytest

from pipeline.core.clients import client
from pipeline.core.dynamo import encode
from pipeline.core.errors import Refused
from pipeline.core.events.s3 import SendAgain
from pipeline.core.objects import ObjectVersion
from pipeline.lake.batches.history import History
from pipeline.lake.batches.records import FINAL, BatchStatus, batch_item
from pipeline.lake.catalog import Status
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from tests.cli.conftest import Actor, Sluice

from .conftest import Visitor

GONE = "or its history has ended"
ROWS = pa.table({"id": [1], "price": [None], "at": [None]})


def history(lake: Lake) -> History:
    table = lake.settings[Setting.BATCHES_TABLE]
    return History(client("dynamodb"), table, lake.catalog, lake.batches, timedelta(days=90), lake.clock)


def row(lake: Lake, orders: Actor, batch: str) -> dict[str, object]:
    key = encode({"dataset": orders.name, "item": batch_item(batch)})
    found: dict[str, object] = client("dynamodb").get_item(TableName=lake.settings[Setting.BATCHES_TABLE], Key=key)
    return dict(found["Item"])  # type: ignore[call-overload]


def has_end(lake: Lake, orders: Actor, batch: str) -> bool:
    """Whether the next turn of upkeep has given the batch's row its end."""
    history(lake).give_ends(orders.name)
    return "expires" in row(lake, orders, batch)


def expire(lake: Lake, orders: Actor, batch: str) -> None:
    """What DynamoDB does to a row whose end has come."""
    key = encode({"dataset": orders.name, "item": batch_item(batch)})
    client("dynamodb").delete_item(TableName=lake.settings[Setting.BATCHES_TABLE], Key=key)


def committed(orders: Actor, file: str) -> tuple[str, ObjectVersion]:
    obj = orders.stage(file)
    batch = orders.open(obj)
    orders.write(batch, ROWS)
    orders.commit(batch)
    return batch, obj


def cancelled(orders: Actor, file: str) -> tuple[str, ObjectVersion]:
    obj = orders.register(orders.drop(file))
    return orders.open(obj), obj


def failed(orders: Actor, file: str) -> tuple[str, ObjectVersion]:
    obj = orders.stage(file)
    batch = orders.open(obj)
    orders.lake.finisher.fail(orders.name, batch, orders.work.table, "a bug")
    return batch, obj


def quarantined(orders: Actor, file: str) -> tuple[str, ObjectVersion]:
    obj = orders.stage(file)
    batch = orders.open(obj)
    orders.write(batch, ROWS, "FAILED", reason="of a test")
    orders.lake.finisher.quarantine(orders.name, batch, orders.work.table)
    return batch, obj


WAYS: dict[BatchStatus, Callable[[Actor, str], tuple[str, ObjectVersion]]] = {
    BatchStatus.COMMITTED: committed,
    BatchStatus.CANCELLED: cancelled,
    BatchStatus.FAILED: failed,
    BatchStatus.QUARANTINED: quarantined,
}
TO_ACT_ON = {BatchStatus.FAILED, BatchStatus.QUARANTINED}


def test_every_way_that_a_batch_ends_is_one_of_these():
    assert WAYS.keys() == FINAL


@pytest.mark.parametrize("status", WAYS, ids=str)
def test_a_batch_that_has_ended_gets_its_end_unless_somebody_has_to_act_on_it(
    status: BatchStatus, lake: Lake, orders: Actor
):
    batch, _ = WAYS[status](orders, f"{status}.csv")
    found = lake.batches.get(orders.name, batch)
    assert found
    assert found.status is status
    assert has_end(lake, orders, batch) is (status not in TO_ACT_ON)


@pytest.mark.parametrize("status", sorted(TO_ACT_ON), ids=str)
def test_a_batch_that_was_redriven_gets_its_end_once_no_object_is_left_in_it(
    status: BatchStatus, lake: Lake, orders: Actor, sluice: Sluice
):
    batch, _ = WAYS[status](orders, f"redriven-{status}.csv")
    assert not has_end(lake, orders, batch)
    done = sluice("redrive", "--batch", batch)
    assert done.exit_code == 0, done.exception
    assert has_end(lake, orders, batch)
    new = lake.batches.active(orders.name)
    assert new
    assert not has_end(lake, orders, new)
    lake.finisher.fail(orders.name, new, orders.work.table, "again")
    assert not has_end(lake, orders, new)


def test_a_batch_that_was_released_gets_its_end(lake: Lake, orders: Actor, sluice: Sluice):
    batch, _ = quarantined(orders, "released.csv")
    done = sluice("release", batch, "--reason", "checked")
    assert done.exit_code == 0, done.exception
    assert has_end(lake, orders, batch)
    new = lake.batches.active(orders.name)
    assert new
    orders.write(new, ROWS)
    orders.commit(new)
    assert has_end(lake, orders, new)


def test_of_a_batch_whose_objects_are_sent_back_one_by_one_the_last_ends_it(lake: Lake, orders: Actor):
    objects = [orders.stage(f"one-by-one-{n}.csv") for n in range(2)]
    batch = orders.open(*objects)
    lake.finisher.fail(orders.name, batch, orders.work.table, "a bug")
    for obj in objects:
        assert not has_end(lake, orders, batch)
        assert lake.catalog.send_again(SendAgain(obj, 2), orders.work.dataset.name)
    assert has_end(lake, orders, batch)
    # What fails in Stage A afterwards is not the batch's any more.
    lake.catalog.move(objects[0], Status.FAILED, orders.name, generation=2, reason="broken")
    assert orders.row(objects[0]).batch is None


@pytest.fixture(scope="module")
def forgotten(lake: Lake, orders: Actor) -> tuple[str, ObjectVersion]:
    """A batch that was committed, and whose row has expired."""
    batch, obj = committed(orders, "forgotten.csv")
    assert has_end(lake, orders, batch)
    expire(lake, orders, batch)
    return batch, obj


def test_an_object_tells_that_the_history_of_its_batch_has_ended(
    sluice: Sluice, forgotten: tuple[str, ObjectVersion], visitor: Visitor
):
    batch, obj = forgotten
    told = sluice("why", obj.uri)
    assert told.exit_code == 0, told.exception
    assert "its history has ended" in " ".join(told.stdout.split())
    page = visitor.document("/object", uri=obj.uri)
    assert (page["shown"]["status"], page["shown"]["batch"], page["shown"]["batch_status"]) == (
        "COMMITTED",
        batch,
        None,
    )


READING = {
    "status": ["status", "--json"],
    "objects": ["objects", "--json"],
    "why": ["why", "URI", "--json"],
    "execution": ["execution", "BATCH", "--json"],
    "tables": ["tables", "--json"],
}


@pytest.mark.parametrize("reader", READING)
def test_what_lists_reads_on_without_the_row(sluice: Sluice, forgotten: tuple[str, ObjectVersion], reader: str):
    batch, obj = forgotten
    told = sluice(*(batch if a == "BATCH" else obj.uri if a == "URI" else a for a in READING[reader]))
    assert told.exit_code == 0, told.exception


@pytest.mark.parametrize("path", ["/", "/datasets", "/datasets/NAME", "/executions", "/executions/BATCH"])
def test_pages_are_there_without_the_row(
    visitor: Visitor, orders: Actor, forgotten: tuple[str, ObjectVersion], path: str
):
    assert visitor.document(path.replace("NAME", orders.name).replace("BATCH", forgotten[0]))["title"]


ASKING: dict[str, list[str]] = {
    "redrive": ["redrive", "--batch", "BATCH"],
    "redrive of its execution": ["redrive", "--execution", "BATCH"],
    "release": ["release", "BATCH", "--reason", "checked"],
}


@pytest.mark.parametrize("asking", ASKING)
def test_what_acts_on_a_batch_without_a_row_is_refused_and_told_why(
    sluice: Sluice, forgotten: tuple[str, ObjectVersion], asking: str
):
    refused = sluice(*(forgotten[0] if a == "BATCH" else a for a in ASKING[asking])).exception
    assert isinstance(refused, Refused)
    assert GONE in refused.message
    assert "batch-history-days" in str(refused.hint)


def test_the_page_of_the_batch_and_its_buttons_say_so(visitor: Visitor, forgotten: tuple[str, ObjectVersion]):
    page = f"/batches/{forgotten[0]}"
    assert GONE in visitor.get(f"{page}.json").json()["error"]
    assert GONE in visitor.get(page).text
    assert GONE in visitor.post(f"{page}/redrive").text
    assert GONE in visitor.post(f"{page}/release", reason="checked").text


def test_functions_refuse_to_end_it_once_more_and_write_no_row(
    lake: Lake, orders: Actor, forgotten: tuple[str, ObjectVersion]
):
    batch, obj = forgotten
    table, shown = orders.work.table, orders.row(obj)
    late: list[Callable[[], object]] = [
        lambda: lake.finisher.commit(orders.name, batch, table),
        lambda: lake.finisher.quarantine(orders.name, batch, table),
        lambda: lake.finisher.fail(orders.name, batch, table, "late"),
        lambda: lake.batches.move(orders.name, batch, BatchStatus.RUNNING),
    ]
    for call in late:
        with pytest.raises(Refused, match=GONE):
            call()
    assert lake.batches.get(orders.name, batch) is None
    assert orders.row(obj) == shown
