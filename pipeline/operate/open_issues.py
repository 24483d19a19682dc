"""Which objects somebody has to look at, found by the indexes of the catalog and not by reading all of it.

`missing` decides, from the rows in question and those that may stand for them: other versions of their keys, and what
was loaded into a table that is replaced whole.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from pipeline.core.clock import iso
from pipeline.core.objects import event_ms_of
from pipeline.lake import datasets
from pipeline.lake.catalog import ObjectRow, Status
from pipeline.lake.datasets import DatasetName
from pipeline.lake.datasets.registry import Tables
from pipeline.lake.services import Lake
from pipeline.operate.catalog_state import Standing, belongs_to, standing
from pipeline.operate.missing_rows import TROUBLED, missing, needs_attention

if TYPE_CHECKING:
    from pipeline.lake.datasets.model import Table

STUCK_S = 3600
"""An object that Stage A has had for this long is shown as one that needs attention."""
PAGE = 25
"""Loaded objects that are read at a time, to find one that stands for others: mostly it is the newest."""
CLOCKS_APART = timedelta(days=1)
"""S3's clock and that of the lake are no further apart. A guess on the safe side, which costs nothing."""


def needing(lake: Lake, dataset: DatasetName) -> list[ObjectRow]:
    """The objects of a dataset that need attention, or that would be its if it were registered."""
    registered = lake.registry.all()
    tables = Tables(registered)
    rows = to_look_at(lake, standing(lake, dataset, [r.name for r in registered]), tables)
    return [row for row in missing(rows, tables) if needs_attention(row) and belongs_to(row, dataset)]


def to_look_at(lake: Lake, found: Standing, tables: Mapping[str, Table]) -> list[ObjectRow]:
    """Rows of which `missing` and `needs_attention` tell what they would of the whole catalog, the oldest first.
    `tables` is by dataset."""
    late = iso(lake.clock() - timedelta(seconds=STUCK_S))
    stuck = {Status.REGISTERED}
    open_ = (p for p in found.unfinished if p.status in TROUBLED or (p.status in stuck and p.since <= late))
    objects = dict.fromkeys(place.object for place in (*open_, *found.flawed))
    rows = {row.object: row for row in lake.catalog.get_many(list(objects))}
    rows |= {row.object: row for row in _standing_for(lake, list(rows.values()), tables)}
    return sorted(rows.values(), key=lambda row: row.order)


def left_over(lake: Lake, rows: Sequence[ObjectRow], tables: Mapping[str, Table]) -> list[ObjectRow]:
    """Those of `rows`, any of the catalog, at which somebody has to look: the same that are counted as attention."""
    late = iso(lake.clock() - timedelta(seconds=STUCK_S))
    open_ = [row for row in rows if needs_attention(row) or (row.status is Status.REGISTERED and row.since <= late)]
    beside = {row.object: row for row in _standing_for(lake, open_, tables)}
    lacking = {row.object for row in missing({**beside, **{row.object: row for row in open_}}.values(), tables)}
    return [row for row in open_ if row.object in lacking]


def is_missing(lake: Lake, row: ObjectRow, versions: Iterable[ObjectRow], table: Table) -> bool:
    """Whether an object needs attention, for one who has the `versions` of its key.

    The definition is that of all lists. Where a whole table is replaced, an object of another key may stand for it.
    """
    if not needs_attention(row):
        return False
    beside = _loaded(lake, row.dataset, [row]) if row.dataset and table.is_replaced_whole else versions
    return row in missing([row, *(other for other in beside if other != row)], {row.dataset or "": table})


def _standing_for(lake: Lake, rows: list[ObjectRow], tables: Mapping[str, Table]) -> Iterator[ObjectRow]:
    """What may stand for those of `rows` that are told of, by the rules of `missing`."""
    whole: dict[str, list[ObjectRow]] = defaultdict(list)
    keys: set[str] = set()
    for row in rows:
        table = tables.get(row.dataset or "", datasets.Table())
        if not (row.dataset and (needs_attention(row) or row.status is Status.REGISTERED)):
            continue
        if table.is_replaced_whole:
            whole[row.dataset].append(row)
        elif row.shares_key and (row.checksum or table.write == "replace"):
            keys.add(row.object.path)
    for key in keys:
        yield from lake.catalog.history(key)
    for dataset, some in whole.items():
        yield from _loaded(lake, dataset, some)


def _loaded(lake: Lake, dataset: str, rows: list[ObjectRow]) -> Iterator[ObjectRow]:
    """Loaded objects of a dataset, those first that were loaded last, until one stands for all of `rows` or none can.

    An object is loaded after its event, by which it is ordered: what was loaded before the event of another is older.
    """
    first, last = min(row.order for row in rows), max(row.order for row in rows)
    since = iso(datetime.fromtimestamp(event_ms_of(first) / 1000, UTC) - CLOCKS_APART)
    flawed = (place for place in lake.catalog.flawed(dataset) if place.status is Status.COMMITTED)
    unflawed = lake.catalog.finished(dataset, Status.COMMITTED, PAGE)
    places = heapq.merge(unflawed, flawed, key=lambda place: place.since, reverse=True)
    recent = takewhile(lambda place: place.since >= since, places)
    while some := list(islice(recent, PAGE)):
        # One that somebody dismisses meanwhile may be seen in both places.
        found = lake.catalog.get_many(list(dict.fromkeys(place.object for place in some)))
        yield from found
        if any(row.status is Status.COMMITTED and row.good and row.order > last for row in found):
            return
