"""Holds requests to what their method declares: parameters that must be there, and bodies that fit their model."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pipeline.emulator.apigateway.apis import Method
from pipeline.emulator.apigateway.faults import Fault
from pipeline.emulator.apigateway.request import Incoming


def validate(method: Method, incoming: Incoming, parameters: Mapping[str, Mapping[str, str]]) -> None:
    """Raise the 400 for a request that its method's validator refuses."""
    if method.validator.parameters:
        _check_parameters(method, parameters)
    if method.validator.body:
        _check_body(method, incoming)


def _check_parameters(method: Method, parameters: Mapping[str, Mapping[str, str]]) -> None:
    missing = [name for place, name in method.required if not _value(parameters, place, name).strip()]
    if missing:
        told = f"Missing required request parameters: [{', '.join(missing)}]"
        raise Fault("BAD_REQUEST_PARAMETERS", told, "BadRequestException")


def _value(parameters: Mapping[str, Mapping[str, str]], place: str, name: str) -> str:
    given = parameters[place]
    if place == "header":
        return next((value for each, value in given.items() if each.lower() == name.lower()), "")
    return given.get(name, "")


def _check_body(method: Method, incoming: Incoming) -> None:
    from jsonschema import Draft4Validator

    kind = content_type(incoming)
    schema = method.models.get(kind)
    if schema is None:
        if method.models and method.body_required:
            raise Fault("UNSUPPORTED_MEDIA_TYPE", "Unsupported Media Type", "BadRequestException")
        return
    if not incoming.body and not method.body_required:
        return
    try:
        body = json.loads(incoming.body)
    except ValueError as error:
        raise _bad_body("[Malformed JSON]") from error
    # The first three say enough; a value of many errors would fill the log.
    errors = [error.message for _, error in zip(range(3), Draft4Validator(schema).iter_errors(body), strict=False)]
    if errors:
        raise _bad_body(f"[{', '.join(errors)}]")


def _bad_body(detail: str) -> Fault:
    return Fault("BAD_REQUEST_BODY", "Invalid request body", "BadRequestException", detail=detail)


def content_type(incoming: Incoming) -> str:
    """The type of a request's body by which models and templates are chosen."""
    return (incoming.header("Content-Type") or "application/json").partition(";")[0].strip().lower()
