"""What stands in a table that whole objects replace, by whatever key."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.batches.records import BatchStatus, candidates_of
from pipeline.catalog import ObjectRow
from pipeline.datasets.model import Table
from pipeline.views.attention import needs_attention
from pipeline.views.missing import missing
from pipeline.wiring import Lake

BATCHES = 20
"""The last ones of a dataset, among which the one is looked for that wrote what stands."""


def is_missing(lake: Lake, row: ObjectRow, versions: Iterable[ObjectRow], table: Table) -> bool:
    """Whether an object needs attention, for one who has the `versions` of its key and not the whole catalog.

    The definition is that of all lists. Where a whole table is replaced, an object of another key may stand for it.
    """
    if not needs_attention(row):
        return False
    beside = _last_loaded(lake, row.dataset) if row.dataset and table.is_replaced_whole else []
    return row in missing([row, *(each for each in (*versions, *beside) if each != row)], {row.dataset or "": table})


def _last_loaded(lake: Lake, dataset: str) -> list[ObjectRow]:
    """The objects of the last batch that wrote rows: one that comes late writes none (PROTOCOL, Identity 4)."""
    for batch in lake.batches.newest(dataset, BATCHES):
        if batch.status is BatchStatus.COMMITTED and batch.write and batch.write.rows:
            return lake.catalog.get_many(candidates_of(batch))
    return []
