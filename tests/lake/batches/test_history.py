"""Rows of batches and of turns of upkeep end once nothing is left to act on, and never before."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from ulid import ULID

from pipeline.core.clients import client
from pipeline.core.clock import iso
from pipeline.core.dynamo import encode, query
from pipeline.deploy.environments import SETTINGS
from pipeline.lake.batches.history import KEPT_AT_LEAST, History, is_over
from pipeline.lake.batches.records import FINAL, Batch, BatchRecords, BatchStatus, batch_item
from pipeline.lake.batches.upkeep import Turns, TurnStatus
from pipeline.lake.catalog import Catalog, Status
from pipeline.lake.catalog.rows import OPEN

NOW = datetime(2026, 11, 29, tzinfo=UTC)
NAME = "shop/orders"
TURN_ENDS = (TurnStatus.DONE, TurnStatus.FAILED)


@pytest.fixture
def history(catalog_tables: dict[str, str]) -> History:
    dynamodb = client("dynamodb")
    records = BatchRecords(dynamodb, "BatchesTable", lambda: NOW)
    catalog = Catalog(dynamodb, "ObjectsTable", lambda: NOW)
    return History(dynamodb, "BatchesTable", catalog, records, timedelta(days=90), lambda: NOW)


def put(table: str, **row: object) -> None:
    client("dynamodb").put_item(TableName=table, Item=encode(row))


def put_object(path: str, status: Status, batch: str | None) -> None:
    facts = {"size": 1, "etag": "", "event_ms": 1, "order": "1", "since": iso(NOW), "generation": 1, "dataset": NAME}
    held = {"batch": batch} if batch else {}
    put("ObjectsTable", path=path, version_id="v1", status=status.value, **facts, **held)


def put_batch(batch: str, status: BatchStatus, *paths: str) -> None:
    ended = {"ended": iso(NOW)} if status in FINAL else {}
    candidates = [[path, "v1"] for path in paths]
    put(
        "BatchesTable",
        dataset=NAME,
        item=batch_item(batch),
        status=status.value,
        candidates=candidates,
        opened=iso(NOW),
        **ended,
    )


def ends() -> dict[str, int | None]:
    rows = query(
        client("dynamodb"),
        TableName="BatchesTable",
        KeyConditionExpression="dataset = :d",
        ExpressionAttributeValues={":d": {"S": NAME}},
    )
    return {row["item"]: row.get("expires") for row in rows}


def test_a_batch_ends_if_it_is_final_and_no_unfinished_object_is_in_it(history: History):
    wanted = {}
    for n, (status, of, mine) in enumerate(itertools.product(BatchStatus, Status, (True, False))):
        batch, path = f"{n:026d}", f"raw/shop/orders/{n}"
        put_object(path, of, batch if mine else "another")
        put_object(f"{path}-done", Status.COMMITTED, batch)
        put_batch(batch, status, path, f"{path}-done", f"{path}-without-row")
        wanted[batch_item(batch)] = status in FINAL and not (mine and of in OPEN)
    assert history.give_ends(NAME) == sum(wanted.values())
    assert {item: end is not None for item, end in ends().items()} == wanted


def test_the_end_is_told_in_seconds_as_dynamodb_wants_it_and_does_not_move(history: History):
    put_batch("0" * 26, BatchStatus.COMMITTED)
    assert history.give_ends(NAME) == 1
    assert ends() == {batch_item("0" * 26): int((NOW + timedelta(days=90)).timestamp())}
    assert history.give_ends(NAME) == 0


def test_turns_end_and_neither_one_that_goes_on_nor_the_lock(history: History):
    turns = Turns(history.dynamodb, "BatchesTable", lambda: NOW)
    for status in TURN_ENDS:
        assert turns.open(NAME, f"upkeep-{status}")
        assert turns.end(NAME, f"upkeep-{status}", status)
    assert turns.open(NAME, "upkeep-runs")
    assert history.give_ends(NAME) == len(TURN_ENDS)
    without = {item for item, end in ends().items() if end is None}
    assert without == {"LOCK", "UPKEEP#upkeep-runs"}


def test_other_datasets_are_left_alone(history: History):
    put("BatchesTable", dataset="shop/orders2", item=batch_item("0" * 26), status="COMMITTED", ended=iso(NOW))
    assert history.give_ends(NAME) == 0


def test_more_rows_than_a_page_has_all_get_their_end(history: History):
    paths = [f"raw/shop/orders/{'x' * 900}{n}" for n in range(300)]
    for n in range(8):
        put_batch(f"{n:026d}", BatchStatus.COMMITTED, *paths)
    assert history.give_ends(NAME) == 8
    assert None not in ends().values()


def a_batch(status: BatchStatus) -> Batch:
    return Batch(NAME, "b", status, (), iso(NOW))


def test_a_batch_that_has_a_row_is_over_as_the_row_says():
    assert {status for status in BatchStatus if is_over(a_batch(status), str(ULID()), NOW)} == FINAL


@pytest.mark.parametrize(
    ("age", "over"),
    [
        (timedelta(0), False),
        (KEPT_AT_LEAST - timedelta(days=1), False),
        (KEPT_AT_LEAST + timedelta(seconds=1), True),
        (timedelta(days=-1), False),
    ],
)
def test_a_batch_whose_row_is_gone_is_over_if_its_row_may_have_expired(age: timedelta, over: bool):
    assert is_over(None, str(ULID.from_datetime(NOW - age)), NOW) is over


@pytest.mark.parametrize("name", ["", "01A", "of somebody else", "u" * 26, "7" + "Z" * 25, "Z" * 26])
def test_what_no_batch_is_called_is_never_over(name: str):
    assert not is_over(None, name, NOW)


def test_the_setting_keeps_rows_at_least_as_long_as_a_missing_one_is_taken_to_have_lived():
    assert timedelta(days=SETTINGS["batch-history-days"].at_least or 0) == KEPT_AT_LEAST
