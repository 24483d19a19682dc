"""Fetches announced files into the raw bucket, each version once, whoever announces it how often."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from pipeline.core.errors import BadInput, Gone, Transient
from pipeline.core.objects import METADATA_BYTES, ObjectVersion
from pipeline.forecasts.announcements import Announcement

LARGEST = 5 * 1024**3
"""Bytes that one CopyObject takes (S3 quota)."""
FOLDER = "forecasts"
"""The first part of our keys; the second is the source."""
_MISSING = ("404", "NoSuchKey", "NoSuchVersion", "NotFound")


@dataclass(frozen=True, slots=True)
class Copy:
    """Our copy of a file. `is_new` unless it had been fetched before."""

    object: ObjectVersion
    size: int
    is_new: bool


def key_of(source: str, announcement: Announcement, version: str) -> str:
    """The key of our copy, another one for each version: so a copy is never overwritten.

    `version` is the file's version, or the digest of its content where its bucket has no versions.
    """
    name = announcement.key.rpartition("/")[2]
    identity = "\0".join((announcement.bucket, announcement.key, version))
    return f"{FOLDER}/{source}/{sha256(identity.encode()).hexdigest()[:16]}/{_short(name)}"


def fetch(s3: Any, source: str, announcement: Announcement, bucket: str) -> Copy:
    """Copy the announced version into `bucket`, by S3 itself, with its SHA-256.

    `Gone` if it is not there any more, `BadInput` if S3 would not copy it at once.
    """
    head = _head(s3, announcement)
    size, etag = int(head["ContentLength"]), str(head["ETag"])
    if size > LARGEST:
        raise BadInput(f"{announcement.uri} has {size} bytes, and a copy takes {LARGEST}")
    version = announcement.version or _version_in(head)
    key = key_of(source, announcement, version or etag)
    request = {
        "Bucket": bucket,
        "Key": key,
        "CopySource": _source(announcement, version),
        "CopySourceIfMatch": etag,
        "MetadataDirective": "REPLACE",
        "Metadata": _metadata(source, announcement, version or ""),
        "ContentType": "application/x-netcdf",
        # A provider's tags are not ours, and reading them is a right of its own.
        "TaggingDirective": "REPLACE",
        "ChecksumAlgorithm": "SHA256",
        "IfNoneMatch": "*",
    }
    try:
        answer = s3.copy_object(**request)
    except s3.exceptions.ClientError as error:
        return _known(s3, announcement, bucket, key, error)
    return Copy(ObjectVersion(bucket, key, _version_in(answer) or "null"), size, is_new=True)


def _known(s3: Any, announcement: Announcement, bucket: str, key: str, error: Any) -> Copy:
    """The copy that is there already; another error as what it means."""
    code = error.response["Error"]["Code"]
    if code in _MISSING:
        raise Gone(f"{announcement.uri} was deleted before it was fetched") from None
    if code != "PreconditionFailed":
        raise error
    try:
        there = s3.head_object(Bucket=bucket, Key=key)
    except s3.exceptions.ClientError as missing:
        if missing.response["Error"]["Code"] not in _MISSING:
            raise
        # It was not ours that was there, but the source's that changed while it was being copied.
        raise Transient(f"{announcement.uri} was replaced while it was being fetched") from None
    return Copy(ObjectVersion(bucket, key, _version_in(there) or "null"), int(there["ContentLength"]), is_new=False)


def _head(s3: Any, announcement: Announcement) -> Any:
    pinned = {"VersionId": announcement.version} if announcement.version else {}
    try:
        return s3.head_object(Bucket=announcement.bucket, Key=announcement.key, **pinned)
    except s3.exceptions.ClientError as error:
        # S3 answers a HEAD of what is not there with its status alone, and of a version that never was with 400.
        if error.response["Error"]["Code"] in (*_MISSING, "400", "405", "MethodNotAllowed"):
            raise Gone(f"{announcement.uri} is not there any more: it was deleted before it was fetched") from None
        raise


def _version_in(answer: Any) -> str | None:
    version = answer.get("VersionId")
    return None if version in (None, "null") else str(version)


def _source(announcement: Announcement, version: str | None) -> dict[str, str]:
    found = {"Bucket": announcement.bucket, "Key": announcement.key}
    return {**found, "VersionId": version} if version else found


def _metadata(source: str, announcement: Announcement, version: str) -> dict[str, str]:
    """What a copy says of where it comes from; nothing where that is too long for S3."""
    found = {"source": source, "announced": quote(announcement.uri), "announced-version": quote(version)}
    return (
        found if sum(len(name) + len(value) for name, value in found.items()) < METADATA_BYTES else {"source": source}
    )


def _short(name: str) -> str:
    """A file's name, cut so that no key is longer than S3 takes."""
    return name.encode()[-700:].decode("utf-8", "ignore") or "file.nc"
