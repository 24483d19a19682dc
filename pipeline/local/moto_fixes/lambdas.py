"""Lambda in moto: invocations go to real workers, event source mappings to a real poller, and settings are kept.

moto runs functions in Docker, answers an error with status 200 where there is none, blocks on asynchronous
invocations, and delivers queue messages inside SendMessage, one a call, deleting what the function reported as failed.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError
from moto.awslambda.models import EventSourceMapping, LambdaBackend, LambdaFunction, lambda_backends
from moto.awslambda.responses import LambdaResponse
from moto.sqs.models import Queue, sqs_backends

from pipeline.errors import Refused
from pipeline.local.functions import (
    ASYNCHRONOUS_PAYLOAD_BYTES,
    SYNCHRONOUS_PAYLOAD_BYTES,
    Function,
    Invoke,
    Retries,
)
from pipeline.local.moto_fixes.guard import replace

InvokeLater = Callable[[Function, bytes], str]
"""Queue an asynchronous invocation; returns its request id."""

_REQUEST_ID = "x-amzn-requestid"
_lock = threading.Lock()
_originals: dict[str, Any] = {}
_invoke: Invoke | None = None
_invoke_later: InvokeLater | None = None


def install(invoke: Invoke, invoke_later: InvokeLater) -> None:
    """Run functions by these from now on; the latest call counts. `Misconfigured` under another moto."""
    global _invoke, _invoke_later
    with _lock:
        _invoke, _invoke_later = invoke, invoke_later
        if not _originals:
            _replace_all()


def resolve(arn: str) -> Function:
    """The function of an ARN, as it is now; moto's UnknownFunctionException if there is none."""
    _, _, _, region, account, *_ = arn.split(":")
    return function_of(lambda_backends[account][region].get_function(arn))


def function_of(found: LambdaFunction) -> Function:
    """What workers need of moto's function. One that is made of an image is refused."""
    if found.package_type != "Zip":
        raise InvalidParameterValueException("The embedded AWS runs functions from zip archives only.")
    logging: dict[str, str] = getattr(found, "logging_config", {})
    return Function(
        account=found.account_id,
        region=found.region,
        name=found.function_name,
        version=str(found.version),
        arn=found.function_arn,
        handler=str(found.handler),
        runtime=str(found.run_time),
        code_sha=found.code_sha_256,
        environment=tuple(sorted((name, str(value)) for name, value in found.environment_vars.items())),
        memory_mb=int(found.memory_size),
        timeout_s=float(found.timeout),
        concurrency=None if found.reserved_concurrency is None else int(found.reserved_concurrency),
        log_group=logging.get("LogGroup") or f"/aws/lambda/{found.function_name}",
        json_logs=logging.get("LogFormat") == "JSON",
        code=found.code_bytes,
        retries=_retries(found),
    )


def _retries(found: LambdaFunction) -> Retries:
    # moto appends a configuration where AWS replaces it.
    config = found.event_invoke_config[-1].config if found.event_invoke_config else {}
    destinations = config.get("DestinationConfig") or {}
    aws = Retries()
    return Retries(
        attempts=config.get("MaximumRetryAttempts", aws.attempts),
        max_age_s=config.get("MaximumEventAgeInSeconds", aws.max_age_s),
        on_success=(destinations.get("OnSuccess") or {}).get("Destination"),
        on_failure=(destinations.get("OnFailure") or {}).get("Destination"),
        dead_letter=getattr(found, "dead_letter_config", {}).get("TargetArn"),
    )


def _replace_all() -> None:
    def change(owner: Any, name: str, replacement: Any, source: str) -> None:
        _originals[f"{owner.__name__}.{name}"] = replace(owner, name, replacement, source=source)

    change(LambdaFunction, "__init__", _init, "70a285222b4a")
    change(LambdaFunction, "get_configuration", _get_configuration, "803fb04bffde")
    change(LambdaFunction, "update_configuration", _update_configuration, "eca1cdec066f")
    change(LambdaFunction, "invoke", _invoke_function, "dadc324f30ae")
    change(LambdaFunction, "_invoke_lambda", _never, "23ce7a8f956e")
    change(LambdaResponse, "_enrich_response", staticmethod(_enrich_response), "86cd4a4051dd")
    change(LambdaBackend, "create_event_source_mapping", _create_event_source_mapping, "19f8125cabf7")
    change(LambdaBackend, "update_event_source_mapping", _update_event_source_mapping, "7ec08b40f6d0")


class _RequestTooLarge(LambdaClientError):
    code = 413

    def __init__(self, limit: int) -> None:
        super().__init__(
            "RequestTooLargeException", f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
        )


class _TooManyRequests(LambdaClientError):
    code = 429

    def __init__(self) -> None:
        super().__init__("TooManyRequestsException", "Rate Exceeded.")


class _Stopping(LambdaClientError):
    code = 503

    def __init__(self, error: Refused) -> None:
        super().__init__("ServiceException", error.message)


def _invoke_function(self: LambdaFunction, body: Any, request_headers: Any, response_headers: Any) -> bytes:
    """Every invocation in moto comes through here: the API's, and the triggers of other services.

    Triggers bring no headers. On AWS they invoke asynchronously, and so here.
    """
    payload = (body.encode() if isinstance(body, str) else body) or b"{}"
    default = "RequestResponse" if request_headers else "Event"
    kind = request_headers.get("X-Amz-Invocation-Type") or default
    _check_payload(payload, ASYNCHRONOUS_PAYLOAD_BYTES if kind == "Event" else SYNCHRONOUS_PAYLOAD_BYTES)
    function = function_of(self)
    if function.concurrency == 0:
        raise _TooManyRequests
    response_headers["x-amz-executed-version"] = function.version
    try:
        if kind == "DryRun":
            return b""
        if kind == "Event":
            return _start(function, payload, response_headers)
        return _run(function, payload, response_headers)
    except Refused as error:
        raise _Stopping(error) from error


