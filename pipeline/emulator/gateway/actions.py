"""Which IAM actions, on which resources, the calls that reach the embedded AWS would need on AWS. No server here.

Most operations are an action of their name. Those that are not stand here, from "Actions, resources, and condition
keys" of the service authorization reference, as far as the lake calls them. What a service does with a KMS key on
behalf of its caller is no call and is not seen.
"""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote
from xml.parsers.expat import ExpatError

import xmltodict  # type: ignore[import-untyped]

from pipeline.emulator.gateway.calls import Call

ACCOUNT = "123456789012"
JVM = "spark"
"""Caller of what Spark's JVM calls, whichever job it does so for."""

_LARGEST_BODY = 8 << 20
_SEGMENTS = 4
_PREFIXES = {"stepfunctions": "states"}
_OF_S3 = {
    "HeadObject": "GetObject", "CreateMultipartUpload": "PutObject", "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject", "ListParts": "ListMultipartUploadParts", "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket", "ListObjectsV2": "ListBucket", "ListObjectVersions": "ListBucketVersions",
    "DeleteObjects": "DeleteObject", "CopyObject": "PutObject", "UploadPartCopy": "PutObject",
}  # fmt: skip
# With a version's id they are other actions.
_OF_VERSIONS = {"GetObject": "GetObjectVersion", "DeleteObject": "DeleteObjectVersion"}
_OF_BATCHES = {
    ("sqs", "SendMessageBatch"): "SendMessage", ("sqs", "DeleteMessageBatch"): "DeleteMessage",
    ("sqs", "ChangeMessageVisibilityBatch"): "ChangeMessageVisibility", ("sns", "PublishBatch"): "Publish",
    ("lambda", "Invoke"): "InvokeFunction",
}  # fmt: skip
_IN_TRANSACTIONS = {
    "Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}  # fmt: skip


class Need(NamedTuple):
    """An action on a resource that `caller` needs. The resource is `*` where the call does not tell it."""

    caller: str
    action: str
    resource: str
    prefix: str = ""
    """The first segments of what a ListBucket asks for; the rest would make as many needs as there are batches."""


class ActionRecorder:
    """Everything that was needed since the start. Safe from many threads.

    `job` tells which Glue job runs: there is one at a time, and what the JVM calls is for it.
    """

    def __init__(self) -> None:
        self.job: Callable[[], str | None] = lambda: None
        self._lock = threading.Lock()
        self._needs: set[Need] = set()

    def add(self, call: Call, environ: dict[str, Any]) -> None:
        """Note what a call needs. Calls of nobody's role (a person's, a test's) name no caller, or one of no role."""
        if not call.caller:
            return
        caller = (self.job() or JVM) if call.caller == JVM else call.caller
        prefix = "/".join(_query(environ).get("prefix", [""])[0].split("/")[:_SEGMENTS])
        found = {
            Need(caller, action, resource, prefix if action == "s3:ListBucket" else "")
            for action, resource in needs(call, environ)
        }
        with self._lock:
            self._needs |= found

    def snapshot(self) -> list[Need]:
        """What was needed so far, sorted."""
        with self._lock:
            return sorted(self._needs)


def needs(call: Call, environ: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The actions and resources of a call. A body is read and put back."""
    region = _region(environ)
    if call.service == "s3":
        yield from _of_s3(call.operation, environ)
        return
    prefix = _PREFIXES.get(call.service, call.service)
    if call.service == "dynamodb":
        yield from ((f"dynamodb:{name}", arn) for name, arn in _of_dynamodb(call.operation, _json(environ), region))
        return
    action = f"{prefix}:{_OF_BATCHES.get((call.service, call.operation), call.operation)}"
    yield from ((action, arn) for arn in _resources(call, environ, region))


def _region(environ: dict[str, Any]) -> str:
    parts = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].split("/")
    return parts[2] if len(parts) > 2 else "*"


def _of_s3(operation: str, environ: dict[str, Any]) -> Iterator[tuple[str, str]]:
    bucket, _, key = environ.get("PATH_INFO", "/").lstrip("/").partition("/")
    action = _OF_S3.get(operation, operation)
    if "versionId" in _query(environ):
        action = _OF_VERSIONS.get(action, action)
    if operation == "DeleteObjects":
        yield from (
            (f"s3:{_OF_VERSIONS[action] if version else action}", f"arn:aws:s3:::{bucket}/{each}")
            for each, version in _deleted(environ)
        )
    else:
        yield f"s3:{action}", f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}"
    if source := environ.get("HTTP_X_AMZ_COPY_SOURCE"):
        path, _, version = unquote(source).lstrip("/").partition("?versionId=")
        yield f"s3:{'GetObjectVersion' if version else 'GetObject'}", f"arn:aws:s3:::{path}"


def _deleted(environ: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """The keys in the body of a DeleteObjects, and whether a version of each is named; `*` where it cannot be read."""
    try:
        [named] = xmltodict.parse(_body(environ), force_list=("Object",)).values()
        yield from ((str(each["Key"]), "VersionId" in each) for each in (named or {}).get("Object", []))
    except (ExpatError, ValueError, KeyError, AttributeError, TypeError):
        yield "*", False


def _of_dynamodb(operation: str, body: dict[str, Any], region: str) -> Iterator[tuple[str, str]]:
    def table(name: str, index: str | None = None) -> str:
        of_index = f"/index/{index}" if index else ""
        return f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/{name.rpartition('/')[2]}{of_index}"

    if "TransactItems" in body:
        for item in body["TransactItems"]:
            yield from ((_IN_TRANSACTIONS[kind], table(request["TableName"])) for kind, request in item.items())
    elif "RequestItems" in body:
        yield from ((operation, table(name)) for name in body["RequestItems"])
    else:
        yield operation, table(body["TableName"], body.get("IndexName")) if "TableName" in body else "*"


def _resources(call: Call, environ: dict[str, Any], region: str) -> Iterator[str]:
    where = f"{region}:{ACCOUNT}"
    match call.service:
        case "sqs":
            name = str(_json(environ).get("QueueUrl", "")).rpartition("/")[2]
            yield f"arn:aws:sqs:{where}:{name}" if name else "*"
        case "states" | "stepfunctions":
            body = _json(environ)
            # IAM asks for the machine, whatever version or alias of it is named.
            machine = ":".join(str(body.get("stateMachineArn") or "").split(":")[:7])
            yield str(machine or body.get("executionArn") or "*")
        case "sns":
            yield _form(environ).get("TopicArn", ["*"])[0]
        case "lambda":
            name = unquote(environ.get("PATH_INFO", "").partition("/functions/")[2].partition("/")[0])
            qualifier = "".join(f":{each}" for each in _query(environ).get("Qualifier", [])[:1])
            yield (name if name.startswith("arn:") else f"arn:aws:lambda:{where}:function:{name}") + qualifier
        case "glue":
            yield from _of_glue(call.operation, _json(environ), where)
        case _:
            yield "*"


def _of_glue(operation: str, body: dict[str, Any], where: str) -> Iterator[str]:
    """Of a table Glue asks for the catalog, the database and the table."""
    if "JobName" in body:
        yield f"arn:aws:glue:{where}:job/{body['JobName']}"
        return
    if operation.endswith("Crawler"):
        yield f"arn:aws:glue:{where}:crawler/{body.get('Name')}"
        return
    table = body.get("TableInput", {}).get("Name") or (body.get("Name") if "DatabaseName" in body else None)
    database = body.get("DatabaseName") or body.get("Name")
    yield f"arn:aws:glue:{where}:catalog"
    if database:
        yield f"arn:aws:glue:{where}:database/{database}"
    if table:
        yield f"arn:aws:glue:{where}:table/{database}/{table}"


def _json(environ: dict[str, Any]) -> dict[str, Any]:
    try:
        found = json.loads(_body(environ) or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _query(environ: dict[str, Any]) -> dict[str, list[str]]:
    return parse_qs(environ.get("QUERY_STRING", ""))


def _form(environ: dict[str, Any]) -> dict[str, list[str]]:
    return parse_qs(_body(environ).decode("utf-8", "replace"))


def _body(environ: dict[str, Any]) -> bytes:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if not 0 < length <= _LARGEST_BODY:
        return b""
    body: bytes = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = io.BytesIO(body)
    return body
