"""What is found by the indexes is what a read of the whole catalog would tell, for every history and write mode."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipeline.core.clock import epoch_ms
from pipeline.core.events.s3 import ObjectCreated, ObjectDeleted
from pipeline.core.objects import ObjectVersion
from pipeline.core.settings import Settings
from pipeline.lake.catalog import ObjectRow, Status
from pipeline.lake.datasets import Dataset, DatasetName
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from pipeline.operate.attention import of_objects, troubles
from pipeline.operate.catalog_state import belongs_to, counts, standing
from pipeline.operate.missing_rows import missing, needs_attention
from pipeline.operate.objects import listed
from pipeline.operate.open_issues import is_missing, needing
from tests.examples import examples
from tests.lake.catalog.happenings import STEPS, do, emptied

MODES: dict[str, dict[str, Any]] = {
    "append": {"write": "append"},
    "replace": {"write": "replace"},
    "upsert": {"write": "upsert", "key": ["id"]},
    "overwrite": {"write": "overwrite"},
    "partitions": {"write": "overwrite", "partition_by": ["id"]},
}
KEYS = ("a.csv", "b.csv")
LISTED = (None, Status.COMMITTED, Status.STAGED, Status.UNROUTED, Status.DELETE_MARKER)
steps = st.one_of(
    st.tuples(st.just("drop"), st.integers(0, 1)),
    st.tuples(st.just("load"), st.integers(0, 6)),
    st.tuples(st.sampled_from(STEPS), st.integers(0, 6)),
)
histories = st.lists(steps, min_size=4, max_size=14)
SEVERAL = settings(
    max_examples=examples(8),
    deadline=None,
    # A history that fails is short as it is, and shrinking it takes minutes.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


class Shop:
    """A lake with one dataset, to which a history happens in the course of weeks."""

    def __init__(self, mode: str) -> None:
        emptied("ObjectsTable")
        ticks, begin = itertools.count(), datetime(2026, 1, 1, tzinfo=UTC)
        self.now = begin

        def clock() -> datetime:
            self.now = begin + timedelta(hours=next(ticks))
            return self.now

        tables = {Setting.OBJECTS_TABLE: "ObjectsTable", Setting.DATASETS_TABLE: "DatasetsTable"}
        self.lake = Lake(Settings({**tables, Setting.RAW_BUCKET: "raw"}, "the test"), clock)
        columns = {"format": "csv", "columns": {"id": "bigint"}}
        definition = {"team": "shop", "dataset": "orders", "stage_a": columns, "table": MODES[mode]}
        self.registration = Registration.of(Dataset.model_validate(definition), "queue", "dead", "t.t")
        self.name: DatasetName = self.registration.name
        self.lake.registry.put(self.registration)
        self.objects: list[ObjectVersion] = []
        other = DatasetName("other", "things")
        for n, key in enumerate(("other/things/x.csv", "shop/orders/gone.csv", "shop/orders/early.csv", "shop/orders")):
            obj = ObjectVersion("raw", key, "v")
            if n == 1:
                self.lake.catalog.mark_deleted(ObjectDeleted(obj, epoch_ms(begin), "FF"))
            else:
                self.lake.catalog.leave_unrouted(ObjectCreated(obj, 1, "e", epoch_ms(begin), "0A"), f"no {other}")

    def drop(self, key: str) -> None:
        obj = ObjectVersion("raw", f"{self.name}/{key}", f"v{len(self.objects)}")
        event = ObjectCreated(obj, 1, "e", epoch_ms(self.now), f"{len(self.objects):02X}")
        assert self.lake.catalog.register(event, self.name)
        self.objects.append(obj)

    def happens(self, step: str, n: int) -> None:
        if step == "drop" or not self.objects:
            self.drop(KEYS[n % 2])
            return
        once = self.registration.dataset.table.write == "append"
        place = n % len(self.objects)
        do(self.lake.catalog, self.objects[place], self.name, step, checksum=f"c{place % 2}", once=once)

    def rows(self, dataset: DatasetName | None) -> list[ObjectRow]:
        """As a read of the whole table has them."""
        rows = (row for row in self.lake.catalog.all() if dataset is None or belongs_to(row, dataset))
        return sorted(rows, key=lambda row: row.order)


def after(mode: str, history: list[tuple[str, int]]) -> Shop:
    shop = Shop(mode)
    for step, n in history:
        shop.happens(step, n)
    return shop


@pytest.mark.parametrize("mode", MODES)
@SEVERAL
@given(history=histories)
def test_what_needs_attention_is_what_the_whole_catalog_tells(catalog_tables, mode, history):
    shop = after(mode, history)
    lake, tables = shop.lake, {str(shop.name): shop.registration.dataset.table}
    for dataset in (None, shop.name):
        found = standing(lake, dataset, [shop.name])
        rows = shop.rows(dataset)
        assert troubles(lake, found, [shop.registration], []) == of_objects(rows, tables, shop.now)
        statuses: dict[Any, Counter[str]] = {str(shop.name): Counter()}
        for row in rows:
            statuses.setdefault(row.dataset, Counter())[row.status.value] += 1
        assert counts(lake, found) == statuses
    rows = shop.rows(shop.name)
    whole = {row.object for row in missing(rows, tables) if needs_attention(row)}
    assert {row.object for row in needing(lake, shop.name)} == whole
    for row in rows:
        if row.dataset:
            versions = [other for other in rows if other.object.path == row.object.path]
            assert is_missing(lake, row, versions, tables[row.dataset]) == (row.object in whole)


@SEVERAL
@given(history=histories, limit=st.integers(1, 12))
def test_objects_are_listed_newest_first_and_counted(catalog_tables, history, limit):
    shop = after("append", history)
    rows = sorted(shop.lake.catalog.all(), key=lambda row: row.since, reverse=True)
    for dataset, status in itertools.product((None, shop.name), LISTED):
        mine = [row for row in rows if status in (None, row.status)]
        if dataset:
            of_none = status is Status.UNROUTED
            mine = [row for row in mine if (belongs_to(row, dataset) if of_none else row.dataset == str(dataset))]
        assert listed(shop.lake, dataset, status, limit) == (mine[:limit], len(mine))


def test_what_is_newest_in_a_table_replaced_whole_is_found_among_many_that_are_not(catalog_tables):
    """The newest order was loaded first: what came late has changed last."""
    shop = Shop("overwrite")
    for _ in range(40):
        shop.drop(KEYS[0])
    shop.happens("fail", 30)
    for place in (39, *range(30), *range(31, 39)):
        shop.happens("load" if place in (39, 7) else "load without rows", place)
    assert needing(shop.lake, shop.name) == [shop.lake.catalog.get(ObjectVersion("raw", "shop/orders/early.csv", "v"))]
