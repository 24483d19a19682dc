"""`$context` of a request: what mapping templates, gateway responses and access logs may ask about it.

Source: "Mapping template and access logging variable reference" of API Gateway's developer guide.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pipeline.emulator.apigateway.apis import Method
from pipeline.emulator.apigateway.faults import Fault
from pipeline.emulator.apigateway.java_methods import printed
from pipeline.emulator.apigateway.request import Incoming
from pipeline.emulator.apigateway.store import ACCOUNT

_NAME = r"(?:context(?:\.[A-Za-z](?:[A-Za-z0-9_-]*[A-Za-z0-9])?)+|stageVariables\.\w+)"
_REFERENCE = re.compile(rf"\$(?:\{{({_NAME})\}}|({_NAME}))")


def context_of(incoming: Incoming, deployment_id: str) -> dict[str, Any]:
    """What is known of a request before its method is found."""
    at = datetime.now(UTC)
    request_id = str(uuid.uuid4())
    return {
        "accountId": ACCOUNT,
        "apiId": incoming.api_id,
        "deploymentId": deployment_id,
        "domainName": incoming.host,
        "domainPrefix": incoming.api_id,
        "extendedRequestId": uuid.uuid4().hex[:15] + "=",
        "httpMethod": incoming.verb,
        "identity": {"sourceIp": incoming.source_ip, "userAgent": incoming.header("User-Agent")},
        "path": f"/{incoming.stage}{incoming.path}",
        "protocol": "HTTP/1.1",
        "requestId": request_id,
        "requestOverride": {"header": {}, "path": {}, "querystring": {}},
        "requestTime": at.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": int(at.timestamp() * 1000),
        "responseOverride": {"header": {}},
        "stage": incoming.stage,
        "_began": time.monotonic(),
    }


def of_method(context: dict[str, Any], method: Method) -> None:
    """Add which method was found."""
    context["resourcePath"] = method.path
    context["resourceId"] = uuid.uuid5(uuid.NAMESPACE_URL, context["apiId"] + method.path).hex[:6]
    if method.operation:
        context["operationName"] = method.operation


def of_fault(context: dict[str, Any], fault: Fault) -> None:
    """Add why the gateway answers itself."""
    message = fault.message
    context["error"] = {"message": message, "messageString": json.dumps(message), "responseType": fault.kind}
    if fault.kind == "BAD_REQUEST_BODY":
        context["error"]["validationErrorString"] = fault.detail


def substituted(text: str, context: Mapping[str, Any], stage_variables: Mapping[str, str], missing: str = "") -> str:
    """A text with the values of `$context` and `$stageVariables`: no template, nothing of it is run."""

    def value(match: re.Match[str]) -> str:
        found: Any = {"context": context, "stageVariables": stage_variables}
        for name in (match[1] or match[2]).split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
        return missing if found is None else printed(found)

    return _REFERENCE.sub(value, text)
