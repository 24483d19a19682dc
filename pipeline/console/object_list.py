"""The list of objects by dataset, status, time, name and reason: counted, sent back and downloaded together."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from pipeline.console.console import PageRequest
from pipeline.console.downloads import disposition
from pipeline.console.pages import ActionResult, Document, action, link, page, page_request_of
from pipeline.core.clock import iso
from pipeline.core.objects import ObjectVersion
from pipeline.lake.batches.redrive import REDRIVABLE
from pipeline.lake.catalog import ObjectRow, Status
from pipeline.operate.catalog_state import Counts
from pipeline.operate.executions import redriven
from pipeline.operate.object_filter import Flaw, ObjectFilter
from pipeline.operate.object_search import ROWS as MOST
from pipeline.operate.object_search import looks_at_kept, search, total
from pipeline.operate.objects import rows_of
from pipeline.operate.redrive import redrive_rows
from pipeline.operate.rows_aside import rows_aside
from pipeline.operate.zones import located

ROWS = 50
PICK = "pick "
"""Begins the name of a field that chooses an object; its URI, a space and its version follow, quoted as in URLs."""


def build(request: PageRequest) -> Document:
    """A page of objects. Parameters: those of `ObjectFilter`, and `after`, where a later page begins."""
    wanted = ObjectFilter.of(request.query)
    counts = request.console.counts.newest(request.lake)
    there = counts.summary.objects if counts else None
    after = request.after()
    kept = request.console.objects
    found = search(request.lake, wanted, ROWS, after=after, there=there, kept=kept)
    # A first page that is the last has them all.
    is_all = after is None and found.after is None
    number = None if is_all else total(request.lake, wanted, there, kept, counts.summary.troubles if counts else None)
    is_kept = looks_at_kept(kept, request.lake, wanted)
    filters = wanted.to_json()
    return {
        "title": "Objects",
        "filters": filters,
        "statuses": [*Status, *Flaw],
        "datasets": [str(r.name) for r in request.lake.registry.all()],
        "counts": _counts(wanted, there),
        "counted_at": iso(counts.at) if counts else None,
        "is_behind": request.console.counts.is_behind,
        **looked_at(request, is_kept),
        "objects": [_line(row) for row in found.rows],
        "number": number.objects if number else len(found.rows),
        "more": number.more if number else False,
        "is_first": after is None,
        "is_cut": found.is_cut,
        "next": link("/objects", **filters, after=found.after) if found.after else None,
        "reached": found.after.partition("#")[0] if found.after else None,
        "redrivable": wanted.can_be_redriven and any(row.status in REDRIVABLE for row in found.rows),
        "bad_rows": link("/objects/bad-rows.jsonl", **filters) if any(row.bad for row in found.rows) else None,
        "most": MOST,
    }


def looked_at(request: PageRequest, is_kept: bool) -> Document:
    """From when an answer is that comes from what is kept, or among how many objects it was looked for so far."""
    kept = request.console.objects
    at = iso(kept.at) if is_kept and kept.at else None
    reading = is_kept and at is None
    return {"looked_at": at, "reading": kept.read() if reading else None, "ended": not reading}


def _counts(wanted: ObjectFilter, there: Counts | None) -> list[dict[str, Any]]:
    """How many objects of each status there are, of the dataset that is asked for or of all, each with its list."""
    mine: Counter[str] = Counter()
    for name, of_it in (there or {}).items():
        if wanted.dataset is None or name == str(wanted.dataset):
            mine.update(of_it)
    dataset = str(wanted.dataset or "")
    return [
        {"status": status.value, "objects": mine[status.value], "to": link("/objects", dataset=dataset, status=status)}
        for status in Status
        if mine[status.value]
    ]


def _line(row: ObjectRow) -> dict[str, Any]:
    return {
        "uri": row.object.uri,
        "version": row.object.version_id,
        "name": row.object.key,
        "status": row.status.value,
        "since": row.since,
        "dataset": row.dataset,
        "size": row.size,
        **rows_of(row),
        "rows_repeated": row.rows_repeated,
        "reason": row.reason,
        "dismissed": row.dismissed is not None,
        "batch": row.batch,
        "pick": PICK + quote(f"{row.object.uri} {row.object.version_id}") if row.status in REDRIVABLE else None,
    }


def redrive(request: PageRequest, fields: Mapping[str, str]) -> ActionResult:
    """Send objects through Stage A again: those that are ticked, or, with `all`, those that the filters mean."""
    wanted = ObjectFilter.of(fields)
    to = link("/objects", **wanted.to_json())
    if fields.get("all") == "yes":
        found = [search(request.lake, each, MOST) for each in _redrivable(wanted)]
        rows = [row for each in found for row in each.rows]
        more = " There are more: send back again for the rest." if any(each.after for each in found) else ""
    else:
        rows, more = request.lake.catalog.get_many([*_picked(request, fields)]), ""
        if not rows:
            return ActionResult(to, "No object is ticked.", good=False)
    message, good = redriven(redrive_rows(request.lake, rows))
    return ActionResult(to, f"{message}.{more}" if good else message, good=good)


def _redrivable(wanted: ObjectFilter) -> list[ObjectFilter]:
    return [replace(wanted, status=each) for each in sorted(REDRIVABLE) if wanted.status in (None, each)]


def _picked(request: PageRequest, fields: Mapping[str, str]) -> Iterator[ObjectVersion]:
    for name in fields:
        if name.startswith(PICK):
            uri, _, version = unquote(name.removeprefix(PICK)).rpartition(" ")
            _, obj = located(request.lake, uri)
            yield ObjectVersion(obj.bucket, obj.key, version)


async def bad_rows(request: Request) -> Response:
    """The rows that were set aside of the objects that the filters mean, of at most `MOST` objects, as JSON lines."""
    page_request = await page_request_of(request)
    wanted = ObjectFilter.of(request.query_params)
    flawed = replace(wanted, status=Flaw.BAD_ROWS) if wanted.status is None else wanted
    found = await run_in_threadpool(search, page_request.lake, flawed, MOST)
    name = f"bad-rows{f'-{wanted.dataset}'.replace('/', '-') if wanted.dataset else ''}.jsonl"
    lines = _lines(page_request, [row for row in found.rows if row.bad])
    headers = {"content-disposition": disposition(name)}
    return StreamingResponse(lines, headers=headers, media_type="application/octet-stream")


def _lines(request: PageRequest, rows: list[ObjectRow]) -> Iterator[str]:
    for each in rows_aside(request.lake, rows):
        of_it = {"object": each.owner.object.uri, "version": each.owner.object.version_id, "stage": each.stage}
        yield json.dumps({**of_it, **each.row.to_json()}, ensure_ascii=False) + "\n"


ROUTES = [
    Route("/objects/bad-rows.jsonl", bad_rows),
    action("/objects/redrive", redrive),
    *page("/objects", "objects.html", build, live=True),
]
