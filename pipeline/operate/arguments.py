"""What people write to name a dataset, a status, a span of time or an object, read and checked."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from pipeline.core.errors import WrongUsage
from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog import Status
from pipeline.lake.datasets import DatasetName
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting

_SPAN = re.compile(r"^(\d+) ?(s|m|h|d)$")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def dataset_name(text: str) -> DatasetName:
    """Read `team/dataset` or `team.dataset`; `WrongUsage` for anything else."""
    try:
        return DatasetName.parse(text)
    except ValueError as error:
        raise WrongUsage(str(error)) from None


def known(lake: Lake) -> str:
    """A sentence that lists the datasets there are."""
    names = [str(registration.name) for registration in lake.registry.all()]
    if not names:
        return "No dataset is registered yet: see `sluice datasets init` and `sluice datasets apply`."
    return f"Registered are: {', '.join(names)}."


def status_of(text: str | None) -> Status | None:
    """Read an object's status in any case; `WrongUsage` lists the statuses."""
    if text is None:
        return None
    try:
        return Status(text.upper().replace("-", "_"))
    except ValueError:
        raise WrongUsage(f"{text!r} is not a status", hint=f"One of {', '.join(Status)}.") from None


def span_of(text: str) -> timedelta:
    """Read `30s`, `10m`, `2h` or `1d`."""
    found = _SPAN.match(text)
    if not found:
        raise WrongUsage(f"{text!r} is not a span of time", hint="Write 30s, 10m, 2h or 1d.")
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


def time_of(text: str) -> datetime:
    """Read an ISO time; UTC where it names no zone."""
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise WrongUsage(f"{text!r} is not a time", hint="Write 2026-01-31T12:00:00Z.") from None


def bucket_and_key(text: str) -> tuple[str | None, str]:
    """Read `s3://bucket/key`, or `team/dataset/file`, which names no bucket; `WrongUsage` for what names no object."""
    bucket, key = None, text
    if text.startswith("s3://"):
        bucket, _, key = text.removeprefix("s3://").partition("/")
    if bucket == "" or not key:
        raise WrongUsage(f"{text!r} names no object", hint="Write s3://bucket/key, or team/dataset/file.")
    return bucket, key


def object_of(lake: Lake, text: str) -> ObjectVersion:
    """Read `s3://bucket/key`, or `team/dataset/file` for a key of the raw bucket. The version is left empty."""
    bucket, key = bucket_and_key(text)
    return ObjectVersion(bucket or lake.settings[Setting.RAW_BUCKET], key, "")
