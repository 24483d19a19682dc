"""Uploads: a stream of bytes written to a bucket, of which one part at a time is in memory."""

from __future__ import annotations

from collections.abc import AsyncIterable
from dataclasses import dataclass, field
from typing import Any

import anyio
from starlette.concurrency import run_in_threadpool

from pipeline.core.clients import client
from pipeline.core.errors import Refused

PART_BYTES = 8 * 1024 * 1024
"""Each upload holds up to two parts in memory: one that fills, and one that is sent."""
MOST_PART_BYTES = 64 * 1024 * 1024
PARTS = 10_000
"""Parts of one upload (S3 quota)."""
_TOO_LARGE = "Copy it with `aws s3 cp`: `sluice env` prints what that needs."


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What was written. `version` is None in a bucket without versions."""

    version: str | None
    size: int


def part_bytes(length: int | None) -> int:
    """The size of the parts of a body of `length` bytes; PART_BYTES if the length is not known.

    `Refused` if the parts would be larger than MOST_PART_BYTES.
    """
    size = max(PART_BYTES, -(-(length or 0) // PARTS))
    if size > MOST_PART_BYTES:
        raise Refused("the file is larger than the console takes", hint=_TOO_LARGE)
    return size


async def store(body: AsyncIterable[bytes], bucket: str, key: str, *, part: int) -> StoredObject:
    """Write `body` to a new version of `key`. If it ends early for any reason, no part of it stays in the bucket."""
    upload, held = _Upload(bucket, key), bytearray()
    try:
        async for chunk in body:
            held += chunk
            while len(held) >= part:
                full = bytes(held[:part])
                del held[:part]
                await run_in_threadpool(upload.add, full)
        return await run_in_threadpool(upload.finish, bytes(held))
    except BaseException:
        with anyio.CancelScope(shield=True):
            await run_in_threadpool(upload.abandon)
        raise


@dataclass(slots=True)
class _Upload:
    """The parts written so far. A body smaller than one part is written by PutObject."""

    bucket: str
    key: str
    id: str | None = None
    parts: list[dict[str, Any]] = field(default_factory=list)
    size: int = 0

    def add(self, body: bytes) -> None:
        s3, target = client("s3"), {"Bucket": self.bucket, "Key": self.key}
        if self.id is None:
            self.id = s3.create_multipart_upload(**target)["UploadId"]
        number = len(self.parts) + 1
        if number > PARTS:
            raise Refused("the file is larger than the console takes", hint=_TOO_LARGE)
        written = s3.upload_part(**target, UploadId=self.id, PartNumber=number, Body=body)
        self.parts.append({"PartNumber": number, "ETag": written["ETag"]})
        self.size += len(body)

    def finish(self, rest: bytes) -> StoredObject:
        s3, target = client("s3"), {"Bucket": self.bucket, "Key": self.key}
        if self.id is None:
            return StoredObject(s3.put_object(**target, Body=rest).get("VersionId"), len(rest))
        if rest:
            self.add(rest)
        done = s3.complete_multipart_upload(**target, UploadId=self.id, MultipartUpload={"Parts": self.parts})
        self.id = None
        return StoredObject(done.get("VersionId"), self.size)

    def abandon(self) -> None:
        if self.id is not None:
            client("s3").abort_multipart_upload(Bucket=self.bucket, Key=self.key, UploadId=self.id)
