"""Count the AWS calls that reach the embedded AWS: which service, which operation, who called. No server here."""

from __future__ import annotations

import io
import re
import threading
from collections import Counter
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import parse_qs

# botocore and the Java and Go SDKs write `app/<AWS_SDK_UA_APP_ID>` into the User-Agent; Hadoop puts a comma after its.
_APP = re.compile(r"(?:^|\s)app/([^\s,]+)")
_CREDENTIAL = re.compile(r"Credential=[^/]*/\d*/[^/]*/([^/]+)/aws4_request")
_SIGNING_NAMES = {"monitoring": "cloudwatch", "email": "ses", "tagging": "resourcegroupstaggingapi"}
_LARGEST_FORM = 1 << 20


class Call(NamedTuple):
    """One kind of request. `caller` is what the client set as AWS_SDK_UA_APP_ID, or empty."""

    service: str
    operation: str
    caller: str


class CallRecorder:
    """How often each kind of call was made since the start or the last `reset`. Safe from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[Call] = Counter()

    def add(self, call: Call) -> None:
        """Count one call."""
        with self._lock:
            self._counts[call] += 1

    def reset(self) -> None:
        """Forget all that was counted."""
        with self._lock:
            self._counts.clear()

    def snapshot(self) -> Counter[Call]:
        """A copy, which does not change as calls go on."""
        with self._lock:
            return self._counts.copy()


def identify(environ: dict[str, Any]) -> Call:
    """Which call a WSGI request is. A form body (SNS, CloudFormation, …) is read and put back."""
    service = service_of(environ)
    found = _APP.search(environ.get("HTTP_USER_AGENT", ""))
    return Call(service, _operation(service, environ), found[1] if found else "")


def service_of(environ: dict[str, Any]) -> str:
    """The service that a request is signed for; S3 for one that is not signed."""
    signature = environ.get("HTTP_AUTHORIZATION", "")
    if not (found := _CREDENTIAL.search(signature)):
        credential = parse_qs(environ.get("QUERY_STRING", "")).get("X-Amz-Credential", [""])[0]
        found = _CREDENTIAL.search(f"Credential={credential}")
    name: str = found[1] if found else "s3"
    return _SIGNING_NAMES.get(name, name)


def _operation(service: str, environ: dict[str, Any]) -> str:
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return str(target).rpartition(".")[2]
    query = parse_qs(str(environ.get("QUERY_STRING", "")), keep_blank_values=True)
    # S3's bodies are whatever somebody stores, and its operations are told by address.
    if service == "s3":
        return _rest_operation(service, environ, query)
    if "Action" in query:
        return query["Action"][0]
    is_form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    if is_form and (action := _form(environ).get("Action")):
        return action[0]
    return _rest_operation(service, environ, query)


def _form(environ: dict[str, Any]) -> dict[str, list[str]]:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if not 0 < length <= _LARGEST_FORM:
        return {}
    body = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = io.BytesIO(body)
    return parse_qs(body.decode("utf-8", "replace"))


class _Route(NamedTuple):
    path: re.Pattern[str]
    query: frozenset[str]
    operation: str


def _rest_operation(service: str, environ: dict[str, Any], query: dict[str, list[str]]) -> str:
    method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/")
    for route in _routes(service).get(method, ()):
        if route.query <= query.keys() and route.path.fullmatch(path):
            if "HTTP_X_AMZ_COPY_SOURCE" in environ:
                return _COPIES.get(route.operation, route.operation)
            return route.operation
    return f"{method} {path}"


# A header tells these apart from the operations whose method and path they share.
_COPIES = {"PutObject": "CopyObject", "UploadPart": "UploadPartCopy"}
# Required parameters that botocore's model keeps out of the URI.
_REQUIRED_QUERY = {
    "UploadPart": {"uploadId", "partNumber"},
    "CompleteMultipartUpload": {"uploadId"},
    "AbortMultipartUpload": {"uploadId"},
    "ListParts": {"uploadId"},
}


@cache
def _routes(service: str) -> dict[str, list[_Route]]:
    """The REST operations of a service by method, the most specific first, from botocore's service models."""
    from botocore.exceptions import UnknownServiceError
    from botocore.session import get_session

    try:
        model = get_session().get_service_model(service)
    except UnknownServiceError:
        return {}
    routes: dict[str, list[tuple[int, int, _Route]]] = {}
    for name in model.operation_names:
        if name in _COPIES.values():
            continue
        operation = model.operation_model(name)
        if operation.deprecated and name.removesuffix("Configuration") + "Configuration" in model.operation_names:
            continue  # the same request under its old name
        http = operation.http
        path, _, fixed = http["requestUri"].partition("?")
        # `x-id` only repeats the operation's name and is not sent by every client.
        keys = {part.partition("=")[0] for part in fixed.split("&") if part} - {"x-id"}
        keys |= _REQUIRED_QUERY.get(name, set()) if service == "s3" else set()
        route = _Route(_path_pattern(path), frozenset(keys), name)
        routes.setdefault(http["method"], []).append((-len(keys), path.count("{"), route))
    return {
        method: [route for *_, route in sorted(found, key=lambda entry: entry[:2])] for method, found in routes.items()
    }


def _path_pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^}]+\})", path.rstrip("/") or "/")
    # An ARN has slashes of its own, which are no longer escaped here.
    text = "".join(
        (".+" if part.endswith(("+}", "Arn}")) else "[^/]+") if part.startswith("{") else re.escape(part)
        for part in parts
    )
    return re.compile(text + "/?", re.DOTALL)