def _check_payload(payload: bytes, limit: int) -> None:
    if len(payload) > limit:
        raise _RequestTooLarge(limit)
    try:
        json.loads(payload)
    except ValueError as error:
        raise LambdaClientError(
            "InvalidRequestContentException", f"Could not parse request body into json: {error}"
        ) from None


def _start(function: Function, payload: bytes, headers: Any) -> bytes:
    assert _invoke_later is not None
    headers[_REQUEST_ID] = _invoke_later(function, payload)
    return b""


def _run(function: Function, payload: bytes, headers: Any) -> bytes:
    assert _invoke is not None
    answer = _invoke(function, payload)
    headers[_REQUEST_ID] = answer.request_id
    headers["x-amz-log-result"] = base64.b64encode(answer.log_tail.encode()).decode()
    if answer.failed:
        headers["x-amz-function-error"] = "Unhandled"
    return answer.payload


def _enrich_response(headers: dict[str, str], body: Any) -> tuple[dict[str, str], Any]:
    """A call of Invoke has the invocation's request id, by which its log is found."""
    request_id = headers.get(_REQUEST_ID)
    headers, body = _originals["LambdaResponse._enrich_response"].__func__(headers, body)
    if request_id:
        headers[_REQUEST_ID] = request_id
    return headers, body


def _never(self: LambdaFunction, event: str | None = None) -> tuple[str, bool, str]:
    raise NotImplementedError("functions run in workers")


def _init(self: LambdaFunction, account_id: str, spec: dict[str, Any], region: str, version: str | int = 1) -> None:
    _originals["LambdaFunction.__init__"](self, account_id, spec, region, version)
    _keep(self, spec)


def _keep(function: LambdaFunction, spec: dict[str, Any]) -> None:
    """Settings that moto accepts and forgets."""
    for name, attribute in (("LoggingConfig", "logging_config"), ("DeadLetterConfig", "dead_letter_config")):
        if spec.get(name) is not None:
            setattr(function, attribute, spec[name])


def _get_configuration(self: LambdaFunction, on_create: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = _originals["LambdaFunction.get_configuration"](self, on_create)
    logging = getattr(self, "logging_config", {})
    found["LoggingConfig"] = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{self.function_name}", **logging}
    if dead_letter := getattr(self, "dead_letter_config", None):
        found["DeadLetterConfig"] = dead_letter
    return found


def _update_configuration(self: LambdaFunction, config_updates: dict[str, Any]) -> dict[str, Any]:
    _keep(self, config_updates)
    found: dict[str, Any] = _originals["LambdaFunction.update_configuration"](self, config_updates)
    return found


def _create_event_source_mapping(self: LambdaBackend, spec: dict[str, Any]) -> EventSourceMapping:
    _check_mapping(spec)
    queue = _queue_of(self, str(spec.get("EventSourceArn", "")))
    if queue is not None:
        function = self.get_function(str(spec.get("FunctionName", "")))
        _check_visibility(queue, function)
    mapping: EventSourceMapping = _originals["LambdaBackend.create_event_source_mapping"](self, spec)
    if queue is not None:
        queue.lambda_event_source_mappings.pop(mapping.function_arn, None)
    return mapping


def _update_event_source_mapping(self: LambdaBackend, uuid: str, spec: dict[str, Any]) -> EventSourceMapping | None:
    _check_mapping(spec)
    mapping: EventSourceMapping | None = _originals["LambdaBackend.update_event_source_mapping"](self, uuid, spec)
    return mapping


def _check_mapping(spec: dict[str, Any]) -> None:
    """Refuse what the poller does not do: accepted in silence, it would lose or hold back messages."""
    arn = str(spec.get("EventSourceArn", ""))
    if arn and (":sqs:" not in arn or arn.endswith(".fifo")):
        raise InvalidParameterValueException(f"The embedded AWS polls standard SQS queues only, not {arn}.")
    if (spec.get("FilterCriteria") or {}).get("Filters"):
        raise InvalidParameterValueException("The embedded AWS does not filter the messages of a queue.")
    concurrency = (spec.get("ScalingConfig") or {}).get("MaximumConcurrency")
    if concurrency is not None and not 2 <= concurrency <= 1000:
        raise InvalidParameterValueException("MaximumConcurrency must be between 2 and 1000.")
    batch = spec.get("BatchSize")
    if batch is not None and batch > 10 and "MaximumBatchingWindowInSeconds" in spec and not _window(spec):
        raise InvalidParameterValueException(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        )


def _window(spec: dict[str, Any]) -> int:
    return int(spec.get("MaximumBatchingWindowInSeconds") or 0)


def _queue_of(backend: LambdaBackend, arn: str) -> Queue | None:
    return sqs_backends[backend.account_id][backend.region_name].queues.get(arn.rpartition(":")[2])


def _check_visibility(queue: Queue, function: LambdaFunction) -> None:
    visibility = int(queue.visibility_timeout)  # type: ignore[attr-defined]
    if visibility < int(function.timeout):
        raise InvalidParameterValueException(
            f"Queue visibility timeout: {visibility} seconds is less than Function timeout: {function.timeout} seconds"
        )
