"""What goes out of sight is what would change nothing in its table, for every history of versions and write mode."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog import ObjectRow, Status
from pipeline.lake.datasets.model import Table
from pipeline.operate.missing_rows import missing
from tests.examples import examples

TABLES = {
    "append": Table(),
    "replace": Table(write="replace"),
    "upsert": Table(write="upsert", key=("id",)),
    "overwrite": Table(write="overwrite"),
    "partitions": Table(write="overwrite", partition_by=("day",)),
}
Rows = frozenset[tuple[str, int]]
"""Of a file: the partition and the id of each row."""


@dataclass(frozen=True)
class Version:
    key: str
    order: str
    rows: Rows
    status: Status

    def as_row(self) -> ObjectRow:
        return ObjectRow(
            object=ObjectVersion("raw", f"shop/orders/{self.key}", f"v{self.order}"),
            status=self.status,
            dataset="shop/orders",
            generation=1,
            size=1,
            etag="",
            event_ms=0,
            sequencer=None,
            order=self.order,
            since="2026-01-01T00:00:00Z",
            checksum=f"of {sorted(self.rows)}",
            rows_out=len(self.rows),
        )


def in_table(mode: str, history: Iterable[Version]) -> Any:
    """The plain model: what the table has when everything committed is loaded in its order."""
    loaded = sorted((v for v in history if v.status is Status.COMMITTED), key=lambda v: v.order)
    if mode == "append":
        return {(v.key, v.rows) for v in loaded if v.rows}
    if mode == "replace":
        return {v.key: (v.order, v.rows) for v in loaded if v.rows}
    if mode == "upsert":
        return {id: v.order for v in loaded for _, id in sorted(v.rows)} | {
            ("content", id): v.rows for v in loaded for _, id in v.rows
        }
    if mode == "overwrite":
        return [(v.order, v.rows) for v in loaded if v.rows][-1:]
    return {day: (v.order, {row for row in v.rows if row[0] == day}) for v in loaded for day, _ in v.rows}


def histories(empty: bool) -> st.SearchStrategy[list[Version]]:
    rows = st.frozensets(st.tuples(st.sampled_from("ab"), st.integers(1, 3)), min_size=0 if empty else 1, max_size=3)
    some = st.tuples(st.sampled_from("kl"), rows, st.sampled_from([Status.COMMITTED, Status.FAILED]))
    made = st.lists(some, max_size=6)
    return made.map(lambda found: [Version(k, f"{n:03}", r, s) for n, (k, r, s) in enumerate(found)])


@pytest.mark.parametrize("mode", TABLES)
@settings(max_examples=examples(150))
@given(history=histories(empty=True))
def test_what_goes_out_of_sight_would_change_nothing_in_the_table(mode: str, history: list[Version]):
    shown = {row.order for row in missing([v.as_row() for v in history], {"shop/orders": TABLES[mode]})}
    for version in history:
        if version.status is Status.FAILED and version.order not in shown:
            with_it = [replace(v, status=Status.COMMITTED) if v is version else v for v in history]
            assert in_table(mode, with_it) == in_table(mode, history)


@pytest.mark.parametrize("mode", ["append", "replace", "overwrite"])
@settings(max_examples=examples(150))
@given(history=histories(empty=False))
def test_what_stays_in_sight_would_change_the_table_where_that_can_be_known(mode: str, history: list[Version]):
    shown = {row.order for row in missing([v.as_row() for v in history], {"shop/orders": TABLES[mode]})}
    for version in history:
        if version.status is Status.FAILED and version.order in shown:
            with_it = [replace(v, status=Status.COMMITTED) if v is version else v for v in history]
            assert in_table(mode, with_it) != in_table(mode, history)


@pytest.mark.parametrize(
    ("mode", "stays"),
    [("append", True), ("replace", False), ("upsert", True), ("overwrite", False), ("partitions", True)],
)
def test_a_failed_version_stays_in_sight_unless_the_newer_one_replaces_the_whole_table(mode, stays):
    old = Version("k", "1", frozenset({("a", 1)}), Status.FAILED)
    new = Version("k", "2", frozenset({("a", 2)}), Status.COMMITTED)
    shown = missing([old.as_row(), new.as_row()], {"shop/orders": TABLES[mode]})
    assert (old.as_row() in shown) == stays


@pytest.mark.parametrize("mode", TABLES)
def test_bad_rows_of_a_loaded_version_stay_in_sight_until_its_content_is_loaded_anew_or_replaced(mode):
    row = replace(Version("k", "1", frozenset({("a", 1)}), Status.COMMITTED).as_row(), rows_bad=2)
    assert missing([row], {"shop/orders": TABLES[mode]}) == [row]
    again = replace(row, order="2", rows_bad=0)
    assert missing([row, again], {"shop/orders": TABLES[mode]}) == [again]


def test_an_object_of_no_dataset_stays_in_sight():
    row = replace(Version("k", "1", frozenset(), Status.UNROUTED).as_row(), dataset=None, checksum=None)
    assert missing([row], {}) == [row]
