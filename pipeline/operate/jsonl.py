"""Files of JSON lines in a bucket, some lines at a time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pipeline.core.clients import client

BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Lines:
    """Some objects of a file; `next` is the place of the byte after them, if more follow."""

    rows: list[dict[str, Any]]
    next: int | None = None


def lines_from(uri: str, start: int, limit: int) -> Lines:
    """At most `limit` objects from the byte `start` of the file on, and no more than `BYTES` of them.

    None if it has expired or was never written, if there are none from there on, and where no line begins.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    s3 = client("s3")
    try:
        answer = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes={start}-{start + BYTES - 1}")
    except s3.exceptions.ClientError as error:
        if error.response.get("Error", {}).get("Code") in ("NoSuchKey", "NoSuchBucket", "InvalidRange", "416"):
            return Lines([])
        raise
    with answer["Body"] as body:
        text = body.read()
    size = int(answer["ContentRange"].rpartition("/")[2])
    # The last line may be cut by the range.
    whole = text if start + len(text) >= size else text[: text.rfind(b"\n") + 1]
    lines = whole.splitlines(keepends=True)[:limit]
    after = start + sum(map(len, lines))
    return Lines([found for line in lines if (found := _row(line))], after if start < after < size else None)


def _row(line: bytes) -> dict[str, Any] | None:
    """The row; None for a line that is cut, for whoever asks may ask from anywhere."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
