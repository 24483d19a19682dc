"""Verify a body that is signed in chunks, as AWS's SDKs for Java send what they upload."""

from __future__ import annotations

import hashlib
import hmac

_EMPTY = hashlib.sha256(b"").hexdigest()
_EXTENSION = b";chunk-signature="
_TRAILER_SIGNATURE = b"x-amz-trailer-signature:"


def signed_chunks(body: bytes, key: bytes, when: str, scope: str, seed: str) -> bool:
    """Whether each chunk, and what trails them, is signed with `key`, beginning from the request's signature."""
    try:
        return _signed_chunks(memoryview(body), key, f"{when}\n{scope}\n", seed)
    except ValueError:
        return False


def _signed_chunks(body: memoryview, key: bytes, place: str, previous: str) -> bool:
    at = 0
    while True:
        size, signature, at = _chunk_head(body, at)
        data = body[at : at + size]
        if len(data) != size:
            return False
        text = f"AWS4-HMAC-SHA256-PAYLOAD\n{place}{previous}\n{_EMPTY}\n{hashlib.sha256(data).hexdigest()}"
        if not _matches(key, text, signature):
            return False
        previous = signature
        at += size
        if size == 0:
            return _signed_trailer(bytes(body[at:]), key, place, previous)
        if bytes(body[at : at + 2]) != b"\r\n":
            return False
        at += 2


def _chunk_head(body: memoryview, at: int) -> tuple[int, str, int]:
    line, end, _ = bytes(body[at : at + 200]).partition(b"\r\n")
    size, extension, signature = line.partition(_EXTENSION)
    if not end or not extension:
        raise ValueError("no signature of a chunk")
    return int(size, 16), signature.decode("ascii"), at + len(line) + 2


def _signed_trailer(rest: bytes, key: bytes, place: str, previous: str) -> bool:
    lines = [line for line in rest.replace(b"\r\n", b"\n").split(b"\n") if line]
    if not lines:
        return True
    trailers = b"".join(line + b"\n" for line in lines if not line.startswith(_TRAILER_SIGNATURE))
    given = next((line for line in lines if line.startswith(_TRAILER_SIGNATURE)), b"")
    text = f"AWS4-HMAC-SHA256-TRAILER\n{place}{previous}\n{hashlib.sha256(trailers).hexdigest()}"
    return _matches(key, text, given.removeprefix(_TRAILER_SIGNATURE).decode("ascii"))


def _matches(key: bytes, text: str, signature: str) -> bool:
    return hmac.compare_digest(hmac.digest(key, text.encode(), "sha256").hex().encode(), signature.encode())
