"""Which calls AWS would refuse for their form: those of which it is known at once, and those at which moto failed.

A REST service's members are looked at first, since moto takes many that are of no kind: a good call pays for what it
has that is not just text. What is missing or beyond its bounds in a body is told where moto fails at it.
"""

from __future__ import annotations

from typing import Any

from pipeline.emulator.gateway.calls import Call
from pipeline.emulator.gateway.malformed import Complaint, complaint, reads_json, wrong_kind
from pipeline.emulator.gateway.malformed_forms import complaint_of_form
from pipeline.emulator.gateway.malformed_rest import complaint_beside_body
from pipeline.emulator.s3.arguments import without_ignored
from pipeline.emulator.s3.documents import complaint_of_no_document

OPERATION = "sluice.operation"
"""Where S3's fixes find what a request is, to look at its body once they know that it came as it was sent."""

REST_JSON = ("lambda", "scheduler", "apigateway")


def complaint_before(call: Call, environ: dict[str, Any]) -> Complaint | None:
    """What AWS has against a call before it is acted on. Arguments that it ignores are gone from the request after."""
    service, operation, _ = call
    if service == "s3":
        environ[OPERATION] = operation
        wrong = complaint_beside_body(service, operation, environ)
        without_ignored(environ)
        return wrong
    if service not in REST_JSON:
        return None
    wrong = complaint_beside_body(service, operation, environ)
    if wrong is None and reads_json(service, operation):
        return wrong_kind(service, operation, _body(environ))
    return wrong


def complaint_after(call: Call, environ: dict[str, Any]) -> Complaint | None:
    """What AWS would have had against a call at which moto failed; None if it was a good one."""
    service, operation, _ = call
    body = _body(environ)
    if service == "s3":
        return complaint_of_no_document(operation, body)
    return complaint(service, operation, body) or complaint_of_form(service, operation, body)


def _body(environ: dict[str, Any]) -> bytes:
    """The body, which stays there to be read."""
    environ["wsgi.input"].seek(0)
    body: bytes = environ["wsgi.input"].read()
    environ["wsgi.input"].seek(0)
    return body
