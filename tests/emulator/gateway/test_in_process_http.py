"""A client in the process of the front gets over no socket what others get over one."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from pipeline.emulator.stepfunctions.interpreter.clients import client_for, forget_metadata

REGION = "eu-west-1"


class NoSocket:
    def send(self, request):
        raise AssertionError(f"{request.method} {request.url} went over a socket")


@pytest.fixture
def here(front):
    """`here("sqs")` is a client as state machines have it, and has no sockets."""

    def client(service):
        made = client_for(REGION, service)
        made._endpoint.http_session._otherwise = NoSocket()
        return made

    return client


def told(answer):
    forget_metadata(answer)
    answer["ResponseMetadata"] = answer["ResponseMetadata"]["HTTPStatusCode"]
    return answer


def test_the_same_is_answered_in_every_protocol(aws, here):
    queue = aws("sqs").create_queue(QueueName="a-queue")["QueueUrl"]
    aws("sns").create_topic(Name="topic")
    aws("dynamodb").create_table(
        TableName="table",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    calls = [
        ("sqs", "get_queue_attributes", {"QueueUrl": queue, "AttributeNames": ["QueueArn"]}),
        ("sns", "list_topics", {}),
        ("dynamodb", "put_item", {"TableName": "table", "Item": {"id": {"S": "ü ☃"}}}),
        ("dynamodb", "get_item", {"TableName": "table", "Key": {"id": {"S": "ü ☃"}}}),
        ("lambda", "list_functions", {}),
        ("events", "list_rules", {"NamePrefix": "a b/ü"}),
        ("glue", "get_databases", {}),
    ]
    for service, operation, parameters in calls:
        answers = [told(getattr(client, operation)(**parameters)) for client in (aws(service), here(service))]
        assert answers[0] == answers[1], operation


def test_errors_are_the_same(aws, here):
    for service, operation, parameters, code in (
        ("sqs", "get_queue_url", {"QueueName": "absent"}, "AWS.SimpleQueueService.NonExistentQueue"),
        ("lambda", "get_function", {"FunctionName": "absent"}, "ResourceNotFoundException"),
        ("sqs", "start_message_move_task", {"SourceArn": "arn"}, "NotImplemented"),
    ):
        for client in (aws(service), here(service)):
            with pytest.raises(ClientError) as error:
                getattr(client, operation)(**parameters)
            assert error.value.response["Error"]["Code"] == code


def test_a_large_body_arrives_whole(aws, here):
    sent = here("sqs").send_message(
        QueueUrl=aws("sqs").create_queue(QueueName="body")["QueueUrl"], MessageBody="x" * 200_000
    )
    assert sent["MD5OfMessageBody"]


def test_calls_are_counted_with_their_caller(front, here):
    front.calls.reset()
    here("sqs").list_queues()
    assert [(call.service, call.operation, call.caller) for call in front.calls.snapshot()] == [
        ("sqs", "ListQueues", "states")
    ]
