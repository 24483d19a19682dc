"""Draining dead-letter queues."""

from __future__ import annotations

import json
from typing import ClassVar

import pytest

from pipeline.core.clients import client
from pipeline.lake.batches.redrive import redrive_invocations, redrive_queue


def queue(name: str, *bodies: str) -> str:
    url: str = client("sqs").create_queue(QueueName=name)["QueueUrl"]
    for body in bodies:
        client("sqs").send_message(QueueUrl=url, MessageBody=body)
    return url


def counted(url: str, which: str = "ApproximateNumberOfMessages") -> int:
    return int(client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[which])["Attributes"][which])


def test_every_message_is_sent_back_to_its_source(aws):
    dead, source = queue("dead", *map(str, range(23))), queue("source")
    assert redrive_queue(client("sqs"), dead, source) == 23
    assert (counted(dead), counted(source)) == (0, 23)


def test_chosen_messages_are_sent_back_and_the_others_stay_as_they_were(aws):
    dead, source = queue("choose", *map(str, range(15))), queue("chosen")
    sqs = client("sqs")
    first = sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=3, VisibilityTimeout=0)["Messages"]
    assert redrive_queue(sqs, dead, source, {message["MessageId"] for message in first}) == 3
    assert (counted(dead), counted(source)) == (12, 3)
    bodies = {m["Body"] for m in sqs.receive_message(QueueUrl=source, MaxNumberOfMessages=10)["Messages"]}
    assert bodies == {message["Body"] for message in first}


def test_messages_that_come_back_at_once_are_sent_once_and_can_be_seen_again(aws):
    dead = queue("comes-back", *map(str, range(12)))
    assert redrive_queue(client("sqs"), dead, dead) == 12
    assert counted(dead) == 12


def test_messages_that_carry_no_request_of_a_function_stay_and_are_seen_at_once(aws):
    dead = queue("failures", "no JSON", "{}", "[]", "[" * 100_000)
    assert redrive_invocations(client("sqs"), dead, client("lambda"), "nothing") == 0
    assert counted(dead) == 4


def test_what_was_handed_on_is_gone_when_a_later_message_fails(aws):
    dead = queue("half", *(json.dumps({"requestPayload": {"n": n}}) for n in range(5)))
    functions, handed = client("lambda"), []

    def answer(params, **_):
        if len(handed) == 3:
            raise ConnectionError("lost")
        handed.append(params["body"])
        return Answer(), {}

    functions.meta.events.register("before-call.lambda.Invoke", answer)
    with pytest.raises(ConnectionError):
        redrive_invocations(client("sqs"), dead, functions, "work")
    functions.meta.events.unregister("before-call.lambda.Invoke", answer)
    assert len(handed) == 3
    assert counted(dead) == 2


class Answer:
    status_code = 202
    headers: ClassVar[dict[str, str]] = {}


def test_large_messages_are_sent_back_one_by_one(aws):
    dead, source = queue("large", *("x" * 200_000 for _ in range(8))), queue("large-source")
    assert redrive_queue(client("sqs"), dead, source) == 8
    assert (counted(dead), counted(source)) == (0, 8)


def test_a_chosen_message_is_found_without_reading_all_the_others(aws):
    dead, source = queue("many", *map(str, range(40))), queue("few")
    sqs, calls = client("sqs"), []
    first = sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=1, VisibilityTimeout=0)["Messages"][0]
    sqs.meta.events.register("before-call.sqs.ReceiveMessage", lambda **_: calls.append(1))
    assert redrive_queue(sqs, dead, source, {first["MessageId"]}) == 1
    assert len(calls) <= 2
    assert redrive_queue(sqs, dead, source, {"an id that is gone"}) == 0
    assert counted(dead) == 39
