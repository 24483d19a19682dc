"""Stages a marker or a manifest: not its rows, for it has none, but the delivery that it completes."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipeline.core.clients import client
from pipeline.core.errors import BadObject
from pipeline.core.objects import ObjectVersion, staged_key
from pipeline.lake.catalog import Catalog, ObjectRow, Staging, Status
from pipeline.lake.datasets.model import MOST_OBJECTS
from pipeline.lake.manifested.folders import Earlier, Listed, earlier_markers, folder_of, members
from pipeline.lake.manifested.manifest_files import LONGEST_BYTES, read_manifest, too_many
from pipeline.lake.messages.delivery import Delivery, Member
from pipeline.lake.messages.stage_a import StageAWork
from stages.stage_a.staged_uploads import put_new

DOCUMENTS = 30
"""Of so many earlier markers of a folder it is read what they took; older ones took all that was there before them."""

_NO_ROWS = {"rows_in": 0, "rows_out": 0, "rows_bad": 0}


def stage_control(
    work: StageAWork, body: Any, *, dataset: str, bucket: str, folder: Path, catalog: Catalog, execution: str
) -> Staging:
    """Write the delivery that `work` completes to the staging `bucket`; what its row is to say.

    `body` is the object's bytes, as S3 answers. `BadObject` if it completes nothing that can be loaded.
    """
    content = body.read(LONGEST_BYTES + 1)
    if work.control == "manifest":
        if len(content) > LONGEST_BYTES:
            raise BadObject(
                f"the manifest has more than {LONGEST_BYTES:,} bytes", hint="A batch has 300 files at most."
            )
        found = read_manifest(content, bucket=work.object.bucket, key=work.object.key, dataset=dataset)
    else:
        found = _of_marker(work.object, catalog)
    document = json.dumps(Delivery(work.control or "", found).to_json(), sort_keys=True)
    path = Path(folder, "delivery.json")
    path.write_text(document, encoding="utf-8")
    key = staged_key(dataset, work.object, work.generation, work.event_ms).removesuffix(".parquet") + ".json"
    # One that an earlier try has written stands: it saw the folder first.
    etag = put_new(bucket, key, path, {}) or client("s3").head_object(Bucket=bucket, Key=key)["ETag"].strip('"')
    facts = {
        **_NO_ROWS,
        "staged": f"s3://{bucket}/{key}",
        "staged_etag": etag,
        "execution": execution,
        "control": work.control,
    }
    # Never once: an empty marker is the same content each time, and each completes a delivery of its own.
    return Staging(work, hashlib.sha256(content).hexdigest(), False, facts)


def _of_marker(marker: ObjectVersion, catalog: Catalog) -> tuple[Member, ...]:
    moment, listing = _folder(marker)
    before = earlier_markers(marker.key, marker.version_id, listing)
    found = members(marker.key, moment, listing, _earlier(marker, before, catalog))
    if not found and before:
        raise BadObject(
            "nothing came into the folder since the marker before this one",
            hint="Nothing is to be done if it was uploaded twice: dismiss it. Else upload the files, and it again.",
        )
    if not found:
        raise BadObject(
            f"there is no file in {folder_of(marker.key)} that the marker could complete",
            hint="Upload the files into the marker's folder first, and the marker last.",
        )
    if len(found) > MOST_OBJECTS:
        raise too_many(len(found))
    return tuple(found)


def _folder(marker: ObjectVersion) -> tuple[datetime, list[Listed]]:
    """When the marker was written, and all versions of its folder, once nothing more can be written in that second.

    S3 tells times in whole seconds: what is written in the marker's own is taken with it, as long as that lasts.
    """
    s3 = client("s3")
    head = s3.head_object(Bucket=marker.bucket, Key=marker.key, VersionId=marker.version_id)
    moment = head["LastModified"].replace(microsecond=0)
    date = head["ResponseMetadata"]["HTTPHeaders"].get("date")
    now = parsedate_to_datetime(date) if date else datetime.now(UTC)
    if now.replace(microsecond=0) <= moment:
        time.sleep(1)
    return moment, _listing(marker.bucket, folder_of(marker.key))


def _listing(bucket: str, prefix: str) -> list[Listed]:
    found: list[Listed] = []
    for page in client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        entries = [(each, False) for each in page.get("Versions", ())]
        entries += [(each, True) for each in page.get("DeleteMarkers", ())]
        found += [
            Listed(
                each["Key"],
                each["VersionId"],
                each["LastModified"].replace(microsecond=0),
                each.get("Size", 0),
                is_deletion,
            )
            for each, is_deletion in entries
        ]
    return found


def _earlier(marker: ObjectVersion, before: Sequence[Listed], catalog: Catalog) -> list[Earlier]:
    versions = [ObjectVersion(marker.bucket, each.key, each.version_id) for each in before]
    found = (catalog.get(version) for version in versions[:DOCUMENTS])
    rows = {row.object.version_id: row for row in found if row}
    return [
        Earlier(each.modified, _took(rows[each.version_id].staged) if each.version_id in rows else None)
        for each in before
        if each.version_id not in rows or not _waited_in_vain(rows[each.version_id])
    ]


def _waited_in_vain(row: ObjectRow) -> bool:
    """Its files are this marker's to load: of a batch that failed, a redrive loads them."""
    return row.status is Status.FAILED and row.staged is not None and row.batch is None


def _took(staged: str | None) -> frozenset[tuple[str, str]] | None:
    """What a marker took, if that is still there to read."""
    s3 = client("s3")
    if staged is None:
        return None
    place = urlsplit(staged)
    try:
        body = s3.get_object(Bucket=place.netloc, Key=place.path[1:])["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None
    delivery = Delivery.from_json(json.loads(body))
    return frozenset((member.key, member.version_id or "") for member in delivery.members)
