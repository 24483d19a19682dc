"""The event that a function gets from a proxy integration.

Source: "Input format of a Lambda function for proxy integration" of API Gateway's developer guide.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.emulator.apigateway.apis import Method
from pipeline.emulator.apigateway.backends import as_text
from pipeline.emulator.apigateway.request import Incoming

_IDENTITY = (
    "cognitoIdentityPoolId", "accountId", "cognitoIdentityId", "caller", "sourceIp", "principalOrgId", "accessKey",
    "cognitoAuthenticationType", "cognitoAuthenticationProvider", "userArn", "userAgent", "user", "apiKey", "apiKeyId",
)  # fmt: skip
_CONTEXT = (
    "accountId", "apiId", "deploymentId", "domainName", "domainPrefix", "extendedRequestId", "httpMethod", "path",
    "operationName", "protocol", "requestId", "requestTime", "requestTimeEpoch", "resourceId", "resourcePath", "stage",
)  # fmt: skip


def proxy_event(
    method: Method,
    incoming: Incoming,
    of_path: Mapping[str, str],
    context: Mapping[str, Any],
    stage_variables: Mapping[str, str],
) -> dict[str, Any]:
    """The event. What there is none of is null."""
    body, in_base64 = as_text(incoming.body)
    identity = context["identity"]
    return {
        "resource": method.path,
        "path": incoming.path,
        "httpMethod": incoming.verb,
        "headers": dict(incoming.headers) or None,
        "multiValueHeaders": _several(incoming.headers),
        "queryStringParameters": dict(incoming.query) or None,
        "multiValueQueryStringParameters": _several(incoming.query),
        "pathParameters": dict(of_path) or None,
        "stageVariables": dict(stage_variables) or None,
        "requestContext": {
            **{name: context[name] for name in _CONTEXT if name in context},
            "identity": {name: identity.get(name) for name in _IDENTITY},
        },
        "body": body or None,
        "isBase64Encoded": in_base64,
    }


def _several(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]] | None:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found or None
