"""A REST API as it is served: what an OpenAPI document says, read once. `document` makes these values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class IntegrationKind(StrEnum):
    """Who answers a method's requests, by the names of `x-amazon-apigateway-integration`."""

    AWS = "aws"
    AWS_PROXY = "aws_proxy"
    MOCK = "mock"


class Passthrough(StrEnum):
    """What becomes of a body for whose content type there is no mapping template."""

    WHEN_NO_MATCH = "when_no_match"
    WHEN_NO_TEMPLATES = "when_no_templates"
    NEVER = "never"


class Authorization(StrEnum):
    """Who may call a method."""

    NONE = "NONE"
    IAM = "AWS_IAM"


@dataclass(frozen=True, slots=True)
class IntegrationResponse:
    """One entry of an integration's `responses`; `pattern` is its key, None for `default`."""

    pattern: str | None
    status: int
    parameters: Mapping[str, str] = field(default_factory=dict)
    templates: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Integration:
    """What answers a method. `target` is the action of DynamoDB or the ARN of the function; empty for a mock."""

    kind: IntegrationKind
    service: str = ""
    target: str = ""
    credentials: str = ""
    templates: Mapping[str, str] = field(default_factory=dict)
    passthrough: Passthrough = Passthrough.WHEN_NO_MATCH
    timeout_ms: int = 29_000
    responses: tuple[IntegrationResponse, ...] = ()


@dataclass(frozen=True, slots=True)
class Validator:
    """A request validator: which parts of a request are held to what the method declares."""

    body: bool = False
    parameters: bool = False


@dataclass(frozen=True, slots=True)
class Method:
    """A method of a resource. `verb` is upper case, `ANY` for `x-amazon-apigateway-any-method`.

    `required` are the parameters that a request must have, as `(where, name)` with `path`, `querystring` or `header`.
    `models` are JSON schemas by content type.
    """

    path: str
    verb: str
    integration: Integration
    key_required: bool = False
    authorization: Authorization = Authorization.NONE
    validator: Validator = Validator()
    required: tuple[tuple[str, str], ...] = ()
    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    body_required: bool = False
    operation: str | None = None


@dataclass(frozen=True, slots=True)
class GatewayResponse:
    """What the gateway itself answers for an error of a type; `status` None keeps the error's own."""

    status: int | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    templates: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Api:
    """A whole document, as a deployment keeps it."""

    title: str
    methods: tuple[Method, ...]
    gateway_responses: Mapping[str, GatewayResponse] = field(default_factory=dict)
