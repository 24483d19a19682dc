"""Which objects need attention, and which versions of one lack something in their table that nothing newer has made up
for. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from pipeline.lake import datasets
from pipeline.lake.catalog import ObjectRow, Status

if TYPE_CHECKING:
    from pipeline.lake.datasets.model import Table

TROUBLED = (Status.FAILED, Status.QUARANTINED, Status.UNROUTED)


def needs_attention(row: ObjectRow) -> bool:
    """Whether somebody has to look at an object: it is not in its table, or rows of it are not, or are there twice, and
    nobody has said that nothing is to be done. What is `missing` decides whether something newer has made up for it."""
    return row.dismissed is None and (row.status in TROUBLED or row.is_flawed)


def missing(rows: Iterable[ObjectRow], tables: Mapping[str, Table]) -> list[ObjectRow]:
    """`rows` without those that would change nothing in their table, if they were loaded now. `tables` is by dataset.

    A newer version of the same key is no reason by itself (PROTOCOL, Identity 3 and 4):
    append: each version is a delivery of its own. Only its very content, loaded as another version, stands for it.
    upsert, and overwrite of partitions: which rows or partitions a version has that a newer one has not, is not
    known before it is loaded. Only the same content, loaded as a newer version of its key, stands for it.
    replace: a newer version of the key that has rows and is loaded, replaces all of it.
    overwrite of the whole table: whatever newer object of the dataset has rows and is loaded, replaces all.
    """
    rows = list(rows)
    loaded = _Loaded(rows)
    return [row for row in rows if not loaded.stands_for(row, tables.get(row.dataset or "", datasets.Table()))]


class _Loaded:
    """What is in the tables: the newest order with rows of each dataset and key, and the orders of each content of a
    key."""

    def __init__(self, rows: Iterable[ObjectRow]) -> None:
        self._newest: dict[str, str] = {}
        self._versions: dict[str, str] = {}
        self._contents: dict[tuple[str, str], list[str]] = defaultdict(list)
        for row in rows:
            if row.status is not Status.COMMITTED:
                continue
            if row.dataset and row.good:
                self._newest[row.dataset] = max(row.order, self._newest.get(row.dataset, ""))
                self._versions[row.object.path] = max(row.order, self._versions.get(row.object.path, ""))
            if row.checksum:
                self._contents[row.object.path, row.checksum].append(row.order)

    def stands_for(self, row: ObjectRow, table: Table) -> bool:
        if table.is_replaced_whole:
            return row.order < self._newest.get(row.dataset or "", "")
        if table.write == "replace":
            return row.order < self._versions.get(row.object.path, "")
        same = self._contents[row.object.path, row.checksum] if row.checksum else []
        # What is loaded itself, with bad rows, needs a newer one to make up for them.
        is_any_enough = table.write == "append" and row.status is not Status.COMMITTED
        return any(is_any_enough or row.order < order for order in same)
