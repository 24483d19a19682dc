"""Objects as the catalog knows them: found, and each with its whole story."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from pipeline.core.clock import iso
from pipeline.core.errors import Refused
from pipeline.core.objects import ObjectVersion, event_ms_of
from pipeline.lake import datasets
from pipeline.lake.batches.records import Batch
from pipeline.lake.catalog import ObjectRow, Status
from pipeline.lake.catalog.rows import FINISHED
from pipeline.lake.datasets import DatasetName
from pipeline.lake.datasets.registry import Tables
from pipeline.lake.services import Lake
from pipeline.operate.advice import advice
from pipeline.operate.batches import verdict_json
from pipeline.operate.catalog_state import counts, standing
from pipeline.operate.jsonl import Lines, lines_from
from pipeline.operate.set_aside import folder_of, set_aside
from pipeline.operate.waiting_deliveries import what_it_waits_for

if TYPE_CHECKING:
    from pipeline.lake.datasets.model import Table

BAD_ROWS_SHOWN = 5
PAGE = 1000
"""Entries of an index that are read at a time."""


def listed(lake: Lake, dataset: DatasetName | None, status: Status | None, limit: int) -> tuple[list[ObjectRow], int]:
    """The `limit` objects that changed last, of one dataset or status where given, and how many there are.

    Of a dataset those are told that it has; what it would have, if it were registered, only as UNROUTED.
    """
    found = standing(lake, dataset, [r.name for r in lake.registry.all()])
    has_one = dataset is not None and status is not Status.UNROUTED
    numbers = {name: of_it for name, of_it in counts(lake, found).items() if name or not has_one}
    wanted = [status] if status else list(Status)
    total = sum(of_it[each.value] for of_it in numbers.values() for each in wanted)
    known = (p for p in found.known if p.status in wanted and (p.dataset or not has_one))
    finished = (
        islice(lake.catalog.finished(name, each, min(limit, PAGE)), limit)
        for name, of_it in numbers.items()
        for each in wanted
        if each in FINISHED and of_it[each.value]
    )
    places = heapq.nlargest(limit, chain(known, *finished), key=lambda p: (p.since, p.object.digest))
    objects = list(dict.fromkeys(place.object for place in places))
    rows = [row for row in lake.catalog.get_many(objects) if row.status in wanted]
    return sorted(rows, key=lambda row: (row.since, row.order), reverse=True), total


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
    more = ("checksum", "staged", "bad_rows_uri", "rows_set_aside", "rows_repeated", "nulled", "batch", "execution")
    of_parts = ("control", "rows_again", "parts", "left_uri", "rows_left")
    return {
        "uri": row.object.uri,
        "bucket": row.object.bucket,
        "key": row.object.key,
        "version_id": row.object.version_id,
        "id": row.object.digest,
        "status": row.status.value,
        "event_time": iso(datetime.fromtimestamp(event_ms_of(row.order) / 1000, UTC)),
        **{name: getattr(row, name) for name in (*facts, *more, *of_parts)},
        "part_of": row.object.whole.version_id if row.object.is_part else None,
        **rows_of(row),
        "dismissed": dict(zip(("at", "by", "why"), row.dismissed, strict=True)) if row.dismissed else None,
        "history": [{"status": status, "at": at} for status, at in row.history],
    }


def rows_of(row: ObjectRow) -> dict[str, int | None]:
    """Its rows as people count them, whoever set some aside: those in are those out and those bad."""
    return {"rows_in": row.rows_in, "rows_out": row.good, "rows_bad": None if row.rows_bad is None else row.bad}


def batch_of(lake: Lake, row: ObjectRow) -> Batch | None:
    """The batch that an object is in, or was loaded by; None without one."""
    return lake.batches.get(row.dataset, row.batch) if row.dataset and row.batch else None


def table_of(lake: Lake, row: ObjectRow) -> Table:
    """What the object's dataset says of its table; the default if there is no such dataset."""
    return tables_of(lake, [row]).get(row.dataset or "", datasets.Table())


def tables_of(lake: Lake, rows: Iterable[ObjectRow]) -> Tables:
    """The same for each dataset of `rows` that is registered, by its name. One question for all."""
    names = {DatasetName.parse(row.dataset) for row in rows if row.dataset}
    found = lake.registry.get_many(names) if names else {}
    return Tables(found.values())


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
    """All that is known of one object version, its rejected rows too, as programs get it."""
    batch = batch_of(lake, row)
    more = {"waits_for": waits_for(lake, row), "bad_rows": bad_rows(row, folder_of(lake, row, batch))}
    return {**account(row, table, batch), **more}


def waits_for(lake: Lake, row: ObjectRow) -> str | None:
    """What a staged object's delivery lacks, in words; None where batches of its dataset are no deliveries."""
    if row.status is not Status.STAGED or row.dataset is None:
        return None
    registration = lake.registry.get(DatasetName.parse(row.dataset))
    return what_it_waits_for(lake, row, registration.dataset) if registration else None


def bad_rows(row: ObjectRow, folder: str | None, limit: int = BAD_ROWS_SHOWN) -> list[dict[str, Any]]:
    """The first bad rows that were set aside, `{line, reason, raw}`, those that its batch put into `folder` before
    Stage A's; [] if there are none or they have expired."""
    found = set_aside(folder, row, limit)
    return [*found, *bad_rows_from(row, 0, limit - len(found)).rows] if len(found) < limit else found


def bad_rows_from(row: ObjectRow, start: int, limit: int) -> Lines:
    """At most `limit` bad rows, `{line, reason, raw}`, from the byte `start` of their file on."""
    return lines_from(row.bad_rows_uri, start, limit) if row.bad_rows_uri else Lines([])
