"""Reads an OpenAPI document with API Gateway's extensions into an `Api`. What is not honoured is refused by its name.

OpenAPI 3.0 is read. Source of the extensions: "OpenAPI extensions for API Gateway" of its developer guide.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.emulator.apigateway.apis import Api, Authorization, Method, Validator
from pipeline.emulator.apigateway.document_responses import gateway_responses
from pipeline.emulator.apigateway.errors import ApiError, bad_request, not_honoured
from pipeline.emulator.apigateway.integrations import read_integration

_VERBS = ("get", "put", "post", "delete", "options", "head", "patch", "x-amazon-apigateway-any-method")
_PREFIX = "x-amazon-apigateway-"
_OF_DOCUMENTS = frozenset(
    (
        "openapi", "info", "paths", "components", "security", "servers", "tags", "externalDocs",
        f"{_PREFIX}request-validators", f"{_PREFIX}request-validator", f"{_PREFIX}gateway-responses",
        f"{_PREFIX}api-key-source", f"{_PREFIX}importexport-version", f"{_PREFIX}documentation",
        f"{_PREFIX}endpoint-configuration",
    )
)  # fmt: skip
_OF_METHODS = frozenset(
    (
        "operationId", "summary", "description", "tags", "externalDocs", "parameters", "requestBody", "responses",
        "security", "deprecated", f"{_PREFIX}integration", f"{_PREFIX}request-validator", f"{_PREFIX}auth",
    )
)  # fmt: skip
_OF_PATHS = frozenset(("summary", "description", "parameters", *_VERBS))
_PLACES = {"path": "path", "query": "querystring", "header": "header"}
_SEGMENT = re.compile(r"[a-zA-Z0-9._~:$@,*!'()+;=-]+|\{[a-zA-Z0-9._$-]+\+?\}")


def read_document(document: Any) -> Api:
    """The API that a document says; `ApiError` for one that is wrong, or that asks for what is not honoured."""
    if not isinstance(document, Mapping) or not isinstance(document.get("paths"), Mapping):
        raise bad_request("Invalid OpenAPI input: no document with paths")
    if not str(document.get("openapi", "")).startswith("3.0"):
        raise not_honoured("documents of another version than OpenAPI 3.0", "openapi")
    _known(document, _OF_DOCUMENTS, "")
    if document.get(f"{_PREFIX}api-key-source", "HEADER") != "HEADER":
        raise not_honoured("API keys from an authorizer", f"{_PREFIX}api-key-source")
    _check_endpoints(document)
    methods = tuple(_methods(document))
    _check_paths([path for path in document["paths"]])
    title = str((document.get("info") or {}).get("title", ""))
    return Api(title, methods, gateway_responses(document.get(f"{_PREFIX}gateway-responses") or {}))


def _known(given: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    for name in given:
        if name not in known and (name.startswith(_PREFIX) or not name.startswith("x-")):
            raise not_honoured(str(name), where)


def _check_endpoints(document: Mapping[str, Any]) -> None:
    """An API is served at its own address, to whoever is on this machine. OpenAPI 3.0 says otherwise at a server."""
    name = f"{_PREFIX}endpoint-configuration"
    for said in (document, *(document.get("servers") or ())):
        for setting, value in (said.get(name) or {}).items():
            if value:
                raise not_honoured(f"{setting} of {name}")


def _check_paths(paths: list[str]) -> None:
    for path in paths:
        segments = path.strip("/").split("/") if path != "/" else []
        for at, segment in enumerate(segments):
            if not path.startswith("/") or not _SEGMENT.fullmatch(segment):
                raise bad_request(f"Resource's path part is invalid: {segment!r} of {path}")
            if segment.endswith("+}") and at != len(segments) - 1:
                raise bad_request(f"A greedy path variable must be the last of its path: {path}")
    shapes = [re.sub(r"\{[^+}]*", "{", path) for path in paths]
    for path, shape in zip(paths, shapes, strict=True):
        if shapes.count(shape) > 1:
            raise bad_request(f"A sibling of this resource already has a variable path part: {path}")


def _methods(document: Mapping[str, Any]) -> Iterator[Method]:
    for path, item in document["paths"].items():
        _known(item, _OF_PATHS, path)
        for verb in _VERBS:
            if verb in item:
                name = "ANY" if verb.startswith("x-") else verb.upper()
                yield _method(document, path, name, item)


def _method(document: Mapping[str, Any], path: str, verb: str, item: Mapping[str, Any]) -> Method:
    given, where = item[f"{_PREFIX}any-method" if verb == "ANY" else verb.lower()], f"{verb} {path}"
    _known(given, _OF_METHODS, where)
    if f"{_PREFIX}integration" not in given:
        raise bad_request(f"No integration defined for method ({where})")
    parameters = [_resolved(each, document) for each in (*item.get("parameters", ()), *given.get("parameters", ()))]
    key_required, authorization = _security(document, given, where)
    body = _resolved(given.get("requestBody") or {}, document)
    return Method(
        path,
        verb,
        read_integration(given[f"{_PREFIX}integration"], _headers(given, document), where),
        key_required,
        authorization,
        _validator(document, given, where),
        tuple(_required(parameters, where)),
        _models(body, document, where),
        bool(body.get("required")),
        given.get("operationId"),
    )


def _resolved(value: Any, document: Mapping[str, Any]) -> Any:
    if not isinstance(value, Mapping) or "$ref" not in value:
        return value
    found: Any = document
    for step in str(value["$ref"]).removeprefix("#/").split("/"):
        if not isinstance(found, Mapping) or step not in found:
            raise bad_request(f"Invalid OpenAPI input: nothing is at {value['$ref']}")
        found = found[step]
    return found


def _headers(given: Mapping[str, Any], document: Mapping[str, Any]) -> dict[int, frozenset[str]]:
    """The headers that a method declares, by status."""
    found = {}
    for status, response in (given.get("responses") or {}).items():
        if str(status).isdigit():
            found[int(status)] = frozenset((_resolved(response, document).get("headers") or {}).keys())
    return found


def _security(document: Mapping[str, Any], given: Mapping[str, Any], where: str) -> tuple[bool, Authorization]:
    asked = given.get("security", document.get("security")) or []
    schemes = (document.get("components") or {}).get("securitySchemes") or {}
    key_required, authorization = False, Authorization.NONE
    for name in [name for each in asked for name in each]:
        scheme = schemes.get(name) or {}
        if scheme.get(f"{_PREFIX}authtype") == "awsSigv4":
            authorization = Authorization.IAM
        elif (scheme.get("type"), scheme.get("in"), str(scheme.get("name")).lower()) == (
            "apiKey",
            "header",
            "x-api-key",
        ) and f"{_PREFIX}authorizer" not in scheme:
            key_required = True
        else:
            raise not_honoured(f"the security scheme {name}: it is neither x-api-key nor awsSigv4", where)
    said = (given.get(f"{_PREFIX}auth") or {}).get("type")
    if said is not None:
        if said not in list(Authorization):
            raise not_honoured(f"the authorization {said}", where)
        authorization = Authorization(said)
    return key_required, authorization


def _validator(document: Mapping[str, Any], given: Mapping[str, Any], where: str) -> Validator:
    name = given.get(f"{_PREFIX}request-validator", document.get(f"{_PREFIX}request-validator"))
    if name is None:
        return Validator()
    found = (document.get(f"{_PREFIX}request-validators") or {}).get(name)
    if found is None:
        raise bad_request(f"Invalid OpenAPI input: no request validator {name} ({where})")
    return Validator(bool(found.get("validateRequestBody")), bool(found.get("validateRequestParameters")))


def _required(parameters: list[Any], where: str) -> Iterator[tuple[str, str]]:
    declared = {}
    for each in parameters:
        place = _PLACES.get(each.get("in"))
        if place is None:
            raise not_honoured(f"parameters in {each.get('in')}", where)
        # A method's own comes after its path's, and replaces it.
        declared[place, each["name"]] = bool(each.get("required"))
    yield from (each for each, required in declared.items() if required)


def _models(body: Mapping[str, Any], document: Mapping[str, Any], where: str) -> dict[str, Mapping[str, Any]]:
    """Schemas with what they refer to beside them, as JSON Schema of draft 4 finds it."""
    from jsonschema import Draft4Validator, SchemaError

    found: dict[str, Mapping[str, Any]] = {}
    for kind, content in (body.get("content") or {}).items():
        schema = {**content.get("schema", {}), "components": document.get("components", {})}
        try:
            Draft4Validator.check_schema(json.loads(json.dumps(content.get("schema", {}))))
        except SchemaError as error:
            raise bad_request(f"Invalid model for {kind} ({where}): {error.message}") from error
        found[kind] = schema
    return found


__all__ = ["ApiError", "read_document"]
