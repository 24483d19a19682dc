"""S3: checksums that were sent are compared with what came, and every reader of an object tells the same one.

Source: Amazon S3's user guide, "Checking object integrity". Objects that come without a checksum get none, where AWS
gives them a CRC64NVME.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from pipeline.local.moto_fixes.guard import rebind, replace

PREFIX = "x-amz-checksum-"
COMPOSITE = "COMPOSITE"
FULL_OBJECT = "FULL_OBJECT"


def _crc32(body: bytes) -> bytes:
    return zlib.crc32(body).to_bytes(4, "big")


def _crc32c(body: bytes) -> bytes:
    from awscrt import checksums

    return bytes(checksums.crc32c(body).to_bytes(4, "big"))


def _crc64nvme(body: bytes) -> bytes:
    from awscrt import checksums

    return bytes(checksums.crc64nvme(body).to_bytes(8, "big"))


def _sha1(body: bytes) -> bytes:
    return hashlib.sha1(body, usedforsecurity=False).digest()


def _sha256(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()


ALGORITHMS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "CRC32": (4, _crc32),
    "CRC32C": (4, _crc32c),
    "CRC64NVME": (8, _crc64nvme),
    "SHA1": (20, _sha1),
    "SHA256": (32, _sha256),
}
"""Bytes of a checksum, and what makes it."""


def install() -> None:
    from moto.s3 import utils

    original = replace(utils, "compute_checksum", compute, source="30a7569e3106")
    rebind("moto", "compute_checksum", original, compute)
    _install_answers()
    _install_copies()
    _install_completion()


def _install_answers() -> None:
    from moto.s3.models import S3Backend
    from moto.s3.responses import S3Response

    def get_checksum(self: Any, response_headers: dict[str, Any]) -> tuple[str, str | None]:
        given = dict(_given(self))
        algorithm = next(iter(given), self.headers.get("x-amz-sdk-checksum-algorithm", "").upper())
        if algorithm not in ALGORITHMS:
            return "", None
        value = given.get(algorithm) or compute(_bytes(self.body), algorithm).decode()
        response_headers[PREFIX + algorithm.lower()] = value
        return algorithm, value

    def head_object(self: Any, bucket: str, query: dict[str, Any], key_name: str, headers: Any) -> Any:
        status, told, body = original_head(self, bucket, query, key_name, headers)
        if any(name.startswith(PREFIX) for name in told) and "partNumber" not in query:
            version = query.get("versionId", [None])[0]
            told.update(_headers(self.backend.get_object(bucket, key_name, version_id=version)))
        return status, told, body

    def get_object(self: Any) -> Any:
        status, told, body = original_get(self)
        if any(name.startswith(PREFIX) for name in told):
            told.setdefault("x-amz-checksum-type", FULL_OBJECT)
        return status, told, body

    def attributes(self: Any, key: Any, wanted: list[str]) -> Any:
        found = original_attributes(self, key, [each.strip() for each in wanted])
        if found["checksum"]:
            found["checksum"] = {key.checksum_algorithm: qualified(key), "type": key.checksum_type or FULL_OBJECT}
        return found

    replace(S3Response, "_get_checksum", get_checksum, source="a7caee72693c")
    original_head = replace(S3Response, "head_object", head_object, source="6ca35f68a7d0")
    original_get = replace(S3Response, "get_object", get_object, source="e9731229dec1")
    original_attributes = replace(S3Backend, "get_object_attributes", attributes, source="94a98d1bc0bb")


def _install_copies() -> None:
    from moto.s3.models import S3Backend

    def copy_object(self: Any, source: Any, bucket: str, name: str, *more: Any, **named: Any) -> None:
        original_copy(self, source, bucket, name, *more, **named)
        made = self.get_object(bucket, name)
        if made.checksum_algorithm:
            # A copy is one piece, of however many parts its source was made.
            made.checksum_value = compute(made.value, made.checksum_algorithm).decode()
            made.checksum_type, made.checksum_parts = FULL_OBJECT, None
            made.set_metadata({**made.metadata, "x-amz-checksum-type": FULL_OBJECT}, replace=True)

    original_copy = replace(S3Backend, "copy_object", copy_object, source="e63e9144071c")


def _install_completion() -> None:
    from moto.s3.models import FakeMultipart
    from moto.s3.responses import S3Response

    def complete(self: Any, body: Any) -> Any:
        value, etag, (kind, checksum, count) = original(self, body)
        algorithm = self.metadata.get("x-amz-checksum-algorithm")
        # Before the object is there: what does not match leaves the upload as it was.
        if (wanted := getattr(self, "wanted_checksum", {}).get(algorithm)) and wanted.partition("-")[0] != checksum:
            raise _error("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")
        return value, etag, (kind, checksum, count) if algorithm else None

    def serialized(self: Any, result: Any) -> Any:
        if self.data.get("Action") == "CompleteMultipartUpload" and isinstance(result.result, dict):
            key = self.backend.get_object(self.bucket_name, result.result["Key"])
            if key.checksum_algorithm:
                result.result[f"Checksum{key.checksum_algorithm}"] = qualified(key)
                result.result["ChecksumType"] = key.checksum_type
        return original_serialized(self, result)

    original = replace(FakeMultipart, "complete", complete, source="a5cd01f2f2f2")
    original_serialized = replace(S3Response, "serialized", serialized, source="af486a0ef132")


def compute(body: bytes, algorithm: str, encode_base64: bool = True) -> bytes:
    """The checksum of a body, in base64 unless told otherwise."""
    made = ALGORITHMS[algorithm.upper()][1](body)
    return base64.b64encode(made) if encode_base64 else made


def qualified(key: Any) -> str:
    """As S3 writes it: of an object whose checksum is one of its parts' checksums, with their number."""
    value = str(key.checksum_value)
    return f"{value}-{key.checksum_parts}" if key.checksum_type == COMPOSITE else value


