"""Where a version of a raw object went, step by step, and which raw object another zone's object came from."""

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
"""How keys of what Stage A wrote end (`pipeline.core.objects.staged_key`)."""
_OF_BATCH = re.compile(r"^_(?:manifests|quality)/([a-z0-9_]+/[a-z0-9_]+)/([0-9A-Z]{26})[-.]")
"""Keys of manifests and of quality's findings, which name dataset and batch."""

Step = dict[str, Any]


def steps(lake: Lake, row: ObjectRow, batch: Batch | None) -> list[Step]:
    """The way of a version of `batch`: as dropped, staged, in its batch, in the table; only the steps it has taken."""
    raw = _step("raw", row.object.file_name, link("/object", uri=row.object.uri, version=row.object.version_id))
    found = [{**raw, "rows": row.rows_in}]
    if row.execution:
        found.append(_step("Stage A", row.execution, link(f"/executions/{row.execution}")))
    if row.staged:
        staged = _step("staged", _name(row.staged), link("/object", uri=row.staged))
        found.append({**staged, "rows": row.rows_out})
    if row.bad_rows_uri:
        bad = _step("bad rows", _name(row.bad_rows_uri), link("/object", uri=row.bad_rows_uri))
        found.append({**bad, "rows": row.rows_bad})
    if row.batch:
        status = batch.status.value if batch else None
        found.append(_step("batch", row.batch, link(f"/batches/{row.batch}"), status))
    if folder := folder_of(lake, row, batch):
        bad = _step("bad rows", _name(folder), link("/browse", at=f"{folder}/"))
        found.append({**bad, "rows": row.rows_set_aside})
    if batch and batch.status is BatchStatus.COMMITTED and batch.write and batch.write.snapshot is not None:
        # Not its rows: the batch wrote those of its other objects, too.
        found.append(_step("snapshot", str(batch.write.snapshot), link(f"/datasets/{row.dataset}")))
    if row.dataset and row.status is Status.COMMITTED:
        found.append(_step("table", row.dataset.replace("/", "."), link(f"/datasets/{row.dataset}")))
    return found


def _step(step: str, name: str, to: str, status: str | None = None) -> Step:
    return {"step": step, "name": name, "to": to, "status": status, "rows": None}


def _name(uri: str) -> str:
    return uri.rpartition("/")[2]


def came_from(lake: Lake, zone: Zone, obj: ObjectVersion, found: Head) -> ObjectRow | None:
    """The version of a raw object that a staged Parquet file, or a file of bad rows, was made from.

    The Parquet file says so itself; bad rows lie under the same name beside it. None where it cannot be told.
    """
    if zone.name not in ("staging", "quarantine") or not _STAGED.search(obj.key):
        return None
    staged, size = obj, found.size
    if zone.name == "quarantine":
        bucket = lake.settings[Setting.STAGING_BUCKET]
        staged = ObjectVersion(bucket, obj.key.removesuffix(".jsonl") + ".parquet", "")
        beside = head(staged)
        if beside is None:
            return None
        size = beside.size
    source = origin(staged, size)
    if source is None:
        return None
    bucket, key = split(source[0])
    return lake.catalog.get(ObjectVersion(bucket, key, source[1]))


def belongs_to(obj: ObjectVersion) -> list[Step]:
    """The batch and the dataset that an object's key names."""
    if found := _OF_BATCH.match(obj.key):
        dataset, batch = found.groups()
        return [
            _step("batch", batch, link(f"/batches/{batch}")),
            _step("dataset", dataset, link(f"/datasets/{dataset}")),
        ]
    dataset_name = dataset_in(obj.key)
    return [_step("dataset", str(dataset_name), link(f"/datasets/{dataset_name}"))] if dataset_name else []
