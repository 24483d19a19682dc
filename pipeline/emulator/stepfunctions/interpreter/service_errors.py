"""Errors of service integrations as AWS names and words them.

`aws-sdk` integrations name them after the Java SDK: `S3.NoSuchKeyException`. moto knows the names of two services, and
writes the others as they stand in the resource (`s3.NoSuchKeyException`). The optimised ones have names of their own.
"""

from __future__ import annotations

import logging
import re
from functools import cache
from typing import Any

from pipeline.emulator.moto.patch import patch
from pipeline.emulator.stepfunctions.interpreter.clients import forget_metadata
from pipeline.emulator.stepfunctions.interpreter.failure_events import failure_event
from pipeline.emulator.stepfunctions.interpreter.json_text import to_json_str
from pipeline.emulator.stepfunctions.interpreter.parameters import Unsupported, refused

_SERVICE = "moto.stepfunctions.parser.asl.component.state.exec.state_task.service"

_log = logging.getLogger(__name__)
_OPTIMISED_NAMES = {
    "dynamodb": "DynamoDB",
    "events": "EventBridge",
    "glue": "Glue",
    "lambda": "Lambda",
    "sns": "SNS",
    "sqs": "SQS",
    "states": "StepFunctions",
}
"""How the names of errors of optimised integrations begin."""
# A HEAD has no body to carry a code: the Java SDK takes the error from the operation.
_ABSENT = {"headobject": "NoSuchKey", "headbucket": "NoSuchBucket"}


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


@patch(
    f"{_SERVICE}.state_task_service_aws_sdk:StateTaskServiceAwsSdk._from_error",
    "43def989ab25",
    "moto knows the names of two services",
)
def _from_sdk_error(self: Any, env: Any, ex: Exception) -> Any:
    from botocore.exceptions import ClientError

    if not isinstance(ex, ClientError):
        return _from_sdk_error.original(self, env, ex)
    service = service_name(self._get_boto_service_name())
    return _task_failed(self, env, _error_name(self, service, ex), _cause(service, ex))


@patch(
    f"{_SERVICE}.state_task_service_sqs:StateTaskServiceSqs._from_error",
    "eba8244baf11",
    "moto words errors of SQS by another SDK",
)
def _from_sqs_error(self: Any, env: Any, ex: Exception) -> Any:
    from botocore.exceptions import ClientError

    if not isinstance(ex, ClientError):
        return _from_sqs_error.original(self, env, ex)
    name = type(ex).__name__
    error = "SQS.AmazonSQSException" if name == "ClientError" else f"SQS.{name.removesuffix('Exception')}Exception"
    return _task_failed(self, env, error, _optimised_cause("AmazonSQS", ex))


@patch(
    f"{_SERVICE}.state_task_service_sns:StateTaskServiceSns._from_error",
    "56cad047aba2",
    "moto words errors of SNS by another SDK",
)
def _from_sns_error(self: Any, env: Any, ex: Exception) -> Any:
    from botocore.exceptions import ClientError

    if not isinstance(ex, ClientError):
        return _from_sns_error.original(self, env, ex)
    code = str(ex.response["Error"].get("Code"))
    name = "AmazonSNS" if type(ex).__name__ == "ClientError" else code.removesuffix("Exception")
    return _task_failed(self, env, f"SNS.{name}Exception", _optimised_cause("AmazonSNS", ex))


@patch(
    f"{_SERVICE}.state_task_service_glue:StateTaskServiceGlue._from_error",
    "74cbd684f453",
    "moto words errors of Glue by another SDK",
)
def _from_glue_error(self: Any, env: Any, ex: Exception) -> Any:
    from botocore.exceptions import ClientError

    if not isinstance(ex, ClientError):
        return _from_glue_error.original(self, env, ex)
    return _task_failed(self, env, *_pair("Glue", "AWSGlue", "AWSGlueException", ex))


