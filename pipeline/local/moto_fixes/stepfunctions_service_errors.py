"""Errors of service integrations as AWS names and words them.

`aws-sdk` integrations name them after the Java SDK: `S3.NoSuchKeyException`. moto knows the names of two services, and
writes the others as they stand in the resource (`s3.NoSuchKeyException`). The optimised ones have names of their own.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from pipeline.local.moto_fixes.guard import replace
from pipeline.local.moto_fixes.stepfunctions_failure_events import failure_event

_originals: dict[str, Any] = {}
# A HEAD has no body to carry a code: the Java SDK takes the error from the operation.
_ABSENT = {"headobject": "NoSuchKey", "headbucket": "NoSuchBucket"}


def install() -> None:
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_aws_sdk import (
        StateTaskServiceAwsSdk,
    )
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_glue import (
        StateTaskServiceGlue,
    )
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sqs import (
        StateTaskServiceSqs,
    )

    _originals["sdk"] = replace(StateTaskServiceAwsSdk, "_from_error", _from_sdk_error, source="43def989ab25")
    _originals["sqs"] = replace(StateTaskServiceSqs, "_from_error", _from_sqs_error, source="eba8244baf11")
    _originals["glue"] = replace(StateTaskServiceGlue, "_from_error", _from_glue_error, source="74cbd684f453")


@cache
def service_name(boto_service: str) -> str:
    """A service's name in the Java SDK: `Sqs`, `DynamoDb`, `SecretsManager`."""
    from botocore.session import get_session

    identifier = str(get_session().get_service_model(boto_service).service_id)
    words = re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z0-9]+", identifier)
    return "".join(word.capitalize() for word in words)


def _error_name(task: Any, service: str, error: Any) -> str:
    """A modelled error by its shape, any other by the service's name."""
    name = type(error).__name__
    if name == "ClientError":
        absent = _ABSENT.get(task.resource.api_action.lower())
        is_absent = service == "S3" and absent and error.response["Error"].get("Code") == "404"
        name = absent if is_absent and absent else service
    return f"{service}.{name if name.endswith('Exception') else name + 'Exception'}"


def _cause(service: str, error: Any) -> str:
    metadata, failure = error.response["ResponseMetadata"], error.response["Error"]
    request = metadata.get("RequestId")
    details = [f"Service: {service}", f"Status Code: {metadata['HTTPStatusCode']}", f"Request ID: {request}"]
    if service == "S3":
        details.append(f"Extended Request ID: {metadata.get('HostId') or request}")
    message = "null" if failure.get("Code") == "404" else failure.get("Message")
    return f"{message} ({', '.join(details)})"


def _from_sdk_error(self: Any, env: Any, ex: Exception) -> Any:
    from botocore.exceptions import ClientError

    if not isinstance(ex, ClientError):
        return _originals["sdk"](self, env, ex)
    service = service_name(self._get_boto_service_name())
    return _task_failed(self, env, _error_name(self, service, ex), _cause(service, ex))


def _from_sqs_error(self: Any, env: Any, ex: Exception) -> Any:
    from botocore.exceptions import ClientError

    if not isinstance(ex, ClientError):
        return _originals["sqs"](self, env, ex)
    name = type(ex).__name__
    error = "SQS.AmazonSQSException" if name == "ClientError" else f"SQS.{name.removesuffix('Exception')}Exception"
    return _task_failed(self, env, error, _optimised_cause("AmazonSQS", ex))


def _from_glue_error(self: Any, env: Any, ex: Exception) -> Any:
    from botocore.exceptions import ClientError

    if not isinstance(ex, ClientError):
        return _originals["glue"](self, env, ex)
    error: Any = ex
    return _task_failed(self, env, f"Glue.{error.response['Error']['Code']}", _optimised_cause("AWSGlue", ex))


def _optimised_cause(service: str, error: Any) -> str:
    metadata, failure = error.response["ResponseMetadata"], error.response["Error"]
    return (
        f"{failure.get('Message')} (Service: {service}; Status Code: {metadata['HTTPStatusCode']}; "
        f"Error Code: {failure.get('Code')}; Request ID: {metadata.get('RequestId')}; Proxy: null)"
    )


def _task_failed(task: Any, env: Any, error: str, cause: str) -> Any:
    return failure_event(
        env,
        "TaskFailed",
        "taskFailedEventDetails",
        resource=task._get_sfn_resource(),
        resourceType=task._get_sfn_resource_type(),
        error=error,
        cause=cause,
    )
