"""Verify the signature of a request to the embedded AWS: Signature Version 4, in a header or an address.

What the SDKs in play send is verified whole: the signature, that the body is the one that was signed, and each chunk of
a body that is signed in chunks. What a client itself leaves unsigned (`UNSIGNED-PAYLOAD`, and
`STREAMING-UNSIGNED-PAYLOAD-TRAILER`) is not. Addresses may be signed with Version 2, too, which botocore does by
default; nothing else of Version 2 is taken, and nothing of 4A. Source: AWS's "Signature Version 4 signing process" and
"Signature Calculations for the Authorization Header: Transferring Payload in Multiple Chunks".
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from itertools import product
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from pipeline.emulator.gateway.chunks import signed_chunks

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
CHUNKED = (f"STREAMING-{ALGORITHM}-PAYLOAD", f"STREAMING-{ALGORITHM}-PAYLOAD-TRAILER")

SKEW = timedelta(minutes=15)
LONGEST_PRESIGNED = 7 * 24 * 3600
_EMPTY = hashlib.sha256(b"").hexdigest()
_SAFE = "-_.~"


class Unsigned(Enum):
    """Why a request is nobody's."""

    MISSING = "missing"
    UNKNOWN_KEY = "unknown key"
    WRONG = "wrong signature"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Secret:
    """What belongs to an access key id; a session's has a token."""

    secret: str
    token: str | None = None


FindSecret = Callable[[str], Secret | None]


@dataclass(frozen=True, slots=True)
class _Signature:
    """What a request says of its signature."""

    key_id: str
    scope: tuple[str, str, str]
    """Date, region and service."""
    headers: tuple[str, ...]
    value: str
    when: str
    expires: int | None
    payload: str | None

    @property
    def scope_text(self) -> str:
        return "/".join((*self.scope, "aws4_request"))


def check_head(environ: Mapping[str, Any], find: FindSecret) -> Unsigned | None:
    """What can be refused before the body is read: no signature, or one with a key that is not known."""
    if _is_version_2(environ):
        key_id = _query(environ).get("AWSAccessKeyId", "")
        return None if find(key_id) else Unsigned.UNKNOWN_KEY
    signature = _signature(environ)
    if signature is None:
        return Unsigned.MISSING
    return None if find(signature.key_id) else Unsigned.UNKNOWN_KEY


def check(environ: Mapping[str, Any], body: bytes, find: FindSecret) -> Unsigned | None:
    """Why the request is not one of somebody with a key that `find` knows; None if it is."""
    if _is_version_2(environ):
        return _check_version_2(environ, find)
    signature = _signature(environ)
    if signature is None:
        return Unsigned.MISSING
    known = find(signature.key_id)
    if known is None:
        return Unsigned.UNKNOWN_KEY
    if known.token is not None and not _same(known.token, _token(environ)):
        return Unsigned.UNKNOWN_KEY
    if not _is_of_now(signature):
        return Unsigned.EXPIRED
    if not _covers(environ, signature) or not _is_signed(environ, signature, body, known.secret):
        return Unsigned.WRONG
    return None


def _signature(environ: Mapping[str, Any]) -> _Signature | None:
    header = str(environ.get("HTTP_AUTHORIZATION", ""))
    try:
        return _of_header(environ, header) if header else _of_query(_query(environ))
    except (KeyError, ValueError):
        return None


def _of_header(environ: Mapping[str, Any], header: str) -> _Signature | None:
    algorithm, _, rest = header.partition(" ")
    if algorithm != ALGORITHM:
        return None
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    key_id, scope = _credential(parts["Credential"])
    headers = tuple(parts["SignedHeaders"].split(";"))
    when = environ.get("HTTP_X_AMZ_DATE") or environ["HTTP_DATE"]
    payload = environ.get("HTTP_X_AMZ_CONTENT_SHA256")
    return _Signature(key_id, scope, headers, parts["Signature"], when, None, payload)


def _of_query(query: Mapping[str, str]) -> _Signature | None:
    if query["X-Amz-Algorithm"] != ALGORITHM:
        return None
    key_id, scope = _credential(query["X-Amz-Credential"])
    headers = tuple(query["X-Amz-SignedHeaders"].split(";"))
    payload = query.get("X-Amz-Content-Sha256") or (UNSIGNED if scope[2] == "s3" else _EMPTY)
    expires = int(query["X-Amz-Expires"])
    return _Signature(key_id, scope, headers, query["X-Amz-Signature"], query["X-Amz-Date"], expires, payload)


def _credential(text: str) -> tuple[str, tuple[str, str, str]]:
    # An id may have slashes, as the access grants of other makers do; the scope is what stands last.
    key_id, date, region, service, end = text.rsplit("/", 4)
    if end != "aws4_request":
        raise ValueError(end)
    return key_id, (date, region, service)


def _query(environ: Mapping[str, Any]) -> dict[str, str]:
    return dict(parse_qsl(str(environ.get("QUERY_STRING", "")), keep_blank_values=True))


def _token(environ: Mapping[str, Any]) -> str:
    return str(environ.get("HTTP_X_AMZ_SECURITY_TOKEN") or _query(environ).get("X-Amz-Security-Token", ""))


