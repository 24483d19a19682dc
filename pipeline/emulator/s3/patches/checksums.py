"""S3: checksums that were sent are compared with what came, and every reader of an object tells the same one.

Source: Amazon S3's user guide, "Checking object integrity". Uploads in parts have rules of their own, in `s3_uploads`;
GetObject and HeadObject tell a checksum in `s3_reads`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from pipeline.emulator.moto.patch import patch

PREFIX = "x-amz-checksum-"
COMPOSITE = "COMPOSITE"
FULL_OBJECT = "FULL_OBJECT"
DEFAULT = "CRC64NVME"
"""What S3 reckons, since December 2024, for an object that comes without a checksum."""


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


@patch("moto.s3.responses:S3Response._get_checksum", "a7caee72693c", "moto looks for a checksum where one header says")
def _get_checksum(self: Any, response_headers: dict[str, Any]) -> tuple[str, str | None]:
    given = dict(given_checksums(self))
    algorithm = next(iter(given), self.headers.get("x-amz-sdk-checksum-algorithm", "").upper())
    if algorithm not in ALGORITHMS:
        return "", None
    value = given.get(algorithm) or str(compute(_bytes(self.body), algorithm).decode())
    response_headers[PREFIX + algorithm.lower()] = value
    return algorithm, value


@patch(
    "moto.s3.responses:S3Response.put_object", "992229be920b", "moto tells no checksum that the sender did not ask for"
)
def _put_object(self: Any) -> Any:
    status, told, body = _put_object.original(self)
    told.update(_headers(self.backend.get_object(self.bucket_name, self.parse_key_name())))
    return status, told, body


@patch("moto.s3.models:S3Backend.get_object_attributes", "94a98d1bc0bb", "moto tells no kind of checksum")
def _get_object_attributes(self: Any, key: Any, wanted: list[str]) -> Any:
    found = _get_object_attributes.original(self, key, [each.strip() for each in wanted])
    if found["checksum"]:
        # Here alone S3 leaves the number of parts to `ObjectParts`.
        found["checksum"] = {key.checksum_algorithm: key.checksum_value, "type": kind_of(key)}
    return found


@patch("moto.s3.models:S3Backend.copy_object", "e63e9144071c", "moto gives a copy the checksum of its source's parts")
def _copy_object(self: Any, source: Any, bucket: str, name: str, *more: Any, **named: Any) -> None:
    _copy_object.original(self, source, bucket, name, *more, **named)
    made = self.get_object(bucket, name)
    if made.checksum_algorithm:
        # A copy is one piece, of however many parts its source was made.
        made.checksum_value = compute(made.value, made.checksum_algorithm).decode()
        made.checksum_type, made.checksum_parts = FULL_OBJECT, None


@patch("moto.s3.models:S3Backend.put_object", "db803f2da9d7", "moto gives no checksum to an object that comes without")
def _put_object_with_default(self: Any, *given: Any, **named: Any) -> Any:
    made = _put_object_with_default.original(self, *given, **named)
    if made.checksum_value is None:
        made.checksum_algorithm, made.checksum_value = DEFAULT, compute(made.value, DEFAULT).decode()
    return made


@patch("moto.s3.utils:compute_checksum", "30a7569e3106", "moto makes SHA256 of a name in lower case", rebind="moto")
def compute(body: bytes, algorithm: str, encode_base64: bool = True) -> bytes:
    """The checksum of a body, in base64 unless told otherwise."""
    made = ALGORITHMS[algorithm.upper()][1](body)
    return base64.b64encode(made) if encode_base64 else made


def kind_of(key: Any) -> str:
    """Whether an object's checksum is of its whole or of its parts."""
    return key.checksum_type or FULL_OBJECT


def qualified(key: Any) -> str:
    """As S3 writes it: of an object whose checksum is one of its parts' checksums, with their number."""
    value = str(key.checksum_value)
    return f"{value}-{key.checksum_parts}" if key.checksum_type == COMPOSITE else value


def is_in_parts(key: Any) -> bool:
    """Whether an object was made of parts. A copy is one piece, of however many parts its source was made."""
    return bool(key.multipart and key.checksum_parts)


def of_part(part: Any, algorithm: str) -> str:
    """The checksum of a part, made once."""
    if part.checksum_algorithm != algorithm:
        part.checksum_algorithm, part.checksum_value = algorithm, compute(part.value, algorithm).decode()
    return str(part.checksum_value)


def tell_checksum(told: dict[str, str], key: Any, asked: Any, part: int | None) -> None:
    """Put the checksum into the answer's headers if it was asked for, and none if not; of one part if of that alone."""
    for name in [name for name in told if name.lower().startswith(PREFIX)]:
        del told[name]
    if str(asked.get("x-amz-checksum-mode", "")).upper() == "ENABLED":
        told.update(_of_one_part(key, part) if part and is_in_parts(key) else _headers(key))


def _headers(key: Any) -> dict[str, str]:
    return {PREFIX + key.checksum_algorithm.lower(): qualified(key), f"{PREFIX}type": kind_of(key)}


def _of_one_part(key: Any, number: int) -> dict[str, str]:
    """A part has a checksum of its own where the object's is made of them; of one part alone both are the same."""
    if key.checksum_type == FULL_OBJECT:
        return {} if key.checksum_parts > 1 else _headers(key)
    value = of_part(key.multipart.parts[number], key.checksum_algorithm)
    return {PREFIX + key.checksum_algorithm.lower(): value, f"{PREFIX}type": kind_of(key)}


def check_body(response: Any, *, of_completion: bool = False) -> None:
    """Raise what S3 answers to a body that is not the one its sender has reckoned with.

    The checksum beside the completion of an upload is the whole object's, and not the body's.
    """
    if "x-amz-copy-source" in response.headers:
        # Hadoop sends its source's digest with a copy, which has no body.
        return
    body = _bytes(response.body)
    if (md5 := response.headers.get("Content-MD5")) is not None:
        if len(_decoded(md5)) != 16:
            raise checksum_error("InvalidDigest", "The Content-MD5 you specified was invalid.")
        if _decoded(md5) != hashlib.md5(body, usedforsecurity=False).digest():
            raise checksum_error("BadDigest", "The Content-MD5 you specified did not match what we received.")
    given = dict(given_checksums(response))
    if len(given) > 1:
        raise checksum_error("InvalidRequest", "Expecting a single x-amz-checksum- header")
    for algorithm, value in given.items():
        if len(_decoded(value.partition("-")[0] if of_completion else value)) != ALGORITHMS[algorithm][0]:
            raise checksum_error("InvalidRequest", f"Value for {PREFIX}{algorithm.lower()} header is invalid.")
        if not of_completion and _decoded(value) != ALGORITHMS[algorithm][1](body):
            raise checksum_error("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")


def given_checksums(response: Any) -> Iterator[tuple[str, str]]:
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


def checksum_error(code: str, message: str) -> Exception:
    """An error of S3 with this code and message."""
    from moto.s3.exceptions import S3ClientError

    error: Exception = S3ClientError(code, message)
    return error
