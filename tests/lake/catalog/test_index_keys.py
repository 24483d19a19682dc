"""The indexes hold of every history what a read of the whole table says."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.core.clients import client
from pipeline.core.events.s3 import ObjectCreated, ObjectDeleted
from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog import Catalog, ObjectRow, Status
from pipeline.lake.catalog.rows import FINISHED, OPEN
from pipeline.lake.datasets import DatasetName
from tests.examples import examples

from .happenings import STEPS, do, emptied

NAMES = [DatasetName("shop", "orders"), DatasetName("shop", "items")]
Steps = list[tuple[int, str]]
histories = st.lists(st.tuples(st.integers(0, 5), st.sampled_from(STEPS)), max_size=30)


class Lake:
    """A catalog to which anything may happen, whose clock moves at each write."""

    def __init__(self) -> None:
        ticks = itertools.count()
        begin = datetime(2026, 1, 1, tzinfo=UTC)
        self.catalog = Catalog(client("dynamodb"), "ObjectsTable", lambda: begin + timedelta(seconds=next(ticks)))
        self.events = [
            ObjectCreated(ObjectVersion("raw", f"{NAMES[n % 2]}/{n // 4}.csv", f"v{n}"), 1, "e", n, f"{n:02X}")
            for n in range(6)
        ]
        for event, name in zip(self.events, itertools.cycle(NAMES)):
            self.catalog.register(event, name)
        self.catalog.mark_deleted(ObjectDeleted(ObjectVersion("raw", f"{NAMES[0]}/0.csv", "d"), 9, "FF"))
        self.catalog.leave_unrouted(ObjectCreated(ObjectVersion("raw", "no/where", "v"), 1, "e", 9, "FF"), "no dataset")

    def do(self, n: int, step: str) -> None:
        checksum = "same" if n % 3 else f"{n}"
        do(self.catalog, self.events[n].object, NAMES[n % 2], step, checksum=checksum, once=n < 4)


@pytest.fixture
def made(catalog_tables: dict[str, str]) -> Any:
    """A fresh lake: no row is left of the one before."""

    def make(history: Steps) -> Lake:
        emptied("ObjectsTable")
        lake = Lake()
        for step in history:
            lake.do(*step)
        return lake

    return make


SEVERAL = settings(
    max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def to_be_looked_at(row: ObjectRow) -> bool:
    return row.is_flawed and (row.dismissed is None or row.status in OPEN)


@SEVERAL
@given(history=histories)
def test_every_row_is_found_once_under_its_status_or_with_the_flawed(made, history):
    catalog: Catalog = made(history).catalog
    for name in map(str, NAMES):
        rows = list(catalog.all(name))
        flawed = {place.object: place.status for place in catalog.flawed(name)}
        assert flawed == {row.object: row.status for row in rows if to_be_looked_at(row)}
        finished = [row for row in rows if row.status in FINISHED and row.object not in flawed]
        assert catalog.count_finished(name) == Counter(row.status for row in finished)
        for status in FINISHED:
            found = [(place.object, place.since) for place in catalog.finished(name, status, 2)]
            newest = sorted((r for r in finished if r.status is status), key=lambda row: row.since, reverse=True)
            assert found == [(row.object, row.since) for row in newest]
        unfinished = {(p.object, p.status, p.since) for p in catalog.unfinished(DatasetName.parse(name))}
        assert unfinished == {(row.object, row.status, row.since) for row in rows if row.status in OPEN}
    everything = {(place.object, place.dataset) for place in catalog.unfinished()}
    assert everything == {(row.object, row.dataset) for row in catalog.all() if row.status in OPEN}


def test_delete_markers_are_counted_of_all_and_of_one_prefix(made):
    catalog: Catalog = made([]).catalog
    catalog.mark_deleted(ObjectDeleted(ObjectVersion("raw", "shop/ordersx/a.csv", "d"), 9, "FF"))
    assert (catalog.count_deleted(), catalog.count_deleted("raw/shop/orders/")) == (2, 1)
    assert len(list(catalog.finished(None, Status.DELETE_MARKER, 1))) == 2


def test_what_is_said_of_an_objects_rows_is_of_one_passage_through_the_lake(made):
    lake = made([(0, "stage with bad rows"), (0, "claim"), (0, "fail")])
    assert lake.catalog.get(lake.events[0].object).bad == 3
    lake.do(0, "send again")
    row = lake.catalog.get(lake.events[0].object)
    assert (row.status, row.rows_in, row.rows_out, row.bad) == (Status.REGISTERED, None, None, 0)
