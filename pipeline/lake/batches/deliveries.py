"""What of the keys of a batch is in its table already, where each version of a key is a delivery of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.lake.catalog import Catalog, ObjectRow, Status

if TYPE_CHECKING:
    from pipeline.lake.datasets.model import Dataset

VERSIONS = 5
"""So many of a key, the newest: what a file brings again that was dropped anew is mostly what its last version had."""


def loaded_before(catalog: Catalog, dataset: Dataset, rows: Sequence[ObjectRow]) -> list[ObjectRow]:
    """The last versions of the keys of `rows` that an `append` table has rows of: what a batch may repeat.

    One question for each key that has several versions, and none where no key has.
    """
    if dataset.table.write != "append":
        return []
    paths = sorted({row.object.path for row in rows if row.shares_key})
    return [row for path in paths for row in _loaded(catalog.history(path))]


def _loaded(versions: Sequence[ObjectRow]) -> list[ObjectRow]:
    found = [row for row in versions if row.status is Status.COMMITTED and row.good and row.staged]
    return sorted(found, key=lambda row: row.order)[-VERSIONS:]