@patch(
    f"{_SERVICE}.state_task_service_events:StateTaskServiceEvents._from_error",
    "cf4ff53c24cd",
    "moto puts the answer into the event as it is and not as text",
)
def _from_events_error(self: Any, env: Any, ex: Exception) -> Any:
    """The cause is the answer, which moto puts into the event as it is and not as text."""
    from botocore.exceptions import ClientError
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_events import (
        SfnFailedEntryCountException,
    )

    if isinstance(ex, ClientError):
        return _task_failed(self, env, *_pair("EventBridge", "AmazonEventBridge", "AmazonEventBridgeException", ex))
    if not isinstance(ex, SfnFailedEntryCountException):
        return _from_events_error.original(self, env, ex)
    forget_metadata(ex.cause)
    return _task_failed(self, env, "EventBridge.FailedEntry", to_json_str(ex.cause))


def _dynamodb_pair(client_error: Any) -> tuple[str, str]:
    return _pair("DynamoDB", "AmazonDynamoDBv2", "AmazonDynamoDBException", client_error)


def _lambda_pair(client_error: Any) -> tuple[str, str]:
    return _pair("Lambda", "AWSLambda", "AWSLambdaException", client_error)


def _pair(prefix: str, service: str, unmodelled: str, error: Any) -> tuple[str, str]:
    """Error and cause of an optimised integration: a modelled error by its code, others by the service's."""
    name = unmodelled if type(error).__name__ == "ClientError" else error.response["Error"]["Code"]
    return f"{prefix}.{name}", _optimised_cause(service, error)


class Unreachable(Exception):
    """A queue's URL that names no host."""


def from_other_error(task: Any, env: Any, ex: Exception) -> Any:
    """The failure of a call that no service answered.

    One with a field that the service does not know is not begun, and ends the execution, as on AWS. Any other is the
    SDK's to tell; what it was in Python stands in the log.
    """
    from botocore.exceptions import ParamValidationError

    if isinstance(ex, Unsupported):
        cause = f"The Parameters '{to_json_str(ex.parameters)}' could not be used to start the Task: [{ex}]"
        return failure_event(env, "ExecutionFailed", "executionFailedEventDetails", error="States.Runtime", cause=cause)
    service = _OPTIMISED_NAMES.get(task.resource.service_name) or service_name(task._get_boto_service_name())
    if isinstance(ex, ParamValidationError) and service == "S3":
        told = "The specified bucket is not valid. (Service: S3, Status Code: 400, Request ID: null)"
        return _task_failed(task, env, "S3.S3Exception", told)
    if isinstance(ex, Unreachable):
        return _task_failed(task, env, f"{service}.SdkClientException", f"Unable to execute HTTP request: {ex}")
    _log.error("%s could not be called", task.resource.resource_arn, exc_info=ex)
    cause = "Unable to execute HTTP request: the embedded AWS could not make this call; its log says why"
    return _task_failed(task, env, f"{service}.SdkClientException", cause)


def check_required(operation: Any, parameters: dict[str, Any]) -> None:
    """Refuse a call without a required parameter as the service would, where moto may end with an error of its own.

    A queue is called at its URL: one that is none is `Unreachable`.
    """
    missing = [name for name in operation.input_shape.required_members if name not in parameters]
    metadata = operation.service_model.metadata
    url = str(parameters.get("QueueUrl", "http://"))
    if operation.service_model.service_name == "sqs" and "://" not in url:
        raise Unreachable(f"{url}: Name or service not known")
    if not missing or metadata.get("protocol") == "rest-xml":
        return
    code, message = "MissingParameter", f"The request must contain the parameter {missing[0]}."
    if operation.service_model.service_name != "sqs":
        code, constraint = "ValidationException", "failed to satisfy constraint: Member must not be null"
        told = "; ".join(f"Value null at '{name[0].lower()}{name[1:]}' {constraint}" for name in missing)
        message = f"{len(missing)} validation error{'s' * (len(missing) > 1)} detected: {told}"
    raise refused(operation.name, code, message)


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


patch(
    f"{_SERVICE}.state_task_service_dynamodb:StateTaskServiceDynamoDB._error_cause_from_client_error",
    "16d03a77c9b7",
    "moto words errors of DynamoDB by another SDK",
)(_dynamodb_pair)
patch(
    f"{_SERVICE}.state_task_service_lambda:StateTaskServiceLambda._error_cause_from_client_error",
    "ebcbb8bd6a4f",
    "moto words errors of Lambda by another SDK",
)(_lambda_pair)
