"""Lambda in moto: invocations go to real workers.

moto runs functions in Docker, answers an error with status 200 where there is none, and blocks on asynchronous
invocations. Settings are the business of `settings`, versions and aliases of `versions`, event source
mappings of `event_source_mappings`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError, UnknownFunctionException
from moto.awslambda.models import LambdaFunction, lambda_backends
from moto.awslambda.responses import LambdaResponse

from pipeline.core.errors import Refused
from pipeline.emulator.awslambda.functions import (
    ASYNCHRONOUS_PAYLOAD_BYTES,
    SYNCHRONOUS_PAYLOAD_BYTES,
    Function,
    Invoke,
    Retries,
    Throttled,
)
from pipeline.emulator.awslambda.patches.invoke_configs import config_of
from pipeline.emulator.awslambda.patches.versions import LATEST, invoked_arn, latest_of
from pipeline.emulator.moto.patch import patch

InvokeLater = Callable[[Function, bytes], str]
"""Queue an asynchronous invocation; returns its request id."""

_REQUEST_ID = "x-amzn-requestid"
_NOBODY = "nothing runs functions yet"
_invoke: Invoke | None = None
_invoke_later: InvokeLater | None = None


def run_by(invoke: Invoke, invoke_later: InvokeLater) -> None:
    """Run functions by these from now on; the latest call counts."""
    global _invoke, _invoke_later
    _invoke, _invoke_later = invoke, invoke_later


def resolve(arn: str) -> Function:
    """What an ARN names now: a function, a version of it, or the version that its alias points to.

    moto's UnknownFunctionException if there is none.
    """
    _, _, _, region, account, *_ = arn.split(":")
    return function_of(lambda_backends[account][region].get_function(arn))


def function_of(found: LambdaFunction) -> Function:
    """What workers need of moto's function. One that is made of an image is refused."""
    if found.package_type != "Zip":
        raise InvalidParameterValueException("The embedded AWS runs functions from zip archives only.")
    logging: dict[str, str] = getattr(found, "logging_config", {})
    concurrency = latest_of(found).reserved_concurrency
    return Function(
        account=found.account_id,
        region=found.region,
        name=found.function_name,
        version=str(found.version),
        arn=found.function_arn,
        invoked_arn=invoked_arn(found),
        handler=str(found.handler),
        runtime=str(found.run_time),
        code_sha=found.code_sha_256,
        environment=tuple(sorted((name, str(value)) for name, value in found.environment_vars.items())),
        memory_mb=int(found.memory_size),
        timeout_s=float(found.timeout),
        concurrency=None if concurrency is None else int(concurrency),
        log_group=logging.get("LogGroup") or f"/aws/lambda/{found.function_name}",
        json_logs=logging.get("LogFormat") == "JSON",
        layers=getattr(found, "layer_archives", ()),
        code=found.code_bytes,
        retries=_retries(found),
    )


def _retries(found: LambdaFunction) -> Retries:
    config = config_of(found)
    destinations = config.get("DestinationConfig") or {}
    aws = Retries()
    return Retries(
        attempts=config.get("MaximumRetryAttempts", aws.attempts),
        max_age_s=config.get("MaximumEventAgeInSeconds", aws.max_age_s),
        on_success=(destinations.get("OnSuccess") or {}).get("Destination"),
        on_failure=(destinations.get("OnFailure") or {}).get("Destination"),
        dead_letter=getattr(found, "dead_letter_config", {}).get("TargetArn"),
    )


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
        reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
        self.description = json.dumps({**json.loads(self.description), "Reason": reason, "Type": "User"})


class _Stopping(LambdaClientError):
    code = 503

    def __init__(self, error: Refused) -> None:
        super().__init__("ServiceException", error.message)


@patch("moto.awslambda.responses:LambdaResponse.invoke", "8f68f0bf023a", "moto looks for the qualifier in the payload")
def _invoke_response(self: LambdaResponse) -> Any:
    """moto looks for the qualifier under another name, and then in the payload. Errors name one that was asked for."""
    asked = self.querystring.get("Qualifier")
    self.querystring["qualifier"] = asked or [LATEST]
    try:
        return _invoke_response.original(self)
    except UnknownFunctionException as error:
        if asked:
            raise
        arn = str(error.message).removeprefix("Function not found: ")
        raise UnknownFunctionException(arn.removesuffix(f":{LATEST}")) from None


@patch(
    "moto.awslambda.models:LambdaFunction.invoke",
    "dadc324f30ae",
    "moto runs functions in Docker, and waits for asynchronous ones",
)
def _invoke_function(self: LambdaFunction, body: Any, request_headers: Any, response_headers: Any) -> bytes:
    """Every invocation in moto comes through here: the API's, and the triggers of other services.

    Triggers bring no headers. On AWS they invoke asynchronously, and so here.
    """
    payload = (body.encode() if isinstance(body, str) else body) or b"{}"
    default = "RequestResponse" if request_headers else "Event"
    kind = request_headers.get("X-Amz-Invocation-Type") or default
    _check_payload(payload, ASYNCHRONOUS_PAYLOAD_BYTES if kind == "Event" else SYNCHRONOUS_PAYLOAD_BYTES)
    function = function_of(self)
    response_headers["x-amz-executed-version"] = function.version
    try:
        if kind == "DryRun":
            return b""
        if kind == "Event":
            return _start(function, payload, response_headers)
        return _run(function, payload, response_headers)
    except Throttled:
        raise _TooManyRequests from None
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
    if _invoke_later is None:
        raise Refused(_NOBODY)
    headers[_REQUEST_ID] = _invoke_later(function, payload)
    return b""


def _run(function: Function, payload: bytes, headers: Any) -> bytes:
    if _invoke is None:
        raise Refused(_NOBODY)
    answer = _invoke(function, payload)
    headers[_REQUEST_ID] = answer.request_id
    headers["x-amz-log-result"] = base64.b64encode(answer.log_tail.encode()).decode()
    if answer.failed:
        headers["x-amz-function-error"] = "Unhandled"
    return answer.payload


@patch(
    "moto.awslambda.responses:LambdaResponse._enrich_response",
    "86cd4a4051dd",
    "moto gives Invoke a request id of its own",
)
def _enrich_response(headers: dict[str, str], body: Any) -> tuple[dict[str, str], Any]:
    """A call of Invoke has the invocation's request id, by which its log is found."""
    request_id = headers.get(_REQUEST_ID)
    headers, body = _enrich_response.original(headers, body)
    if request_id:
        headers[_REQUEST_ID] = request_id
    return headers, body


@patch("moto.awslambda.models:LambdaFunction._invoke_lambda", "23ce7a8f956e", "moto runs functions in Docker")
def _never(self: LambdaFunction, event: str | None = None) -> tuple[str, bool, str]:
    raise NotImplementedError("functions run in workers")
