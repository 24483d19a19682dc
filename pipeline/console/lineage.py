"""Lineage: the steps of a raw object's version, and the raw object that another zone's object was made from."""

from __future__ import annotations

import re
from typing import Any

from pipeline.console.pages import link
from pipeline.core.objects import ObjectVersion
from pipeline.lake.batches.records import Batch, BatchStatus
from pipeline.lake.catalog import ObjectRow, Status
from pipeline.lake.routing import dataset_in
from pipeline.lake.services import Lake
from pipeline.operate.files import FileFacts
from pipeline.operate.set_aside import folder_of

_STAGED = re.compile(r"/\d{4}/\d{2}/\d{2}/[0-9a-f]{32}-\d+\.(parquet|jsonl)$")
"""The end of a key that Stage A wrote (`pipeline.core.objects.staged_key`)."""

OBJECTS = 10
"""Raw objects of one file that are steps of its lineage; its facts have more."""

LineageStep = dict[str, Any]


def steps(lake: Lake, row: ObjectRow, batch: Batch | None) -> list[LineageStep]:
    """The steps that a version has taken: dropped, staged, in `batch`, in the table."""
    raw = _step("raw", row.object.file_name, link("/object", uri=row.object.uri, version=row.object.version_id))
    taken = [{**raw, "rows": row.rows_in}]
    if row.execution:
        taken.append(_step("Stage A", row.execution, link(f"/executions/{row.execution}")))
    if row.staged:
        staged = _step("staged", _name(row.staged), link("/object", uri=row.staged))
        taken.append({**staged, "rows": row.rows_out})
    if row.bad_rows_uri:
        bad = _step("bad rows", _name(row.bad_rows_uri), link("/object", uri=row.bad_rows_uri))
        taken.append({**bad, "rows": row.rows_bad})
    if row.batch:
        status = batch.status.value if batch else None
        taken.append(_step("batch", row.batch, link(f"/batches/{row.batch}"), status))
    if folder := folder_of(lake, row, batch):
        bad = _step("bad rows", _name(folder), link("/browse", at=f"{folder}/"))
        taken.append({**bad, "rows": row.rows_set_aside})
    if batch and batch.status is BatchStatus.COMMITTED and batch.write and batch.write.snapshot is not None:
        # Without a number of rows: the batch also wrote rows of its other objects.
        taken.append(_step("snapshot", str(batch.write.snapshot), link(f"/datasets/{row.dataset}")))
    if row.dataset and row.status is Status.COMMITTED:
        taken.append(_step("table", row.dataset.replace("/", "."), link(f"/datasets/{row.dataset}")))
    return taken


def _step(step: str, name: str, to: str, status: str | None = None) -> LineageStep:
    return {"step": step, "name": name, "to": to, "status": status, "rows": None}


def _name(uri: str) -> str:
    return uri.rpartition("/")[2]


def came_from(lake: Lake, facts: FileFacts | None) -> ObjectRow | None:
    """The version of a raw object that a file of Stage A was made from; None if it is not known, or of another file."""
    if facts is None or facts.number != 1 or not _STAGED.search(facts.uri):
        return None
    return lake.catalog.get(facts.objects[0])


def of_file(facts: FileFacts | None, obj: ObjectVersion) -> list[LineageStep]:
    """What a file of no object alone is from: raw objects, batches, and the dataset."""
    if facts is None or not facts.dataset:
        return belongs_to(obj)
    raw = [
        _step("raw", each.file_name, link("/object", uri=each.uri, version=each.version_id)) for each in facts.objects
    ]
    batches = [_step("batch", batch, link(f"/batches/{batch}")) for batch in facts.batches]
    return [*raw, *batches, _step("dataset", facts.dataset, link(f"/datasets/{facts.dataset}"))]


def belongs_to(obj: ObjectVersion) -> list[LineageStep]:
    """The dataset that an object's key names."""
    dataset_name = dataset_in(obj.key)
    return [_step("dataset", str(dataset_name), link(f"/datasets/{dataset_name}"))] if dataset_name else []
