"""The answer to a call that the embedded AWS refuses, in the form that the service's clients read."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from pipeline.emulator.gateway.malformed import Complaint
from pipeline.emulator.gateway.signatures import Unsigned

Answer = tuple[str, list[tuple[str, str]], bytes]
"""Status, headers and body."""


@dataclass(frozen=True, slots=True)
class _Error:
    status: str
    code: str


_NOT_OF_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

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
    return _answer(service, _Error("400 Bad Request", wrong.code), wrong.message, environ, wrong.details)


def unreadable(service: str, why: str, environ: dict[str, Any]) -> Answer:
    """What is answered to a request whose end cannot be told."""
    return _answer(service, _Error("400 Bad Request", "BadRequest"), why, environ)


def in_protocol(service: str, application: Any, environ: dict[str, Any], start_response: Any) -> Any:
    """The application's answer; the page that no such path is there becomes an error of the service."""
    told: list[tuple[Any, ...]] = []
    body = application(environ, lambda *started: told.append(started))
    status, headers = told[-1][:2]
    if status.startswith("404") and any(name.lower() == "content-type" and "html" in kind for name, kind in headers):
        status, headers, page = _answer(service, _Error(status, "UnknownOperationException"), "No such path", environ)
        body = [page]
    start_response(status, headers)
    return body


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


def api_error(status: str, why: str) -> Answer:
    """What a deployed API answers before its body is read."""
    return _sized(status, "application/json", json.dumps({"message": why}))


def _is_query(environ: dict[str, Any]) -> bool:
    is_form = str(environ.get("CONTENT_TYPE", "")).startswith("application/x-www-form-urlencoded")
    return is_form or "Action=" in str(environ.get("QUERY_STRING", ""))


def _answer(
    service: str, error: _Error, why: str, environ: dict[str, Any], details: tuple[tuple[str, str], ...] = ()
) -> Answer:
    code = error.code
    if environ.get("HTTP_X_AMZ_TARGET"):
        return _sized(error.status, "application/x-amz-json-1.0", json.dumps({"__type": code, "message": why}))
    told = f"<Code>{code}</Code><Message>{_written(why)}</Message>"
    if service == "s3":
        told += "".join(f"<{name}>{_written(value)}</{name}>" for name, value in details)
        return _sized(error.status, "application/xml", f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{told}</Error>')
    if _is_query(environ):
        text = f"<ErrorResponse><Error><Type>Sender</Type>{told}</Error></ErrorResponse>"
        return _sized(error.status, "text/xml", text)
    text = json.dumps({"message": why, "Message": why})
    return _sized(error.status, "application/json", text, ("x-amzn-ErrorType", code))


def _written(text: str) -> str:
    """Text as it stands in XML, in which most control characters cannot."""
    return escape(_NOT_OF_XML.sub("\ufffd", text))


def _sized(status: str, kind: str, text: str, *headers: tuple[str, str]) -> Answer:
    body = text.encode()
    return status, [("Content-Type", kind), ("Content-Length", str(len(body))), *headers], body
