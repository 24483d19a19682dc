"""The answer to a call that the embedded AWS refuses, in the form that the service's clients read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from pipeline.local.front_malformed import Complaint
from pipeline.local.front_signatures import Unsigned

Answer = tuple[str, list[tuple[str, str]], bytes]
"""Status, headers and body."""


@dataclass(frozen=True, slots=True)
class _Error:
    status: str
    code: str


NOT_IMPLEMENTED = _Error("501 Not Implemented", "NotImplemented")
"""SDKs do not repeat it."""

_FORBIDDEN = "403 Forbidden"
_OF_S3 = {
    Unsigned.MISSING: _Error(_FORBIDDEN, "AccessDenied"),
    Unsigned.UNKNOWN_KEY: _Error(_FORBIDDEN, "InvalidAccessKeyId"),
    Unsigned.WRONG: _Error(_FORBIDDEN, "SignatureDoesNotMatch"),
    Unsigned.EXPIRED: _Error(_FORBIDDEN, "AccessDenied"),
}
_OF_QUERIES = {
    Unsigned.MISSING: _Error(_FORBIDDEN, "MissingAuthenticationToken"),
    Unsigned.UNKNOWN_KEY: _Error(_FORBIDDEN, "InvalidClientTokenId"),
    Unsigned.WRONG: _Error(_FORBIDDEN, "SignatureDoesNotMatch"),
    Unsigned.EXPIRED: _Error(_FORBIDDEN, "SignatureDoesNotMatch"),
}
_OF_JSON = {
    Unsigned.MISSING: "MissingAuthenticationTokenException",
    Unsigned.UNKNOWN_KEY: "UnrecognizedClientException",
    Unsigned.WRONG: "InvalidSignatureException",
    Unsigned.EXPIRED: "InvalidSignatureException",
}
_TOLD = {
    Unsigned.MISSING: "the request is not signed",
    Unsigned.UNKNOWN_KEY: "the key that signed the request is not this lake's",
    Unsigned.WRONG: "the signature of the request is not what this lake's key makes of it",
    Unsigned.EXPIRED: "the signature of the request is of another time, or has expired",
}
HINT = 'Each embedded lake has a key of its own: eval "$(sluice env)" takes it into the environment.'


def refused(service: str, why: str, environ: dict[str, Any]) -> Answer:
    """An AWS error that says that `why` is not in the embedded AWS."""
    return _answer(service, NOT_IMPLEMENTED, why, environ)


def malformed(wrong: Complaint, service: str, environ: dict[str, Any]) -> Answer:
    """What AWS answers to a request that is not as its model says."""
    return _answer(service, _Error("400 Bad Request", wrong.code), wrong.message, environ)


def unsigned(service: str, why: Unsigned, environ: dict[str, Any]) -> Answer:
    """What AWS answers who has no key, or another, with what to do about it here."""
    told = f"{_TOLD[why]}. {HINT}"
    if environ.get("HTTP_X_AMZ_TARGET"):
        return _answer(service, _Error("400 Bad Request", _OF_JSON[why]), told, environ)
    if _is_query(environ):
        return _answer("", _OF_QUERIES[why], told, environ)
    if service == "s3":
        return _answer(service, _OF_S3[why], told, environ)
    return _answer(service, _Error(_FORBIDDEN, _OF_JSON[why]), told, environ)


def stranger(why: str) -> Answer:
    """What nobody's client reads: the request comes from a web page, or asks for another machine."""
    return _sized("403 Forbidden", "text/plain; charset=utf-8", f"{why}\n")


def _is_query(environ: dict[str, Any]) -> bool:
    is_form = str(environ.get("CONTENT_TYPE", "")).startswith("application/x-www-form-urlencoded")
    return is_form or "Action=" in str(environ.get("QUERY_STRING", ""))


def _answer(service: str, error: _Error, why: str, environ: dict[str, Any]) -> Answer:
    code = error.code
    if environ.get("HTTP_X_AMZ_TARGET"):
        return _sized(error.status, "application/x-amz-json-1.0", json.dumps({"__type": code, "message": why}))
    told = f"<Code>{code}</Code><Message>{escape(why)}</Message>"
    if service == "s3":
        return _sized(error.status, "application/xml", f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{told}</Error>')
    if _is_query(environ):
        text = f"<ErrorResponse><Error><Type>Sender</Type>{told}</Error></ErrorResponse>"
        return _sized(error.status, "text/xml", text)
    text = json.dumps({"message": why, "Message": why})
    return _sized(error.status, "application/json", text, ("x-amzn-ErrorType", code))


def _sized(status: str, kind: str, text: str, *headers: tuple[str, str]) -> Answer:
    body = text.encode()
    return status, [("Content-Type", kind), ("Content-Length", str(len(body))), *headers], body
