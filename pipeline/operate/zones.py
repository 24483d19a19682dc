"""The zones of a lake, each a bucket, and which of them an object lies in."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.core.errors import NotThere, WrongUsage
from pipeline.core.objects import ObjectVersion
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from pipeline.operate.drop import KEY_BYTES

_PURPOSES = {
    "raw": (Setting.RAW_BUCKET, "Files as they were dropped, each version of them."),
    "staging": (Setting.STAGING_BUCKET, "What Stage A made of each file: Parquet, and the manifests of batches."),
    "curated": (Setting.CURATED_BUCKET, "The tables: what readers query."),
    "quarantine": (Setting.QUARANTINE_BUCKET, "Rows that were set aside, and what the quality rules found."),
}


@dataclass(frozen=True, slots=True)
class Zone:
    """A bucket of the lake, by what it is for."""

    name: str
    bucket: str
    purpose: str


def zones(lake: Lake) -> list[Zone]:
    """In the order in which data goes through them."""
    return [Zone(name, lake.settings[setting], purpose) for name, (setting, purpose) in _PURPOSES.items()]


def zone_of(lake: Lake, bucket: str) -> Zone:
    """The zone that a bucket is; `NotThere` for a bucket that is none of the lake's."""
    known = zones(lake)
    for zone in known:
        if zone.bucket == bucket:
            return zone
    names = ", ".join(zone.bucket for zone in known)
    raise NotThere(f"{bucket!r} is no bucket of this lake", hint=f"Its buckets are {names}.")


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`, the key perhaps empty; `WrongUsage` for anything else."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket:
        raise WrongUsage(f"{uri!r} is no URI of S3", hint="Write s3://bucket/key.")
    if len(key.encode()) > KEY_BYTES:
        raise WrongUsage(f"the key of {uri[:100]!r}… is longer than S3's 1,024 bytes", hint="Check the URI.")
    return bucket, key


def located(lake: Lake, uri: str) -> tuple[Zone, ObjectVersion]:
    """The object that `uri` names, and its zone; the version is left empty. Errors as of `split` and `zone_of`."""
    bucket, key = split(uri)
    zone = zone_of(lake, bucket)
    if not key:
        raise WrongUsage(f"{uri!r} names a bucket and no object", hint=f"Write s3://{bucket}/key.")
    return zone, ObjectVersion(bucket, key, "")
