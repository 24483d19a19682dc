"""The first lines of a file of JSON lines in a bucket."""

from __future__ import annotations

import json
from typing import Any

from pipeline.clients import client

BYTES = 64 * 1024


def first_lines(uri: str, limit: int) -> list[dict[str, Any]]:
    """At most `limit` objects of at most `BYTES` of the file; [] if it has expired or was never written."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    s3 = client("s3")
    try:
        answer = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{BYTES - 1}")
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "NoSuchBucket", "InvalidRange"):
            return []
        raise
    with answer["Body"] as body:
        text = body.read()
    # The last line may be cut by the range.
    whole = text if len(text) < BYTES else text[: text.rfind(b"\n") + 1]
    return [json.loads(line) for line in whole.splitlines()[:limit] if line.strip()]
