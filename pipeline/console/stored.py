"""An object as it lies in its bucket: what S3 says of it, and its bytes, of which never all are held."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from pipeline.core.clients import client
from pipeline.core.objects import ObjectVersion

_MISSING = frozenset({"NoSuchKey", "NoSuchVersion", "404", "405", "MethodNotAllowed", "InvalidArgument", "400"})
"""What S3 answers for a key or version that is not there, a version id that is none, and a delete marker."""


@dataclass(frozen=True, slots=True)
class Head:
    """What S3 says of an object. `version` is None in a bucket without versions."""

    version: str | None
    size: int
    modified: datetime
    etag: str


def named(obj: ObjectVersion) -> dict[str, str]:
    """The parameters of an S3 call on the object: its newest version where none is named."""
    version = {"VersionId": obj.version_id} if obj.version_id else {}
    return {"Bucket": obj.bucket, "Key": obj.key, **version}


def head(obj: ObjectVersion) -> Head | None:
    """None where there is no such object."""
    found = found_or_none(lambda: client("s3").head_object(**named(obj)))
    if found is None:
        return None
    return Head(found.get("VersionId"), found["ContentLength"], found["LastModified"], found["ETag"].strip('"'))


def found_or_none(call: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    """What S3 answers; None where the object is not there."""
    try:
        return call()
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _MISSING:
            return None
        raise


def beginning(obj: ObjectVersion, size: int) -> bytes:
    """The first bytes, at most `size`."""
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
    """More of the object was asked for than may be read."""


class Blocks:
    """A file to seek in, read from S3 in blocks that are kept; at most `budget` of them."""

    def __init__(self, obj: ObjectVersion, size: int, *, block: int = 256 * 1024, budget: int = 16) -> None:
        self._obj = obj
        self._size = size
        self._block = block
        self._budget = budget
        self._blocks: dict[int, bytes] = {}
        self._at = 0
        self.closed = False

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes from where it stands; OverBudget where that takes too many blocks."""
        end = self._size if size < 0 else min(self._at + size, self._size)
        if self._at >= end:
            return b""
        numbers = range(self._at // self._block, (end - 1) // self._block + 1)
        if len({*numbers, *self._blocks}) > self._budget:
            raise OverBudget
        text = b"".join(map(self._read, numbers))
        skipped = self._at - numbers[0] * self._block
        found = text[skipped : skipped + end - self._at]
        self._at = end
        return found

    def _read(self, number: int) -> bytes:
        if number not in self._blocks:
            start = number * self._block
            answer = client("s3").get_object(**named(self._obj), Range=f"bytes={start}-{start + self._block - 1}")
            with answer["Body"] as body:
                self._blocks[number] = body.read()
        return self._blocks[number]

    def close(self) -> None:
        self.closed = True
