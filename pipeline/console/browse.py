"""The zones shown like a file system: folders, files, and the catalog's status of each raw file."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from pipeline.console.console import PageRequest
from pipeline.console.pages import Document, page
from pipeline.core.clients import client
from pipeline.core.clock import iso
from pipeline.core.errors import BadInput
from pipeline.lake.catalog import ObjectRow
from pipeline.lake.datasets.model import Table
from pipeline.lake.routing import dataset_in
from pipeline.lake.services import Lake
from pipeline.operate.missing_rows import needs_attention
from pipeline.operate.objects import tables_of
from pipeline.operate.open_issues import is_missing
from pipeline.operate.zones import Zone, split, zone_of, zones

FILES = 100
RAW_FILES = 30
"""Fewer than `FILES`, because each raw file costs a query of the catalog."""
_THREADS = 4


def build(request: PageRequest) -> Document:
    """The zones, or the contents of `at` (s3://bucket/folder/). `begins` keeps only names with that prefix."""
    at = request.query.get("at")
    if not at:
        described = [
            {"name": z.name, "bucket": z.bucket, "purpose": z.purpose, "at": _at(z, "")} for z in zones(request.lake)
        ]
        return {"title": "Objects", "at": None, "zones": described}
    bucket, prefix = split(at)
    zone = zone_of(request.lake, bucket)
    if prefix and not prefix.endswith("/"):
        prefix += "/"
    begins, token = request.query.get("begins", ""), request.query.get("token")
    listed = _listed(zone, prefix + begins, token)
    # AWS's console makes a folder by writing an empty object of its name.
    files = [item for item in listed.get("Contents", []) if item["Key"] != prefix]
    rows = _newest_rows(request.lake, zone, [item["Key"] for item in files])
    needing = _needing(request.lake, rows)
    return {
        "title": f"{zone.name}: {prefix}" if prefix else zone.name,
        "at": _at(zone, prefix),
        "zone": {"name": zone.name, "bucket": zone.bucket, "purpose": zone.purpose},
        "crumbs": _crumbs(zone, prefix),
        "begins": begins,
        "folders": [
            {"name": item["Prefix"].removeprefix(prefix), "at": _at(zone, item["Prefix"])}
            for item in listed.get("CommonPrefixes", [])
        ],
        "files": [
            {**_file(zone, prefix, item, rows.get(item["Key"])), "needs_attention": item["Key"] in needing}
            for item in files
        ],
        "is_first": not token,
        "next": listed.get("NextContinuationToken"),
        "drop_to": prefix.strip("/") if zone.name == "raw" and dataset_in(f"{prefix}file") else None,
    }


def _at(zone: Zone, prefix: str) -> str:
    return f"s3://{zone.bucket}/{prefix}"


def _crumbs(zone: Zone, prefix: str) -> list[dict[str, str]]:
    """The bucket and each folder of the path; the last one is the folder that is shown."""
    crumbs, path = [{"name": zone.name, "at": _at(zone, "")}], ""
    for part in prefix.split("/")[:-1]:
        path += f"{part}/"
        crumbs.append({"name": part or "(no name)", "at": _at(zone, path)})
    return crumbs


def _listed(zone: Zone, prefix: str, token: str | None) -> dict[str, Any]:
    s3, more = client("s3"), {"ContinuationToken": token} if token else {}
    most = RAW_FILES if zone.name == "raw" else FILES
    try:
        page: dict[str, Any] = s3.list_objects_v2(
            Bucket=zone.bucket, Prefix=prefix, Delimiter="/", MaxKeys=most, **more
        )
    except ClientError as error:
        if not token:
            raise
        # S3 answers InvalidArgument to a token that it did not issue.
        raise BadInput(
            f"S3 has no such page of {_at(zone, prefix)}: {error}", hint="Open the folder again from its beginning."
        ) from error
    return page


def _newest_rows(lake: Lake, zone: Zone, keys: list[str]) -> dict[str, ObjectRow]:
    """The newest catalog row of each key. One query a key, because a listing does not name versions."""
    if zone.name != "raw" or not keys:
        return {}

    def newest(key: str) -> ObjectRow | None:
        return max(lake.catalog.history(f"{zone.bucket}/{key}"), key=lambda row: row.order, default=None)

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="browse") as threads:
        return {key: row for key, row in zip(keys, threads.map(newest, keys), strict=True) if row}


def _needing(lake: Lake, rows: dict[str, ObjectRow]) -> set[str]:
    """The keys whose newest version needs attention."""
    candidates = {key: row for key, row in rows.items() if needs_attention(row)}
    tables = tables_of(lake, candidates.values())
    return {
        key for key, row in candidates.items() if is_missing(lake, row, [row], tables.get(row.dataset or "", Table()))
    }


def _file(zone: Zone, prefix: str, item: dict[str, Any], row: ObjectRow | None) -> dict[str, Any]:
    return {
        "name": item["Key"].removeprefix(prefix),
        "uri": f"s3://{zone.bucket}/{item['Key']}",
        "size": item["Size"],
        "modified": iso(item["LastModified"]),
        "status": row.status.value if row else None,
        "reason": row.reason if row else None,
        "rows_bad": row.bad if row else None,
    }


ROUTES = page("/browse", "browse.html", build)
