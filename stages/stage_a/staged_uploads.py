"""Files of the disk written to S3, a new one never over another: at once, or in parts where one call takes no more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline.core.clients import client

AT_ONCE_BYTES = 1024**3
"""Larger files go up in parts: PutObject takes 5 GB, and a part that fails is less to send again."""
PART_BYTES = 128 * 1024**2
"""10,000 of them, which is the most, are more than a terabyte."""
_THERE_ALREADY = frozenset({"PreconditionFailed", "412"})


def put_new(bucket: str, key: str, path: Path, metadata: Mapping[str, str]) -> str | None:
    """Write a file to a key that has none; the ETag of what was written, None if somebody has written the key."""
    s3 = client("s3")
    try:
        return _etag(_put(bucket, key, path, {"Metadata": dict(metadata)}, {"IfNoneMatch": "*"}))
    except s3.exceptions.ClientError as error:
        if error.response.get("Error", {}).get("Code") not in _THERE_ALREADY:
            raise
        return None


def put(bucket: str, key: str, path: Path, content_type: str, metadata: Mapping[str, str]) -> None:
    """Write a file to a key, over what is there."""
    _put(bucket, key, path, {"ContentType": content_type, "Metadata": dict(metadata)}, {})


def _put(bucket: str, key: str, path: Path, about: dict[str, Any], condition: dict[str, str]) -> Mapping[str, Any]:
    """Write a file with what is said `about` it, if the `condition` holds when its last byte is there."""
    place = {"Bucket": bucket, "Key": key}
    if path.stat().st_size > AT_ONCE_BYTES:
        return _put_in_parts(place, path, about, condition)
    with path.open("rb") as body:
        answer: Mapping[str, Any] = client("s3").put_object(**place, Body=body, **about, **condition)
    return answer


def _put_in_parts(
    place: dict[str, str], path: Path, about: dict[str, Any], condition: dict[str, str]
) -> Mapping[str, Any]:
    s3 = client("s3")
    upload = {**place, "UploadId": s3.create_multipart_upload(**place, **about)["UploadId"]}
    try:
        parts = [
            {"PartNumber": number, "ETag": s3.upload_part(**upload, PartNumber=number, Body=body)["ETag"]}
            for number, body in enumerate(_parts(path), 1)
        ]
        answer: Mapping[str, Any] = s3.complete_multipart_upload(
            **upload, MultipartUpload={"Parts": parts}, **condition
        )
    except Exception:
        # Parts that stay, the bucket's rules remove; that somebody has written the key is not to be lost over them.
        with suppress(s3.exceptions.ClientError):
            s3.abort_multipart_upload(**upload)
        raise
    return answer


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as body:
        while part := body.read(PART_BYTES):
            yield part


def _etag(answer: Mapping[str, Any]) -> str:
    return str(answer["ETag"]).strip('"')