def _is_of_now(signature: _Signature) -> bool:
    try:
        signed = datetime.strptime(signature.when, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return False
    now = datetime.now(UTC)
    if signature.when[:8] != signature.scope[0] or signed > now + SKEW:
        return False
    if signature.expires is None:
        return now - signed <= SKEW
    return 0 < signature.expires <= LONGEST_PRESIGNED and now <= signed + timedelta(seconds=signature.expires)


def _covers(environ: Mapping[str, Any], signature: _Signature) -> bool:
    """Whether what changes a request's meaning is signed: its host and, of S3, every header of AWS.

    Else whoever got an address to put one object could make a copy of another with it.
    """
    if "host" not in signature.headers:
        return False
    if signature.scope[2] != "s3":
        return True
    signed = {_environ_name(name) for name in signature.headers} | {"HTTP_X_AMZ_CONTENT_SHA256"}
    return all(name in signed for name in environ if name.startswith("HTTP_X_AMZ_"))


def _is_signed(environ: Mapping[str, Any], signature: _Signature, body: bytes, secret: str) -> bool:
    given = signature.payload
    streamed = given in (UNSIGNED, UNSIGNED_TRAILER, *CHUNKED)
    digest = given if streamed and given else hashlib.sha256(body).hexdigest()
    if given and not _same(given, digest):
        return False
    key = signing_key(secret, *signature.scope)
    head = f"{ALGORITHM}\n{signature.when}\n{signature.scope_text}\n"
    for request in _canonical(environ, signature, digest):
        expected = _hmac(key, head + hashlib.sha256(request).hexdigest())
        if _same(expected, signature.value):
            if given in CHUNKED:
                return signed_chunks(body, key, signature.when, signature.scope_text, expected)
            return True
    return False


def _canonical(environ: Mapping[str, Any], signature: _Signature, digest: str) -> Iterator[bytes]:
    """The canonical request, in the ways in which clients write what they send.

    S3's path is signed as it is sent, every other service's encoded once more. Some clients send other characters
    escaped than they sign: for these the path and the query are also tried as AWS writes them.
    """
    target = urlsplit(_as_path(str(environ["RAW_URI"])))
    headers = "".join(f"{name}:{_header(environ, name)}\n" for name in signature.headers)
    tail = f"{headers}\n{';'.join(signature.headers)}\n{digest}"
    for path, query in product(_paths(target.path or "/", signature.scope[2]), _queries(target.query, signature)):
        yield f"{environ['REQUEST_METHOD']}\n{path}\n{query}\n{tail}".encode("latin-1")


def _as_path(uri: str) -> str:
    # A path may begin with two slashes, which is not the beginning of a host.
    return f"http://host{uri}" if uri.startswith("/") else uri


def _paths(raw: str, service: str) -> Iterator[str]:
    usual = quote(unquote(raw, "latin-1"), safe="/" + _SAFE, encoding="latin-1")
    if service == "s3":
        yield raw
    else:
        yield quote(raw, safe="/" + _SAFE)
        yield quote(usual, safe="/" + _SAFE)
    yield usual


def _queries(raw: str, signature: _Signature) -> Iterator[str]:
    pairs = [part.partition("=")[::2] for part in raw.split("&") if part]
    if signature.expires is not None:
        pairs = [pair for pair in pairs if pair[0] != "X-Amz-Signature"]
    yield _joined(pairs)
    yield _joined([(_escaped(name), _escaped(value)) for name, value in pairs])
    # AWS's first SDK for Java, and so S3A, sends a space as "+" and signs it as "%20".
    spaced = [(name.replace("+", " "), value.replace("+", " ")) for name, value in pairs]
    yield _joined([(_escaped(name), _escaped(value)) for name, value in spaced])


def _joined(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _escaped(text: str) -> str:
    return quote(unquote(text, "latin-1"), safe=_SAFE, encoding="latin-1")


def _environ_name(header: str) -> str:
    name = header.upper().replace("-", "_")
    return name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"


def _header(environ: Mapping[str, Any], name: str) -> str:
    return " ".join(str(environ.get(_environ_name(name), "")).split())


@lru_cache(maxsize=256)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """What a secret is for one day, region and service."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _hmac(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode(), "sha256").hex()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _is_version_2(environ: Mapping[str, Any]) -> bool:
    return "HTTP_AUTHORIZATION" not in environ and "AWSAccessKeyId=" in str(environ.get("QUERY_STRING", ""))


def _check_version_2(environ: Mapping[str, Any], find: FindSecret) -> Unsigned | None:
    from botocore.auth import HmacV1QueryAuth
    from botocore.compat import HTTPHeaders
    from botocore.credentials import Credentials

    query = _query(environ)
    known = find(query.get("AWSAccessKeyId", ""))
    if known is None or known.token is not None:
        return Unsigned.UNKNOWN_KEY
    expires = query.get("Expires", "")
    if not expires.isdecimal() or int(expires) < time.time():
        return Unsigned.EXPIRED
    signer = HmacV1QueryAuth(Credentials(query["AWSAccessKeyId"], known.secret))
    signer._get_date = lambda: expires
    sent = {name: str(environ[key]) for name, key in _version_2_headers(environ)}
    target = urlsplit(_as_path(str(environ["RAW_URI"])))
    headers = HTTPHeaders.from_dict(sent | {name: query[name] for name in query if name.startswith("x-amz-")})
    expected = signer.get_signature(environ["REQUEST_METHOD"], target, headers)
    return None if _same(expected, query.get("Signature", "")) else Unsigned.WRONG


def _version_2_headers(environ: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key in environ:
        if key in ("CONTENT_TYPE", "HTTP_CONTENT_MD5") or key.startswith("HTTP_X_AMZ_"):
            yield key.removeprefix("HTTP_").lower().replace("_", "-"), key
