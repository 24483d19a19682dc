"""The target is compared with the source by day, and each kind of difference is told."""

from __future__ import annotations

from datetime import date
from typing import Any

import psycopg
import pytest

from pipeline.core.clients import client
from pipeline.feeds.imports.comparison import day_column
from pipeline.feeds.imports.in_place import InPlace
from pipeline.feeds.imports.jobs import Job
from tests.feeds.contracts import feed, item, record
from tests.feeds.test_history import decoder, empty_table
from tests.feeds.test_writer import migrated, write


@pytest.fixture
def job(aws: None, target: psycopg.Connection[Any]) -> Job:
    dynamodb = empty_table()
    for number in range(6):
        booked = {"S": f"2026-03-0{number // 2 + 1}T23:30:00-02:00"}
        dynamodb.put_item(TableName="transactions", Item=item(f"t{number}", booked=booked, amount={"N": "1.5E1"}))
    contract = migrated(target)
    return Job(contract, target, decoder(contract), units=1e9, sleep=lambda seconds: None)


def test_what_was_imported_agrees_by_day(job: Job):
    way = InPlace(job)
    assert way.estimate().items == 6
    assert way.estimate().within_retention
    last = list(way.run())[-1]
    assert (last.items, last.done) == (6, last.parts)
    found = way.compare()
    assert found.agrees
    assert [(day.day, day.source_rows, day.agrees) for day in found.days] == [
        (date(2026, 3, number), 2, True) for number in (2, 3, 4)
    ]


def test_each_difference_is_told(job: Job, target: psycopg.Connection[Any]):
    way = InPlace(job)
    list(way.run())
    target.execute("DELETE FROM sluice_feeds.bi_transactions WHERE transaction_id = 't0'")
    target.execute("UPDATE sluice_feeds.bi_transactions SET area = 'XX' WHERE transaction_id = 't1'")
    client("dynamodb").delete_item(TableName="transactions", Key={"id": {"S": "t2"}})
    client("dynamodb").put_item(TableName="transactions", Item=item("bad", amount={"N": "1.234"}))
    write(target, job.feed, record(9, "t3", amount={"N": "7"}), record(10, "t9", event="REMOVE"))
    found = way.compare()
    assert not found.agrees
    # What the stream wrote before the source was read is no excuse.
    assert (found.missing, found.different, found.surplus, found.in_motion, found.refused) == (1, 2, 1, 0, 1)
    # The last day is the one that the row of t3 has, and should not have.
    assert [(day.day.day, day.wrong) for day in found.days if day.day] == [(2, 2), (3, 2), (4, 0), (1, 1)]
    assert sum(day.source_rows for day in found.days) == 5
    assert sum(day.target_rows for day in found.days) == 5
    assert [day.agrees for day in found.days].count(True) == 1


def test_the_day_is_of_a_time_that_is_kept():
    assert day_column(feed()) == "booked_at"
    columns: dict[str, Any] = {"transaction_id": {"from": "id"}, "month": {"type": "date", "generalise": "month"}}
    assert day_column(feed(columns=columns)) == "month"
    assert day_column(feed(columns={"transaction_id": {"from": "id"}})) is None
