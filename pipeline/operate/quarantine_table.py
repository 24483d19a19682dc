"""Rows that were set aside of a dataset's objects, as a table that queries can read: `quarantine.team.dataset`."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pipeline.core.clients import client
from pipeline.lake.catalog import ObjectRow
from pipeline.lake.services import Lake
from pipeline.operate.set_aside import folder_of

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_ROWS = 5000
_COLUMN = re.compile(r"(?:^|; )(?:key )?column ([a-z0-9_]+)\b")


class QuarantinedRows:
    """The rows, for DuckDB: each time it asks, a new stream of Arrow batches. Files that have expired have no rows.

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

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        import pyarrow as pa

        return pa.RecordBatchReader.from_batches(self.schema, self._batches()).__arrow_c_stream__(requested_schema)

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
        by_batch: dict[str, dict[str, ObjectRow]] = defaultdict(dict)
        places = self._lake.catalog.flawed(self._dataset)
        for row in self._lake.catalog.get_many([place.object for place in places]):
            if row.bad_rows_uri:
                yield from (_as_row(row, "A", line, line.get("raw")) for line in _lines(row.bad_rows_uri))
            if row.rows_set_aside and row.batch:
                by_batch[row.batch][row.id] = row
        for batch, rows in by_batch.items():
            yield from self._of_batch(batch, rows)

    def _of_batch(self, batch: str, rows: dict[str, ObjectRow]) -> Iterator[dict[str, Any]]:
        folder = folder_of(self._lake, next(iter(rows.values())), self._lake.batches.get(self._dataset, batch))
        if folder is None:
            return
        bucket, _, prefix = folder.removeprefix("s3://").partition("/")
        pages = client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
        for part in (part for page in pages for part in page.get("Contents", ())):
            for line in _lines(f"s3://{bucket}/{part['Key']}"):
                if row := rows.get(str(line.get("object"))):
                    raw = json.dumps(line.get("row"), ensure_ascii=False)
                    yield _as_row(row, "B", line, raw)


def _lines(uri: str) -> Iterator[dict[str, Any]]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    s3 = client("s3")
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
    except s3.exceptions.ClientError as error:
        if error.response.get("Error", {}).get("Code") in ("NoSuchKey", "404"):
            return
        raise
    with answer["Body"] as body:
        yield from map(json.loads, body)


def _as_row(row: ObjectRow, stage: str, line: dict[str, Any], raw: str | None) -> dict[str, Any]:
    reason = str(line.get("reason"))
    column = _COLUMN.search(reason)
    return {
        "object": row.object.uri,
        "version": row.object.version_id,
        "status": row.status.value,
        "batch": row.batch,
        "stage": stage,
        "line": line.get("line"),
        "column": column[1] if column else None,
        "reason": reason,
        "raw": raw,
    }
