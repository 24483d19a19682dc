"""Why the catalog may not know an object: found out from the bucket and the queues, step by step."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import datetime
from shlex import quote
from typing import Any

from pipeline.core.clients import client
from pipeline.core.clock import iso
from pipeline.core.objects import ObjectVersion
from pipeline.lake.routing import dataset_in, is_folder
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from pipeline.operate.formatting import ago, counted
from pipeline.operate.progress import depth

_OTHER = {
    Setting.STAGING_BUCKET: "the staging bucket, where Stage A writes",
    Setting.CURATED_BUCKET: "the curated bucket, where the tables are",
    Setting.QUARANTINE_BUCKET: "the quarantine bucket, where bad rows are",
}

SIMILAR = 3
"""How many names are proposed."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the reason may be, what to do, and URIs of objects with a similar name."""

    reason: str
    todo: str
    similar: tuple[str, ...] = ()


def diagnose(lake: Lake, obj: ObjectVersion) -> Diagnosis:
    """The likeliest reason why the catalog has no row of the key `obj`."""
    raw = lake.settings[Setting.RAW_BUCKET]
    if obj.bucket != raw:
        where = {lake.settings[setting]: text for setting, text in _OTHER.items()}.get(
            obj.bucket, "no bucket of this lake"
        )
        return Diagnosis(
            f"only objects of the raw bucket, {raw}, are in it; {obj.bucket} is {where}",
            f"Ask for the object as it was dropped: `sluice why s3://{raw}/team/dataset/file`.",
        )
    if is_folder(obj.key):
        return Diagnosis("the key ends in / as the folders of consoles do, and those are left out", "Nothing to do.")
    found = _head(obj)
    return _never_dropped(lake, obj) if found is None else _not_routed(lake, obj, found)


def _head(obj: ObjectVersion) -> datetime | None:
    """When the object was written; None if the bucket has no such key."""
    s3 = client("s3")
    try:
        written: datetime = s3.head_object(Bucket=obj.bucket, Key=obj.key)["LastModified"]
    except s3.exceptions.ClientError as error:
        if error.response.get("Error", {}).get("Code") in ("404", "NoSuchKey"):
            return None
        raise
    return written


def _never_dropped(lake: Lake, obj: ObjectVersion) -> Diagnosis:
    name = dataset_in(obj.key)
    target = f" --to {name}" if name else " --to team/dataset"
    return Diagnosis(
        "it was never dropped: the raw bucket has no such key either",
        f"Drop it: `sluice drop {quote(obj.file_name)}{target}`. Keys are case-sensitive.",
        tuple(f"s3://{obj.bucket}/{key}" for key in _similar(obj)),
    )


def _similar(obj: ObjectVersion) -> list[str]:
    prefix = f"{name}/" if (name := dataset_in(obj.key)) else ""
    page: dict[str, Any] = client("s3").list_objects_v2(Bucket=obj.bucket, Prefix=prefix, MaxKeys=1000)
    names = [item["Key"].removeprefix(prefix) for item in page.get("Contents", [])]
    # Many ask for a file by its own name, without its dataset.
    file = obj.file_name.casefold()
    same = [name for name in names if name.rpartition("/")[2].casefold() == file]
    close = difflib.get_close_matches(obj.key.removeprefix(prefix), names, n=SIMILAR, cutoff=0.6)
    return [prefix + name for name in dict.fromkeys((*same, *close))][:SIMILAR]


def _not_routed(lake: Lake, obj: ObjectVersion, written: datetime) -> Diagnosis:
    since = f"it was dropped {ago(iso(written), lake.clock())}"
    waiting = depth(lake.settings[Setting.RAW_QUEUE_URL])
    dead = depth(lake.settings[Setting.RAW_DEAD_LETTER_QUEUE_URL])
    if waiting:
        return Diagnosis(
            f"{since}, and its event is probably still in the raw queue, which holds {counted(waiting, 'message')}",
            "Wait a moment and ask again; if the number stays, see `sluice logs route`.",
        )
    if dead:
        return Diagnosis(
            f"{since}, and its event may be in the raw dead-letter queue, which holds {counted(dead, 'message')}",
            "See `sluice logs route` for the cause, then `sluice redrive --queue raw`.",
        )
    name = dataset_in(obj.key)
    unregistered = name is None or lake.registry.get(name) is None
    note = "; no dataset of that name is registered, which it would say once it is routed" if unregistered else ""
    return Diagnosis(
        f"{since}, and its event was lost or is on its way: the raw queues are empty{note}",
        "Ask again in a minute; then copy the object onto itself or drop it again, which makes a new event.",
    )
