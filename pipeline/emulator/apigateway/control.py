"""API Gateway's own API over HTTP: a request becomes an operation's members, by botocore's model of the service."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote

from pipeline.emulator.apigateway import api_operations, settings_operations, usage_operations
from pipeline.emulator.apigateway.errors import ApiError
from pipeline.emulator.apigateway.operation import OPERATIONS
from pipeline.emulator.apigateway.store import Json, RestApi, Store

_FILLED = (api_operations, settings_operations, usage_operations)
"""What fills the register of operations by being imported."""

Answer = tuple[str, list[tuple[str, str]], bytes]
_REASONS = {200: "OK", 201: "Created", 202: "Accepted", 204: "No Content"}


class ControlPlane:
    """Every region's store, and the operations on them. Safe from many threads."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._stores: dict[str, Store] = {}

    def answer(self, operation: str, region: str, environ: Mapping[str, Any]) -> Answer:
        """What API Gateway answers to a call; KeyError for one that leaves out what it must have."""
        given = _members(operation, environ)
        with self.lock:
            store = self._stores.setdefault(region, Store(region))
            try:
                body = json.dumps(OPERATIONS[operation](store, given)).encode()
            except ApiError as error:
                return _error(error)
        status = _model(operation).http.get("responseCode", 200)
        return _sized(f"{status} {_REASONS.get(status, 'OK')}", b"" if status in (202, 204) else body)

    def find(self, api_id: str) -> tuple[Store, RestApi] | None:
        """The API of an id, whichever region it is of."""
        for store in list(self._stores.values()):
            if api_id in store.apis:
                return store, store.apis[api_id]
        return None


def _error(error: ApiError) -> Answer:
    return _sized(
        f"{error.status} {error.code}", json.dumps({"message": str(error)}).encode(), ("x-amzn-ErrorType", error.code)
    )


def _sized(status: str, body: bytes, *headers: tuple[str, str]) -> Answer:
    return status, [("Content-Type", "application/json"), ("Content-Length", str(len(body))), *headers], body


@cache
def _model(operation: str) -> Any:
    from botocore.session import get_session

    return get_session().get_service_model("apigateway").operation_model(operation)


def _members(operation: str, environ: Mapping[str, Any]) -> Json:
    model = _model(operation)
    shape = model.input_shape
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    found: Json = {}
    in_path = _pattern(model.http["requestUri"]).fullmatch(_path(environ))
    names = {member.serialization.get("name", name): name for name, member in shape.members.items()}
    for name, text in (in_path.groupdict() if in_path else {}).items():
        found[names.get(name, name)] = unquote(text)
    for name, member in shape.members.items():
        if member.serialization.get("location") == "querystring" and member.type_name != "map":
            values = query.get(member.serialization.get("name", name))
            if values:
                found[name] = _read(values, member.type_name)
    body = environ["wsgi.input"].read()
    if payload := shape.serialization.get("payload"):
        known = {member.serialization.get("name") for member in shape.members.values()}
        extra = {name: values[0] for name, values in query.items() if name not in known}
        return {**found, payload: body, "parameters": extra}
    return {**(json.loads(body) if body else {}), **found}


def _path(environ: Mapping[str, Any]) -> str:
    """As it was sent, since an ARN in it has slashes of its own."""
    sent = str(environ.get("RAW_URI") or environ.get("REQUEST_URI") or environ.get("PATH_INFO", ""))
    return sent.partition("?")[0]


def _read(values: list[str], kind: str) -> Any:
    if kind == "list":
        return values
    if kind == "boolean":
        return values[0] == "true"
    return int(values[0]) if kind == "integer" else values[0]


@cache
def _pattern(uri: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\+?\}", uri.partition("?")[0])
    text = "".join(f"(?P<{part}>[^/]+)" if at % 2 else re.escape(part) for at, part in enumerate(parts))
    return re.compile(text + "/?")
