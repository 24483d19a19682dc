"""Lineage: the steps of a raw object's version, and the raw object that another zone's object was made from."""

from __future__ import annotations

import re
from typing import Any

from pipeline.console.pages import link
from pipeline.console.previews import origin
from pipeline.console.stored import Head, head
from pipeline.core.objects import ObjectVersion
from pipeline.lake.batches.records import Batch, BatchStatus
from pipeline.lake.catalog import ObjectRow, Status
from pipeline.lake.routing import dataset_in
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from pipeline.operate.set_aside import folder_of
from pipeline.operate.zones import Zone, split

_STAGED = re.compile(r"/\d{4}/\d{2}/\d{2}/[0-9a-f]{32}-\d+\.(parquet|jsonl)$")
"""The end of a key that Stage A wrote (`pipeline.core.objects.staged_key`)."""
_OF_BATCH = re.compile(r"^_(?:manifests|quality)/([a-z0-9_]+/[a-z0-9_]+)/([0-9A-Z]{26})[-.]")
"""Keys of manifests and quality findings, which name dataset and batch."""

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


def came_from(lake: Lake, zone: Zone, obj: ObjectVersion, stored: Head) -> ObjectRow | None:
    """The version of a raw object that a staged Parquet file, or a file of bad rows, was made from.

    The Parquet file has it in its metadata; a file of bad rows has the same name. None if it is not known.
    """
    if zone.name not in ("staging", "quarantine") or not _STAGED.search(obj.key):
        return None
    staged, size = obj, stored.size
    if zone.name == "quarantine":
        bucket = lake.settings[Setting.STAGING_BUCKET]
        staged = ObjectVersion(bucket, obj.key.removesuffix(".jsonl") + ".parquet", "")
        parquet = head(staged)
        if parquet is None:
            return None
        size = parquet.size
    source = origin(staged, size)
    if source is None:
        return None
    bucket, key = split(source[0])
    return lake.catalog.get(ObjectVersion(bucket, key, source[1]))


def belongs_to(obj: ObjectVersion) -> list[LineageStep]:
    """The batch and the dataset that an object's key names."""
    if match := _OF_BATCH.match(obj.key):
        dataset, batch = match.groups()
        return [
            _step("batch", batch, link(f"/batches/{batch}")),
            _step("dataset", dataset, link(f"/datasets/{dataset}")),
        ]
    dataset_name = dataset_in(obj.key)
    return [_step("dataset", str(dataset_name), link(f"/datasets/{dataset_name}"))] if dataset_name else []
