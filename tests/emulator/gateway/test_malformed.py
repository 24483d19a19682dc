"""A request that is not as its model says is refused as AWS refuses it, and no Python error is answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from pipeline.emulator.gateway.malformed import complaint
from pipeline.emulator.gateway.server import AwsServer

Send = Callable[[str, str, bytes], dict[str, Any]]

USED = {
    "dynamodb": (
        "GetItem PutItem UpdateItem DeleteItem Query Scan BatchGetItem BatchWriteItem TransactGetItems "
        "TransactWriteItems CreateTable DescribeTable UpdateTimeToLive"
    ),
    "sqs": (
        "CreateQueue SetQueueAttributes GetQueueAttributes GetQueueUrl SendMessage SendMessageBatch ReceiveMessage "
        "DeleteMessage DeleteMessageBatch ChangeMessageVisibility"
    ),
    "stepfunctions": "CreateStateMachine StartExecution DescribeExecution ListExecutions GetExecutionHistory",
    "events": "PutEvents PutRule PutTargets",
    "glue": "CreateTable GetTable GetTables CreateDatabase GetDatabase StartJobRun GetJobRun GetPartitions",
    "ssm": "GetParameter GetParameters GetParametersByPath PutParameter",
    "logs": "CreateLogGroup PutLogEvents GetLogEvents FilterLogEvents",
    "secretsmanager": "GetSecretValue CreateSecret",
    "kms": "Encrypt Decrypt DescribeKey GenerateDataKey",
}
"""The operations that the lake's own code and its clients call, of the services whose protocol is JSON."""

CALLS = [(service, operation) for service, operations in USED.items() for operation in operations.split()]


@pytest.fixture(scope="module")
def send(front: AwsServer) -> Send:
    """Sends a body as it is, signed; answers what AWS's error says, with the status."""
    clients: dict[str, Any] = {}
    bodies: list[bytes] = []

    def put_in(request: Any, **_: Any) -> None:
        request.data = bodies[-1]

    def run(service: str, operation: str, body: bytes) -> dict[str, Any]:
        if service not in clients:
            config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
            clients[service] = boto3.client(
                service, endpoint_url=front.endpoint, region_name="eu-west-1", config=config
            )
            clients[service].meta.events.register("before-sign", put_in)
        bodies.append(body)
        try:
            # Of a batch the client itself reads the tables' names.
            clients[service]._make_api_call(operation, {"RequestItems": {}} if operation.startswith("Batch") else {})
        except ClientError as error:
            return {**error.response["Error"], "Status": error.response["ResponseMetadata"]["HTTPStatusCode"]}
        return {"Status": 200}

    return run


def malformed(service: str, operation: str) -> Iterator[bytes]:
    """No JSON, no object, nothing, and each member of the input of a wrong kind or null where it must not be."""
    yield from (b"x", b"[]", b"{}")
    shape = boto3.client(service, region_name="eu-west-1").meta.service_model.operation_model(operation).input_shape
    for name in shape.members:
        for value in (1, [None], {"a": None}):
            yield json.dumps({name: value}).encode()


@pytest.mark.parametrize(("service", "operation"), CALLS)
def test_no_malformed_request_ends_in_an_error_of_python(send: Send, service: str, operation: str) -> None:
    for body in malformed(service, operation):
        answer = send(service, operation, body)
        assert answer["Status"] < 500, (body, answer)
        assert answer["Status"] == 200 or answer["Code"], (body, answer)


@pytest.mark.parametrize(
    ("service", "operation", "body", "code", "told"),
    [
        (
            "dynamodb",
            "TransactWriteItems",
            {"TransactItems": [None]},
            "ValidationException",
            "1 validation error detected: Value at 'transactItems.1.member' failed to satisfy constraint: "
            "Member must not be null",
        ),
        (
            "dynamodb",
            "TransactWriteItems",
            {"TransactItems": "x"},
            "SerializationException",
            "cannot be converted to a",
        ),
        ("dynamodb", "GetItem", {"TableName": ["t"]}, "SerializationException", '["t"] cannot be converted to String'),
        ("sqs", "ChangeMessageVisibility", {}, "MissingParameter", "must contain the parameter QueueUrl."),
        ("kms", "Encrypt", {"Plaintext": "eA=="}, "ValidationException", "'keyId' failed to satisfy"),
    ],
)
def test_it_is_told_as_aws_tells_it(
    send: Send, service: str, operation: str, body: dict[str, Any], code: str, told: str
) -> None:
    answer = send(service, operation, json.dumps(body).encode())
    assert (answer["Status"], answer["Code"]) == (400, code)
    assert told in answer["Message"]


@pytest.mark.parametrize(
    ("service", "operation", "body"),
    [
        ("dynamodb", "GetItem", {"TableName": "abc", "Key": {"k": {"S": "v"}}, "ConsistentRead": None}),
        ("sqs", "SendMessage", {"QueueUrl": "u", "MessageBody": "b", "DelaySeconds": 5}),
        ("states", "StartExecution", {"stateMachineArn": "arn"}),
        ("lambda", "Invoke", {"any": "event"}),
        ("s3", "PutObject", {}),
        ("elsewhere", "Any", {}),
    ],
)
def test_nothing_is_said_of_what_the_model_takes_or_does_not_know(
    service: str, operation: str, body: dict[str, Any]
) -> None:
    assert complaint(service, operation, json.dumps(body).encode()) is None
