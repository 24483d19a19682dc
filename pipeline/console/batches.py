"""One batch: its objects, what it wrote, its verdict rule by rule, and the actions on it."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from typing import Any

from pipeline.console import lineage_pictures
from pipeline.console.console import PageRequest
from pipeline.console.pages import ActionResult, Document, action, link, page
from pipeline.lake.batches.records import FINAL, Batch, BatchStatus, candidates_of, unknown
from pipeline.lake.services import Lake
from pipeline.operate.aftermath import of_batch
from pipeline.operate.executions import redriven
from pipeline.operate.jsonl import lines_from
from pipeline.operate.redrive import redrive_batch, release_batch

OBJECTS = 25
FAILING = 10


def build(request: PageRequest) -> Document:
    """The page of a batch. Parameters: `object`, the number of the first object that is listed, from 0."""
    batch = find_batch(request.lake, request.path["batch"], request.query.get("dataset"))
    candidates = [obj for place, obj in enumerate(candidates_of(batch)) if place not in batch.left_out]
    first = request.number("object", 0, least=0, most=100_000)
    rows = request.lake.catalog.get_many(candidates[first : first + OBJECTS])
    drawn = [] if first else rows[: lineage_pictures.FEW]
    since = of_batch(request.lake, batch)
    verdict = batch.verdict
    sample = verdict.sample_uri if verdict else None
    return {
        "title": f"Batch {batch.id}",
        "batch": batch.id,
        "dataset": batch.dataset,
        "status": batch.status.value,
        "ended": batch.status in FINAL,
        "opened": batch.opened,
        "ended_at": batch.ended,
        "error": batch.error,
        "rebases": batch.rebases,
        "release": batch.release,
        "written": _written(batch),
        "bad_rows": batch.bad_rows,
        "values_nulled": batch.staged_nulled,
        "verdict": verdict.outcome if verdict else None,
        "rules": [{"rule": r.rule, "outcome": r.outcome, "reason": r.reason} for r in verdict.rules] if verdict else [],
        "sample_uri": sample,
        "sample": _sample(sample) if sample else None,
        "objects": [
            {"uri": row.object.uri, "version": row.object.version_id, "status": row.status.value, "batch": row.batch}
            for row in rows
        ],
        "first": first,
        "page": OBJECTS,
        "number": len(candidates),
        "picture": lineage_pictures.of_batch(request.lake, batch, drawn, len(candidates)),
        "since": since.to_json(),
        "can_redrive": bool(since.left),
        "can_release": bool(since.left) and batch.status is BatchStatus.QUARANTINED,
    }


def _sample(uri: str) -> dict[str, Any]:
    """The first failing rows as a table: the rules that each breaks, and its values."""
    lines = [line for line in lines_from(uri, 0, FAILING).rows if isinstance(line.get("row"), dict)]
    columns = list(dict.fromkeys(name for line in lines for name in line["row"]))
    rows = [{"rules": line.get("rules", []), "values": [line["row"].get(name) for name in columns]} for line in lines]
    return {"columns": columns, "rows": rows}


def _written(batch: Batch) -> dict[str, Any] | None:
    if batch.write is None:
        return None
    written = batch.write
    snapshot = str(written.snapshot) if written.snapshot is not None else None
    return {"rows": written.rows, "snapshot": snapshot, "run": written.run}


def find_batch(lake: Lake, batch: str, dataset: str | None = None) -> Batch:
    """A batch by its id, of `dataset` or, without one, of any dataset. `NotThere` if there is none."""
    record = lake.batches.get(dataset, batch) if dataset else None
    record = record or lake.batches.find((str(r.name) for r in lake.registry.all()), batch)
    if record is None:
        raise unknown(batch)
    return record


def redrive(request: PageRequest, fields: Mapping[str, str]) -> ActionResult:
    """Load the objects of the batch again, in a new batch."""
    done = redrive_batch(request.lake, request.path["batch"])
    message, good = redriven(done)
    return ActionResult(link(f"/batches/{done.batch or request.path['batch']}"), message, good=good)


def release(request: PageRequest, fields: Mapping[str, str]) -> ActionResult:
    """Load the batch although it failed its rules; the user's name and the reason are stored with its verdict."""
    done = release_batch(request.lake, request.path["batch"], getpass.getuser(), fields.get("reason", ""))
    message, good = redriven(done)
    return ActionResult(link(f"/batches/{done.batch or request.path['batch']}"), message, good=good)


ROUTES = [
    action("/batches/{batch}/redrive", redrive),
    action("/batches/{batch}/release", release),
    *page("/batches/{batch}", "batch.html", build, live=True),
]
