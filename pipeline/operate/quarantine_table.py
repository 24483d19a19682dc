"""Rows that were set aside of a dataset's objects, as a table that queries can read: `quarantine.team.dataset`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pipeline.lake.services import Lake
from pipeline.operate.arrow_rows import ArrowRows
from pipeline.operate.rows_aside import Aside, rows_aside

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_ROWS = 5000
_COLUMN = re.compile(r"(?:^|; )(?:key )?column ([a-z0-9_]+)\b")


class QuarantinedRows(ArrowRows):
    """The rows. Files that have expired have no rows.

    `stage` is A for rows that could not be read as the contract says, B for those that the table could not take.
    Objects that somebody dismissed are left out, as they are everywhere.
    """

    def __init__(self, lake: Lake, dataset: str) -> None:
        self._lake = lake
        self._dataset = dataset

    @cached_property
    def schema(self) -> pa.Schema:
        """Text but for `line`, the source line where the row starts, or its number; `column` is null where the reason
        is about the row."""
        import pyarrow as pa

        text = ("object", "version", "status", "batch", "stage", "column", "reason", "raw")
        fields = {**dict.fromkeys(text, pa.string()), "line": pa.int64()}
        order = ("object", "version", "status", "batch", "stage", "line", "column", "reason", "raw")
        return pa.schema([(name, fields[name]) for name in order])

    def _batches(self) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        waiting: list[dict[str, Any]] = []
        for row in self._rows():
            waiting.append(row)
            if len(waiting) == _BATCH_ROWS:
                yield pa.RecordBatch.from_pylist(waiting, self.schema)
                waiting = []
        yield pa.RecordBatch.from_pylist(waiting, self.schema)

    def _rows(self) -> Iterator[dict[str, Any]]:
        places = self._lake.catalog.flawed(self._dataset)
        owners = self._lake.catalog.get_many([place.object for place in places])
        return map(_as_row, rows_aside(self._lake, owners))


def _as_row(aside: Aside) -> dict[str, Any]:
    owner, row = aside.owner, aside.row
    column = _COLUMN.search(row.reason)
    return {
        "object": owner.object.uri,
        "version": owner.object.version_id,
        "status": owner.status.value,
        "batch": owner.batch,
        "stage": aside.stage,
        "line": row.line,
        "column": column[1] if column else None,
        "reason": row.reason,
        "raw": row.raw,
    }
