"""Rows that were set aside of an object: by Stage A in a file of its own, by its batch among those of others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.core.clients import client
from pipeline.core.objects import set_aside_folder
from pipeline.lake.batches.records import Batch
from pipeline.lake.catalog import ObjectRow
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from pipeline.operate.jsonl import lines_from

PARTS, LINES = 20, 1000
"""Files of a run, and lines of each, that are looked through for rows of one object."""


def folder_of(lake: Lake, row: ObjectRow, batch: Batch | None) -> str | None:
    """Where the job of its `batch` put rows of the object that it could not load; None if it did not."""
    if not row.rows_set_aside or batch is None or batch.write is None:
        return None
    return set_aside_folder(lake.settings[Setting.QUARANTINE_BUCKET], batch.dataset, batch.id, batch.write.run)


def set_aside(folder: str | None, row: ObjectRow, limit: int) -> list[dict[str, Any]]:
    """The first rows in `folder` that are the object's, `{line, reason, raw}`; [] if there are none or they have
    expired."""
    found = [_as_bad_row(line) for line in _lines(folder) if line.get("object") == row.id] if folder else []
    return found[:limit]


def _lines(folder: str) -> Iterator[dict[str, Any]]:
    bucket, _, key = folder.removeprefix("s3://").partition("/")
    listed = client("s3").list_objects_v2(Bucket=bucket, Prefix=f"{key}/", MaxKeys=PARTS)
    for part in listed.get("Contents", []):
        yield from lines_from(f"s3://{bucket}/{part['Key']}", 0, LINES).rows


def _as_bad_row(line: dict[str, Any]) -> dict[str, Any]:
    return {"line": line.get("line"), "reason": line.get("reason"), "raw": line.get("row")}
