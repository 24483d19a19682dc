"""Gateway responses, and what may be mapped into headers of an answer, as documents and calls say them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pipeline.emulator.apigateway.apis import GatewayResponse
from pipeline.emulator.apigateway.errors import bad_request, not_honoured

TYPES: Mapping[str, int | None] = {
    "ACCESS_DENIED": 403, "API_CONFIGURATION_ERROR": 500, "AUTHORIZER_CONFIGURATION_ERROR": 500,
    "AUTHORIZER_FAILURE": 500, "BAD_REQUEST_PARAMETERS": 400, "BAD_REQUEST_BODY": 400, "DEFAULT_4XX": None,
    "DEFAULT_5XX": None, "EXPIRED_TOKEN": 403, "INTEGRATION_FAILURE": 504, "INTEGRATION_TIMEOUT": 504,
    "INVALID_API_KEY": 403, "INVALID_SIGNATURE": 403, "MISSING_AUTHENTICATION_TOKEN": 403, "QUOTA_EXCEEDED": 429,
    "REQUEST_TOO_LARGE": 413, "RESOURCE_NOT_FOUND": 404, "THROTTLED": 429, "UNAUTHORIZED": 401,
    "UNSUPPORTED_MEDIA_TYPE": 415, "WAF_FILTERED": 403,
}  # fmt: skip
"""The types of gateway responses and their statuses (developer guide, "Gateway response types")."""

_HEADER = re.compile(r"gatewayresponse\.header\.[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(
    r"'[^']*'|context\.[\w.]+|stageVariables\.\w+|method\.request\.(?:path|querystring|header)\.[\w.$-]+"
)


def gateway_responses(given: Mapping[str, Any]) -> dict[str, GatewayResponse]:
    """Those of a document's `x-amazon-apigateway-gateway-responses`."""
    return {kind: gateway_response(kind, each) for kind, each in given.items()}


def gateway_response(kind: str, given: Mapping[str, Any]) -> GatewayResponse:
    """One of a type; `ApiError` for what is none."""
    if kind not in TYPES:
        raise bad_request(f"Invalid gateway response type: {kind}")
    for name in given:
        if name not in ("statusCode", "responseParameters", "responseTemplates"):
            raise not_honoured(name, f"gateway response {kind}")
    parameters = given.get("responseParameters") or {}
    for name, value in parameters.items():
        if not _HEADER.fullmatch(name) or not _VALUE.fullmatch(str(value)):
            raise bad_request(f"Invalid mapping expression of gateway response {kind}: {name}: {value}")
    status = given.get("statusCode")
    return GatewayResponse(
        int(status) if status is not None else None, dict(parameters), dict(given.get("responseTemplates") or {})
    )
