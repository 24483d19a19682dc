"""A call by form that is not as its model says is refused as AWS refuses it, and no Python error is answered."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.session import get_session

from pipeline.core.lake_key import own_key
from pipeline.emulator.gateway.malformed_forms import complaint_of_form
from pipeline.emulator.gateway.server import AwsServer
from tests.patience import PATIENCE_S

Send = Callable[..., tuple[int, str, str]]

USED = {
    "sns": (
        "CreateTopic Subscribe Unsubscribe Publish PublishBatch GetTopicAttributes SetTopicAttributes ListTopics "
        "ListSubscriptionsByTopic SetSubscriptionAttributes DeleteTopic TagResource"
    ),
    "sqs": "CreateQueue SendMessage SendMessageBatch ReceiveMessage DeleteMessage GetQueueAttributes GetQueueUrl",
    "iam": "CreateRole GetRole PutRolePolicy AttachRolePolicy ListRolePolicies DeleteRole CreatePolicy",
    "sts": "AssumeRole GetCallerIdentity",
}


def model(service: str, operation: str) -> Any:
    return get_session().get_service_model(service).operation_model(operation)


CALLS = [(service, operation) for service, operations in USED.items() for operation in operations.split()]
"""Operations that are called by form, of the services that take forms."""


@pytest.fixture(scope="module")
def send(front: AwsServer) -> Send:
    """Sends a request as it is, signed; answers the status, the error's code and the body."""

    def run(service: str, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str, str]:
        request = AWSRequest(method=method, url=front.endpoint + path, data=body, headers=headers)
        SigV4Auth(Credentials(own_key().id, own_key().secret), service, "eu-west-1").add_auth(request)
        connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=PATIENCE_S)
        connection.request(method, path, body=body, headers=dict(request.headers))
        answer = connection.getresponse()
        return answer.status, answer.headers.get("x-amzn-ErrorType") or "", answer.read().decode("utf-8", "replace")

    return run


Request = tuple[str, str, bytes, dict[str, str]]
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}


def malformed_forms(service: str, operation: str) -> Iterator[Request]:
    """Nothing; each member alone, as what it is not: text, an item of a list, a field of a structure."""
    named = {"Action": operation, "Version": get_session().get_service_model(service).api_version}
    yield "POST", "/", urlencode(named).encode(), FORM
    shape = model(service, operation).input_shape
    for name in shape.members if shape else ():
        for given in (
            {name: "x"},
            {name: "-1"},
            {name: ""},
            {f"{name}.member.1": "x"},
            {f"{name}.member.x": "x"},
            {f"{name}.entry.1.key": "x"},
            {f"{name}.1.Name": "x"},
        ):
            yield "POST", "/", urlencode(named | given).encode(), FORM


def wrong_answers(send: Send, service: str, requests: Iterator[Request]) -> list[tuple[Any, ...]]:
    """The requests that were not answered as AWS answers: with 500, or with an error that has no name."""
    found = []
    for method, path, body, headers in requests:
        status, kind, text = send(service, method, path, body, headers)
        named = kind or "<Code>" in text or '"__type"' in text or method == "HEAD" or status < 400
        assert status != 403, text
        if status >= 500 or not named or "Traceback" in text or "object has no attribute" in text:
            found.append((status, method, path, body[:80], headers, text[:200]))
    return found


@pytest.mark.parametrize(("service", "operation"), CALLS)
def test_no_malformed_form_ends_in_an_error_of_python(send: Send, service: str, operation: str) -> None:
    assert wrong_answers(send, service, malformed_forms(service, operation)) == []


@pytest.mark.parametrize(
    ("service", "fields", "code", "told"),
    [
        (
            "sns",
            {"Action": "CreateTopic"},
            "ValidationError",
            "Value at 'name' failed to satisfy constraint: Member must",
        ),
        (
            "sns",
            {"Action": "Publish", "TopicArn.member.1": "x"},
            "MalformedInput",
            "Start of list found",
        ),
        (
            "iam",
            {"Action": "ListRolePolicies", "RoleName": "r", "MaxItems": "x"},
            "MalformedInput",
            "Expected a number",
        ),
    ],
)
def test_it_is_told_as_aws_tells_it(send: Send, service: str, fields: dict[str, str], code: str, told: str) -> None:
    version = get_session().get_service_model(service).api_version
    status, _, text = send(service, "POST", "/", urlencode({**fields, "Version": version}).encode(), FORM)
    assert (status, f"<Code>{code}</Code>" in text, told in text) == (400, True, True), text


@pytest.mark.parametrize(
    ("service", "fields"),
    [
        (
            "sns",
            {
                "Action": "Publish",
                "Message": "m",
                "TopicArn": "arn",
                "MessageAttributes.entry.1.Name": "n",
                "MessageAttributes.entry.1.Value.DataType": "String",
                "MessageAttributes.entry.1.Value.StringValue": "v",
            },
        ),
        (
            "sqs",
            {
                "Action": "SendMessageBatch",
                "QueueUrl": "u",
                "SendMessageBatchRequestEntry.1.Id": "1",
                "SendMessageBatchRequestEntry.1.MessageBody": "b",
            },
        ),
        (
            "iam",
            {
                "Action": "CreateRole",
                "RoleName": "r",
                "AssumeRolePolicyDocument": "{}",
                "Tags.member.1.Key": "k",
                "Tags.member.1.Value": "v",
                "MaxSessionDuration": "3600",
            },
        ),
        ("s3", {"Action": "PutObject"}),
        ("elsewhere", {"Action": "Any"}),
    ],
)
def test_nothing_is_said_of_a_form_that_the_model_takes(service: str, fields: dict[str, str]) -> None:
    assert complaint_of_form(service, fields["Action"], urlencode(fields).encode()) is None
