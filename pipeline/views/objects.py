"""Objects as the catalog knows them: found, and each with its whole story."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from pipeline.batches.records import Batch
from pipeline.catalog import ObjectRow, Status
from pipeline.catalog.rows import OPEN
from pipeline.clock import iso
from pipeline.datasets import DatasetName
from pipeline.datasets.model import Table
from pipeline.errors import Refused
from pipeline.objects import ObjectVersion, event_ms_of
from pipeline.views.advice import advice
from pipeline.views.batches import verdict_json
from pipeline.views.jsonl import Lines, lines_from
from pipeline.views.set_aside import folder_of, set_aside
from pipeline.wiring import Lake

BAD_ROWS_SHOWN = 5
_ALL = 1_000_000


def find(lake: Lake, dataset: str | None, status: Status | None) -> Iterable[ObjectRow]:
    """Unfinished objects of one dataset stand in an index; anything else reads the whole catalog."""
    if dataset and status in OPEN and status is not Status.UNROUTED:
        return lake.catalog.get_many([obj for obj, _ in lake.catalog.waiting(dataset, status, _ALL)])
    if dataset and status is Status.UNROUTED:
        return lake.catalog.get_many(list(lake.catalog.unrouted(DatasetName.parse(dataset))))
    return lake.catalog.all(dataset, status)


def newest(rows: Iterable[ObjectRow], limit: int) -> tuple[list[ObjectRow], int]:
    """The `limit` rows that changed last, and how many there were; holds no more than those at a time."""
    total = 0

    def counting() -> Iterable[ObjectRow]:
        nonlocal total
        for row in rows:
            total += 1
            yield row

    newest = heapq.nlargest(limit, counting(), key=lambda row: (row.since, row.order))
    return newest, total


def versions(lake: Lake, obj: ObjectVersion) -> list[ObjectRow]:
    """The versions of a key that the catalog knows, newest first."""
    return sorted(lake.catalog.history(obj.path), key=lambda row: row.order, reverse=True)


def chosen(rows: list[ObjectRow], version: str | None) -> list[ObjectRow]:
    """All of a key's versions, or the one named. `Refused` where it is not one of them."""
    found = [row for row in rows if version in (None, row.object.version_id)]
    if rows and not found:
        known = ", ".join(row.object.version_id for row in rows)
        raise Refused(f"{rows[0].object.uri} has no version {version}", hint=f"The catalog has {known}.")
    return found


def row_json(row: ObjectRow) -> dict[str, Any]:
    """An object as programs get it."""
    facts = ("dataset", "since", "generation", "size", "etag", "sequencer", "order", "reason", "hint", "duplicate_of")
    more = ("checksum", "staged", "bad_rows_uri", "rows_set_aside", "rows_repeated", "batch", "execution")
    return {
        "uri": row.object.uri,
        "bucket": row.object.bucket,
        "key": row.object.key,
        "version_id": row.object.version_id,
        "id": row.object.digest,
        "status": row.status.value,
        "event_time": iso(datetime.fromtimestamp(event_ms_of(row.order) / 1000, UTC)),
        **{name: getattr(row, name) for name in (*facts, *more)},
        **rows_of(row),
        "dismissed": dict(zip(("at", "by", "why"), row.dismissed, strict=True)) if row.dismissed else None,
        "history": [{"status": status, "at": at} for status, at in row.history],
    }


def rows_of(row: ObjectRow) -> dict[str, int | None]:
    """Its rows as people count them, whoever set some aside: those in are those out and those bad."""
    return {"rows_in": row.rows_in, "rows_out": row.good, "rows_bad": None if row.rows_bad is None else row.bad}


def batch_of(lake: Lake, row: ObjectRow) -> Batch | None:
    return lake.batches.get(row.dataset, row.batch) if row.dataset and row.batch else None


def table_of(lake: Lake, row: ObjectRow) -> Table:
    """What the object's dataset says of its table; the default if there is no such dataset."""
    return tables_of(lake, [row]).get(row.dataset or "", Table())


def tables_of(lake: Lake, rows: Iterable[ObjectRow]) -> dict[str, Table]:
    """The same for each dataset of `rows` that is registered, by its name. One question for all."""
    names = {DatasetName.parse(row.dataset) for row in rows if row.dataset}
    found = lake.registry.get_many(names) if names else {}
    return {str(name): registration.dataset.table for name, registration in found.items()}


def account(row: ObjectRow, table: Table, batch: Batch | None) -> dict[str, Any]:
    """What there is to tell of a version but for its bad rows."""
    return {
        **row_json(row),
        "todo": advice(row, table),
        "batch_status": batch.status.value if batch else None,
        "batch_error": batch.error if batch else None,
        "verdict": verdict_json(batch) if batch else None,
    }


def story(lake: Lake, row: ObjectRow, table: Table) -> dict[str, Any]:
    batch = batch_of(lake, row)
    return {**account(row, table, batch), "bad_rows": bad_rows(row, folder_of(lake, row, batch))}


def bad_rows(row: ObjectRow, folder: str | None, limit: int = BAD_ROWS_SHOWN) -> list[dict[str, Any]]:
    """The first bad rows that were set aside, `{line, reason, raw}`, those that its batch put into `folder` before
    Stage A's; [] if there are none or they have expired."""
    found = set_aside(folder, row, limit)
    return [*found, *bad_rows_from(row, 0, limit - len(found)).rows] if len(found) < limit else found


def bad_rows_from(row: ObjectRow, start: int, limit: int) -> Lines:
    """At most `limit` bad rows, `{line, reason, raw}`, from the byte `start` of their file on."""
    return lines_from(row.bad_rows_uri, start, limit) if row.bad_rows_uri else Lines([])
