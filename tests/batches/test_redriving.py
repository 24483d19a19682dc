"""Draining dead-letter queues."""

from __future__ import annotations

from pipeline.batches.redriving import redrive_invocations, redrive_queue
from pipeline.clients import client


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


def test_messages_that_carry_no_request_of_a_function_stay(aws):
    dead = queue("failures", "no JSON", "{}", "[]")
    assert redrive_invocations(client("sqs"), dead, client("lambda"), "nothing") == 0
    assert counted(dead, "ApproximateNumberOfMessagesNotVisible") == 3
