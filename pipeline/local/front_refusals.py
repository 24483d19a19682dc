"""The answer to a call that the embedded AWS refuses, in the form that the service's clients read."""

from __future__ import annotations

import json
from typing import Any
from xml.sax.saxutils import escape

CODE = "NotImplemented"
STATUS = "501 Not Implemented"
"""SDKs do not repeat it."""


def refused(service: str, why: str, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
    """Status, headers and body of an AWS error with `CODE` and the message `why`."""
    kind, headers, text = _formed(service, why, environ)
    body = text.encode()
    return STATUS, [("Content-Type", kind), ("Content-Length", str(len(body))), *headers], body


def _formed(service: str, why: str, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], str]:
    if environ.get("HTTP_X_AMZ_TARGET"):
        return "application/x-amz-json-1.0", [], json.dumps({"__type": CODE, "message": why})
    error = f"<Code>{CODE}</Code><Message>{escape(why)}</Message>"
    if service == "s3":
        return "application/xml", [], f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{error}</Error>'
    is_form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    if is_form or "Action=" in environ.get("QUERY_STRING", ""):
        return "text/xml", [], f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error></ErrorResponse>"
    return "application/json", [("x-amzn-ErrorType", CODE)], json.dumps({"message": why, "Message": why})
