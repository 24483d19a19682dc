"""The clients that state machines call services with, made once; moto makes a new one for each task."""

from __future__ import annotations

import os
import threading
import time
import uuid
from email.utils import formatdate
from functools import cache, partial
from typing import Any

from pipeline.core.lake_key import own_key
from pipeline.emulator.moto.patch import patch

CALLER = "states"
"""What the call recorder shows for calls that a state machine makes, with `:` and its role's name behind."""

# By the name that the client has for it.
_HEADERS = {"x-amzn-requestid": "x-amzn-RequestId", "content-length": "Content-Length", "content-type": "Content-Type"}
_HEADERS_OF = {
    "dynamodb": {"x-amz-crc32": "x-amz-crc32"},
    "lambda": {"x-amz-executed-version": "X-Amz-Executed-Version"},
}

LONGEST_TASK_SECONDS = 900 + 60
_POOL = 64

application: Any = None
"""The front's, while it runs in this process: calls go there without a socket."""

_clients: dict[tuple[str, str, str, str], Any] = {}
_lock = threading.Lock()


def client_for(region: str, service: str, state_credentials: Any = None) -> Any:
    """A client of the front that runs in this process. The role of `state_credentials` only names the caller."""
    role = str(state_credentials.role_arn).rpartition("/")[2] if state_credentials else ""
    key = (os.environ["MOTO_PORT"], region, service, f"{CALLER}:{role}" if role else CALLER)
    found = _clients.get(key)
    if found is None:
        with _lock:
            found = _clients.get(key)
            if found is None:
                found = _clients[key] = _make(*key)
    return found


@cache
def _session() -> Any:
    """One for all, so that a service's model is read once; who makes a client holds the lock."""
    import boto3

    return boto3.session.Session()


def _make(port: str, region: str, service: str, caller: str) -> Any:
    from botocore.config import Config

    from pipeline.emulator.gateway.in_process_http import InProcessSession

    made = _session().client(
        service,
        region_name=region,
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id=own_key().id,
        aws_secret_access_key=own_key().secret,
        config=Config(
            parameter_validation=False,
            # A state machine's own Retry is what retries.
            retries={"total_max_attempts": 1},
            connect_timeout=5,
            read_timeout=LONGEST_TASK_SECONDS,
            max_pool_connections=_POOL,
            # Whole, and not the id of an application alone: botocore puts the rest together anew for each call.
            user_agent=f"Boto3 app/{caller}",
            s3={"addressing_style": "path"},
            # AWS tells checksums only if the definition asks for them.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )
    made.meta.events.register("after-call", partial(_add_metadata, service))
    if service == "s3":
        made.meta.events.register("after-call.s3.PutObject", _forget_default_checksum)
    # The names of S3's metadata need the server's parser.
    if service != "s3":
        endpoint = made._endpoint
        endpoint.http_session = InProcessSession(lambda: application, endpoint.http_session)
    return made


def _forget_default_checksum(parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    """An execution is not told of a checksum that S3 itself chose: what AWS was recorded to answer holds none."""
    if "request_algorithm" not in context.get("checksum", {}):
        parsed.pop("ChecksumCRC64NVME", None)
        parsed.pop("ChecksumType", None)


def _add_metadata(service: str, parsed: dict[str, Any], **_: Any) -> None:
    """What optimised integrations tell of the HTTP call beside its answer: the headers that AWS sends, in its spelling.

    An id of the request is in all of them. Who calls no AWS has no trace, and is given one that nobody sampled.
    """
    metadata = parsed.get("ResponseMetadata", {})
    sent = metadata.get("HTTPHeaders", {})
    known = {**_HEADERS, **_HEADERS_OF.get(service, {})}
    headers = {"Date": formatdate(usegmt=True), "connection": "keep-alive"}
    headers |= {spelling: sent[name] for name, spelling in known.items() if name in sent}
    if service in ("dynamodb", "lambda"):
        headers["Connection"] = headers.pop("connection")
    if service == "dynamodb":
        headers["Server"] = "Server"
    if service == "lambda":
        headers |= {"x-amzn-Remapped-Content-Length": "0", "X-Amzn-Trace-Id": _trace()}
    parsed["SdkHttpMetadata"] = {
        "AllHttpHeaders": {name: [value] for name, value in headers.items()},
        "HttpHeaders": headers,
        "HttpStatusCode": metadata.get("HTTPStatusCode"),
    }
    parsed["SdkResponseMetadata"] = {"RequestId": metadata.get("RequestId")}
    put_in_order(parsed)
    if isinstance(parsed.get("JobRun"), dict):
        put_in_order(parsed["JobRun"])


def _trace() -> str:
    unique = uuid.uuid4().hex
    return f"Root=1-{int(time.time()):08x}-{unique[:24]};Parent={unique[16:]};Sampled=0"


def put_in_order(answer: dict[str, Any]) -> None:
    """AWS writes the fields of an answer in the order of the alphabet, which the text of a cause shows."""
    ordered = sorted(answer.items())
    answer.clear()
    answer.update(ordered)


def forget_metadata(answer: Any) -> None:
    """`aws-sdk` integrations and those of EventBridge give the answer alone."""
    if isinstance(answer, dict):
        answer.pop("SdkHttpMetadata", None)
        answer.pop("SdkResponseMetadata", None)


patch(
    "moto.stepfunctions.parser.asl.utils.boto_client:boto_client_for",
    "1f44dc2ac8aa",
    "moto makes a new client for each task",
    rebind="moto.stepfunctions",
)(client_for)