def _headers(key: Any) -> dict[str, str]:
    name = PREFIX + key.checksum_algorithm.lower()
    return {name: qualified(key), "x-amz-checksum-type": key.checksum_type or FULL_OBJECT}


def check_body(response: Any, *, upload: str | None = None) -> None:
    """Raise what S3 answers to a body that is not the one its sender has reckoned with.

    The checksum beside the completion of an `upload` is the whole object's: it is kept there until that is made.
    """
    if "x-amz-copy-source" in response.headers:
        # Hadoop sends its source's digest with a copy, which has no body.
        return
    body = _bytes(response.body)
    if (md5 := response.headers.get("Content-MD5")) is not None:
        if len(_decoded(md5)) != 16:
            raise _error("InvalidDigest", "The Content-MD5 you specified was invalid.")
        if _decoded(md5) != hashlib.md5(body, usedforsecurity=False).digest():
            raise _error("BadDigest", "The Content-MD5 you specified did not match what we received.")
    given = dict(_given(response))
    if len(given) > 1:
        raise _error("InvalidRequest", "Expecting a single x-amz-checksum- header")
    for algorithm, value in given.items():
        if len(_decoded(value.partition("-")[0] if upload else value)) != ALGORITHMS[algorithm][0]:
            raise _error("InvalidRequest", f"Value for {PREFIX}{algorithm.lower()} header is invalid.")
        if not upload and _decoded(value) != ALGORITHMS[algorithm][1](body):
            raise _error("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")
    if upload and (found := response.backend.get_bucket(response.bucket_name).multiparts.get(upload)):
        found.wanted_checksum = given


def _given(response: Any) -> Iterator[tuple[str, str]]:
    """The checksums that came with a request, in a header or behind its chunks, by algorithm."""
    trailers = dict(_trailers(response)) if response.headers.get("x-amz-trailer") else {}
    for algorithm in ALGORITHMS:
        name = PREFIX + algorithm.lower()
        if (value := response.headers.get(name) or trailers.get(name)) is not None:
            yield algorithm, value


def _trailers(response: Any) -> Iterator[tuple[str, str]]:
    # Behind the last chunk; no trailer is longer than this.
    for line in _bytes(response.raw_body)[-1000:].replace(b"\r\n", b"\n").split(b"\n"):
        name, colon, value = line.partition(b":")
        if colon and name.lower().startswith(PREFIX.encode()):
            yield name.decode("latin-1").lower(), value.strip().decode("latin-1")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else body or b""


def _error(code: str, message: str) -> Exception:
    from moto.s3.exceptions import S3ClientError

    error: Exception = S3ClientError(code, message)
    return error
