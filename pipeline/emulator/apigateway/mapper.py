"""Between method and integration: the body that a backend gets, and the answer made of what it gave."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.emulator.apigateway.apis import Integration, IntegrationResponse, Passthrough
from pipeline.emulator.apigateway.backends import BackendAnswer
from pipeline.emulator.apigateway.faults import Fault, broken
from pipeline.emulator.apigateway.java_methods import printed
from pipeline.emulator.apigateway.request import Incoming
from pipeline.emulator.apigateway.validation import content_type
from pipeline.emulator.apigateway.variables import Input, mapped
from pipeline.emulator.apigateway.vtl import TemplateFailed

JSON = "application/json"
Parameters = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it goes to the caller."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Mapper:
    """What templates of one request know. They may write overrides into `context`."""

    parameters: Parameters
    context: dict[str, Any]
    stage_variables: Mapping[str, str]

    def request_body(self, integration: Integration, incoming: Incoming) -> str:
        """What the backend gets; a 415 where the body may not pass as it is."""
        kind = content_type(incoming)
        template = integration.templates.get(kind)
        if template is not None:
            return self._mapped(template, incoming.text())
        untouched = integration.passthrough is Passthrough.WHEN_NO_MATCH or (
            integration.passthrough is Passthrough.WHEN_NO_TEMPLATES and not integration.templates
        )
        if not untouched:
            raise Fault("UNSUPPORTED_MEDIA_TYPE", "Unsupported Media Type", "BadRequestException")
        return incoming.text()

    def reply(self, integration: Integration, answer: BackendAnswer, accept: str) -> Reply:
        """What the caller gets, by the integration response that the answer selects."""
        chosen = select_response(integration.responses, answer)
        kind, body = self._response_body(chosen, answer, accept)
        headers = {"Content-Type": kind}
        for name, value in chosen.parameters.items():
            text = self._value(value, answer)
            if text is not None:
                _put(headers, name.rpartition("header.")[2], text)
        override = self.context["responseOverride"]
        for name, value in override["header"].items():
            _put(headers, name, printed(value))
        status = _status(override.get("status", chosen.status))
        return Reply(status, tuple((name, one_line(value)) for name, value in headers.items()), body.encode())

    def _response_body(self, chosen: IntegrationResponse, answer: BackendAnswer, accept: str) -> tuple[str, str]:
        if not chosen.templates:
            return answer.headers.get("content-type", JSON) if answer.body else JSON, answer.body
        wanted = accept.partition(",")[0].partition(";")[0].strip().lower()
        kind = wanted if wanted in chosen.templates else next(iter(chosen.templates))
        return kind, self._mapped(chosen.templates[kind], answer.body)

    def _mapped(self, template: str, body: str) -> str:
        try:
            return mapped(template, body, self.parameters, self.context, self.stage_variables)
        except TemplateFailed as error:
            raise broken(str(error)) from error

    def _value(self, expression: str, answer: BackendAnswer) -> str | None:
        """The value of a response parameter; None where there is nothing."""
        if expression.startswith("'"):
            return expression[1:-1]
        name = expression.removeprefix("integration.response.")
        if name.startswith("header."):
            return answer.headers.get(name.removeprefix("header.").lower())
        if name == "body":
            return answer.body
        if name.startswith("body."):
            found = Input(answer.body, {}).path(f"$.{name.removeprefix('body.')}")
            return None if found is None else printed(found)
        return _field({"context": self.context, "stageVariables": self.stage_variables}, expression)


def _field(known: Mapping[str, Any], expression: str) -> str | None:
    found: Any = known
    for step in expression.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return None if found is None else printed(found)


def _put(headers: dict[str, str], name: str, value: str) -> None:
    for other in [other for other in headers if other.lower() == name.lower()]:
        del headers[other]
    headers[name] = value


def one_line(value: str) -> str:
    """A header's value, in which nothing can begin another header."""
    return re.sub(r"[\r\n\0]+", " ", value)


def _status(value: Any) -> int:
    try:
        status = int(value)
    except (TypeError, ValueError):
        status = 0
    if not 200 <= status <= 599:
        raise broken(f"{value} is no status of an answer")
    return status


def select_response(responses: tuple[IntegrationResponse, ...], answer: BackendAnswer) -> IntegrationResponse:
    """The response whose pattern fits the answer's whole selector, else the default; a 500 where there is none."""
    for each in responses:
        if each.pattern is not None and answer.selector and re.fullmatch(each.pattern, answer.selector, re.DOTALL):
            return each
    for each in responses:
        if each.pattern is None:
            return each
    raise broken(f"no integration response fits {answer.selector!r}, and there is no default")
