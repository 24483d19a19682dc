"""Reads `x-amazon-apigateway-integration`. What is not honoured is refused by its name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.emulator.apigateway.apis import Integration, IntegrationKind, IntegrationResponse, Passthrough
from pipeline.emulator.apigateway.errors import bad_request, not_honoured
from pipeline.emulator.apigateway.variables import check_template
from pipeline.emulator.apigateway.vtl import TemplateFailed

_HONOURED = frozenset(
    (
        "type", "uri", "httpMethod", "credentials", "requestTemplates", "passthroughBehavior", "timeoutInMillis",
        "responses", "connectionType",
    )
)  # fmt: skip
_LAMBDA = re.compile(r"lambda:path/2015-03-31/functions/(arn:[^/]+)/invocations")
_DYNAMODB = re.compile(r"dynamodb:action/(\w+)")
_URI = re.compile(r"arn:aws[\w-]*:apigateway:[\w-]+:(.+)")
_RESPONSE = frozenset(("statusCode", "responseParameters", "responseTemplates"))
_VALUE = re.compile(
    r"'[^']*'|integration\.response\.header\.[\w-]+|integration\.response\.body(?:\..+)?|context\.[\w.]+"
    r"|stageVariables\.\w+"
)
_HEADER = "method.response.header."
_TIMEOUTS = (50, 29_000)


def read_integration(given: Mapping[str, Any], headers: Mapping[int, frozenset[str]], where: str) -> Integration:
    """The integration of the method `where`, whose responses declare these `headers` by status."""
    kind = str(given.get("type", "")).lower()
    if kind not in list(IntegrationKind):
        raise not_honoured(f"integrations of type {kind}: only aws, aws_proxy and mock are", where)
    for name in given:
        if name not in _HONOURED:
            raise not_honoured(f"{name} of an integration", where)
    if given.get("connectionType", "INTERNET") != "INTERNET":
        raise not_honoured(f"connectionType {given['connectionType']}", where)
    service, target = ("", "") if kind == IntegrationKind.MOCK else _target(given, kind, where)
    proxy = kind == IntegrationKind.AWS_PROXY
    responses = () if proxy else tuple(_responses(given.get("responses") or {}, headers, where))
    return Integration(
        IntegrationKind(kind),
        service,
        target,
        _credentials(given, service, where),
        {} if proxy else _templates(given.get("requestTemplates") or {}, where),
        _passthrough(given, where),
        _timeout(given, where),
        responses,
    )


def _target(given: Mapping[str, Any], kind: str, where: str) -> tuple[str, str]:
    if str(given.get("httpMethod", "")).upper() != "POST":
        raise bad_request(f"Integrations with DynamoDB's actions and with functions have httpMethod POST ({where})")
    uri = str(given.get("uri", ""))
    read = None if "${" in uri else _URI.fullmatch(uri)
    if read and (found := _LAMBDA.fullmatch(read[1])):
        return "lambda", found[1]
    if read and kind == IntegrationKind.AWS and (found := _DYNAMODB.fullmatch(read[1])):
        return "dynamodb", found[1]
    raise not_honoured(f"the integration {uri}: only actions of DynamoDB (aws) and invocations of functions are", where)


def _credentials(given: Mapping[str, Any], service: str, where: str) -> str:
    credentials = str(given.get("credentials") or "")
    if service == "dynamodb" and not re.fullmatch(r"arn:aws[\w-]*:iam::\d{12}:role/.+", credentials):
        raise bad_request(f"An integration with DynamoDB needs the ARN of a role as its credentials ({where})")
    return credentials


def _passthrough(given: Mapping[str, Any], where: str) -> Passthrough:
    said = str(given.get("passthroughBehavior", "when_no_match")).lower()
    if said not in list(Passthrough):
        raise bad_request(f"Invalid passthroughBehavior {said} ({where})")
    return Passthrough(said)


def _timeout(given: Mapping[str, Any], where: str) -> int:
    said = int(given.get("timeoutInMillis", _TIMEOUTS[1]))
    if not _TIMEOUTS[0] <= said <= _TIMEOUTS[1]:
        raise bad_request(f"Timeout should be between 50 ms and 29000 ms ({where})")
    return said


def _templates(given: Mapping[str, Any], where: str) -> dict[str, str]:
    for kind, template in given.items():
        try:
            check_template(str(template))
        except TemplateFailed as error:
            raise not_honoured(f"a template for {kind}: {error}", where) from error
    return {str(kind).lower(): str(template) for kind, template in given.items()}


def _responses(
    given: Mapping[str, Any], headers: Mapping[int, frozenset[str]], where: str
) -> Iterator[IntegrationResponse]:
    for pattern, each in given.items():
        for name in each:
            if name not in _RESPONSE:
                raise not_honoured(f"{name} of an integration's response", where)
        status, parameters = int(each["statusCode"]), each.get("responseParameters") or {}
        if status not in headers:
            raise bad_request(f"No method response {status} is declared for the integration's ({where})")
        for name, value in parameters.items():
            if not name.startswith(_HEADER) or name.removeprefix(_HEADER) not in headers[status]:
                raise bad_request(f"Invalid mapping expression parameter specified: {name} ({where})")
            if not _VALUE.fullmatch(str(value)):
                raise bad_request(f"Invalid mapping expression specified: {value} ({where})")
        templates = _templates(each.get("responseTemplates") or {}, where)
        yield IntegrationResponse(_pattern(pattern, where), status, dict(parameters), templates)


def _pattern(given: str, where: str) -> str | None:
    if given == "default":
        return None
    try:
        re.compile(given)
    except re.error as error:
        raise bad_request(f"The pattern {given} of a response cannot be read: {error} ({where})") from error
    return given
