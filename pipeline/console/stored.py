"""Stored objects: their metadata and bytes in S3, of which only a part is ever held in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from pipeline.core.clients import client
from pipeline.core.objects import ObjectVersion

_MISSING = frozenset({"NoSuchKey", "NoSuchVersion", "404", "405", "MethodNotAllowed", "InvalidArgument", "400"})
"""S3's error codes for a missing key or version, a malformed version id, and a delete marker."""


@dataclass(frozen=True, slots=True)
class Head:
    """An object's metadata (HeadObject); size in bytes. `version` is None in a bucket without versions."""

    version: str | None
    size: int
    modified: datetime
    etag: str


def named(obj: ObjectVersion) -> dict[str, str]:
    """The parameters of an S3 call on the object; on its newest version if it names none."""
    version = {"VersionId": obj.version_id} if obj.version_id else {}
    return {"Bucket": obj.bucket, "Key": obj.key, **version}


def head(obj: ObjectVersion) -> Head | None:
    """An object's metadata; None if there is no such object."""
    answer = none_if_missing(lambda: client("s3").head_object(**named(obj)))
    if answer is None:
        return None
    return Head(answer.get("VersionId"), answer["ContentLength"], answer["LastModified"], answer["ETag"].strip('"'))


def none_if_missing(call: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    """The answer of a call to S3; None if it fails because the object does not exist."""
    try:
        return call()
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _MISSING:
            return None
        raise


def beginning(obj: ObjectVersion, size: int) -> bytes:
    """The first `size` bytes of an object, or all if it has fewer."""
    s3 = client("s3")
    try:
        answer = s3.get_object(**named(obj), Range=f"bytes=0-{size - 1}")
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in ("InvalidRange", "416"):
            # An empty object has no first byte.
            return b""
        raise
    with answer["Body"] as body:
        read: bytes = body.read()
    return read


class OverBudget(Exception):
    """Reading on would take more blocks of the object than allowed."""


class Blocks:
    """An object as a seekable file, read in cached blocks of `block` bytes, of which `budget` are allowed."""

    def __init__(self, obj: ObjectVersion, size: int, *, block: int = 256 * 1024, budget: int = 16) -> None:
        self._obj = obj
        self._size = size
        self._block = block
        self._budget = budget
        self._blocks: dict[int, bytes] = {}
        self._at = 0
        self.closed = False

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move the position as `io.IOBase.seek` does; the new position."""
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        """The position, in bytes from the beginning."""
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes from the position on, all with -1; `OverBudget` if that takes too many blocks."""
        end = self._size if size < 0 else min(self._at + size, self._size)
        if self._at >= end:
            return b""
        numbers = range(self._at // self._block, (end - 1) // self._block + 1)
        if len({*numbers, *self._blocks}) > self._budget:
            raise OverBudget
        blocks = b"".join(map(self._read, numbers))
        skipped = self._at - numbers[0] * self._block
        content = blocks[skipped : skipped + end - self._at]
        self._at = end
        return content

    def _read(self, number: int) -> bytes:
        if number not in self._blocks:
            start = number * self._block
            answer = client("s3").get_object(**named(self._obj), Range=f"bytes={start}-{start + self._block - 1}")
            with answer["Body"] as body:
                self._blocks[number] = body.read()
        return self._blocks[number]

    def close(self) -> None:
        """Mark the file as closed; nothing is held open."""
        self.closed = True
