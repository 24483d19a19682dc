"""Queues under concurrency, long polls, depth, dead-letter queues."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from pipeline.emulator.awslambda.event_sources.queue_poller import _receivable

WHOLE_POLL_S = 20
"""What a poll takes that nothing ends."""


@pytest.fixture
def queue(aws, request):
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName=request.node.name[:80])["QueueUrl"]
    yield url
    sqs.delete_queue(QueueUrl=url)


def test_a_long_poll_ends_when_a_message_comes(aws, queue):
    sqs = aws("sqs")
    started = time.monotonic()
    threading.Timer(0.3, sqs.send_message, kwargs={"QueueUrl": queue, "MessageBody": "x"}).start()
    assert sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
    assert 0.2 < time.monotonic() - started < WHOLE_POLL_S


def test_a_long_poll_wakes_for_a_message_that_becomes_visible_again(aws, queue):
    sqs = aws("sqs")
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    sqs.receive_message(QueueUrl=queue, VisibilityTimeout=1)
    started = time.monotonic()
    assert sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
    assert time.monotonic() - started < WHOLE_POLL_S


def test_a_long_poll_wakes_when_visibility_is_given_back(aws, queue):
    sqs = aws("sqs")
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    back = {"QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
    threading.Timer(0.2, sqs.change_message_visibility, kwargs=back).start()
    started = time.monotonic()
    assert sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
    assert time.monotonic() - started < WHOLE_POLL_S


def test_concurrent_senders_and_receivers_neither_lose_nor_double_a_message(aws, queue):
    sqs = aws("sqs")
    received: list[str] = []

    def send(sender):
        for number in range(25):
            sqs.send_message(QueueUrl=queue, MessageBody=f"{sender}-{number}")

    def receive():
        while len(received) < 100:
            messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1, MaxNumberOfMessages=10).get("Messages")
            if not messages:
                return
            for message in messages:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                received.append(message["Body"])

    with ThreadPoolExecutor(8) as pool:
        senders = [pool.submit(send, sender) for sender in range(4)]
        receivers = [pool.submit(receive) for _ in range(4)]
        for future in senders + receivers:
            future.result()
    assert sorted(received) == sorted(f"{sender}-{number}" for sender in range(4) for number in range(25))


def test_what_a_request_looks_at_does_not_grow_with_the_depth_of_the_queue(aws, queue, monkeypatch):
    from moto.sqs.models import Message, sqs_backends

    backend, name = sqs_backends["123456789012"]["eu-west-1"], queue.rsplit("/", 1)[1]
    sqs, looks = aws("sqs"), Looks()
    monkeypatch.setattr(Message, "visible_at", looks.at("visible_at", 0.0), raising=False)
    monkeypatch.setattr(Message, "receipt_handle", looks.at("receipt_handle", None), raising=False)

    def fill(depth: int) -> None:
        while len(backend.queues[name]._messages) < depth:
            backend.send_message(queue_name=name, message_body="x")
        # What waits and what somebody has, half of it each.
        for _ in range(depth // 20):
            backend.receive_message(name, 10, 0, 60)

    def requests() -> dict[str, int]:
        found = {"send": looks.of(lambda: sqs.send_message(QueueUrl=queue, MessageBody="x"))}
        received: list[dict[str, str]] = []
        found["receive"] = looks.of(lambda: received.extend(sqs.receive_message(QueueUrl=queue)["Messages"]))
        handle = {"QueueUrl": queue, "ReceiptHandle": received[0]["ReceiptHandle"]}
        found["hide"] = looks.of(lambda: sqs.change_message_visibility(**handle, VisibilityTimeout=90))
        found["delete"] = looks.of(lambda: sqs.delete_message(**handle))
        found["count"] = looks.of(lambda: sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"]))
        found["poll"] = looks.of(lambda: _receivable(backend.queues[name], 10_000))
        return found

    fill(20)
    shallow = requests()
    fill(1000)
    assert requests() == shallow


class Looks:
    """Counts how often an attribute of a message is read, whichever message that is."""

    def __init__(self) -> None:
        self._count = 0

    def at(self, name: str, default: object) -> property:
        def read(message):
            self._count += 1
            return message.__dict__.get(name, default)

        return property(read, lambda message, value: message.__dict__.__setitem__(name, value))

    def of(self, ask: Callable[[], object]) -> int:
        before = self._count
        ask()
        return self._count - before


def test_messages_are_counted_by_whether_they_wait_are_with_somebody_or_delayed(aws, queue):
    sqs = aws("sqs")
    for delay in (0, 0, 0, 600):
        sqs.send_message(QueueUrl=queue, MessageBody="x", DelaySeconds=delay)
    first, second = (sqs.receive_message(QueueUrl=queue)["Messages"][0] for _ in range(2))

    def counts() -> list[int]:
        names = [f"ApproximateNumberOfMessages{what}" for what in ("", "NotVisible", "Delayed")]
        told = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        return [int(told[name]) for name in names]

    assert counts() == [1, 2, 1]
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0)
    assert counts() == [2, 1, 1]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=second["ReceiptHandle"])
    assert counts() == [2, 0, 1]
    sqs.purge_queue(QueueUrl=queue)
    assert counts() == [0, 0, 0]


def test_a_message_that_is_given_back_comes_before_those_that_came_after_it(aws, queue):
    sqs = aws("sqs")
    for body in "abc":
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    again = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert [each["Body"] for each in again] == ["a", "b", "c"]
    # By an older handle too.
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    for each in again[1:]:
        back = {"QueueUrl": queue, "ReceiptHandle": each["ReceiptHandle"], "VisibilityTimeout": 0}
        sqs.change_message_visibility(**back)
    assert [sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"] for _ in range(2)] == ["b", "c"]


def test_of_a_group_of_a_fifo_queue_nothing_comes_while_a_message_of_it_is_with_somebody(aws):
    sqs = aws("sqs")
    fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    url = sqs.create_queue(QueueName="groups.fifo", Attributes=fifo)["QueueUrl"]
    for body in ("a1", "a2", "b1", "a1"):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=body[0])
    first, other = (sqs.receive_message(QueueUrl=url)["Messages"][0] for _ in range(2))
    assert [first["Body"], other["Body"]] == ["a1", "b1"]
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    # What was sent twice is there once.
    (last,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert last["Body"] == "a2"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=last["ReceiptHandle"])
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    sqs.delete_queue(QueueUrl=url)


def test_a_message_received_too_often_goes_to_the_dead_letter_queue(aws, queue):
    sqs = aws("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    policy = {"deadLetterTargetArn": "arn:aws:sqs:eu-west-1:123456789012:dead", "maxReceiveCount": 2}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": json.dumps(policy)})
    sqs.send_message(QueueUrl=queue, MessageBody="poison")
    for _ in range(2):
        (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
        sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    assert sqs.receive_message(QueueUrl=dead)["Messages"][0]["Body"] == "poison"


def test_message_attributes_are_filtered_in_the_answer_and_kept_in_the_queue(aws, queue):
    sqs = aws("sqs")
    attributes = {"a": {"DataType": "String", "StringValue": "1"}, "b": {"DataType": "String", "StringValue": "2"}}
    sqs.send_message(QueueUrl=queue, MessageBody="x", MessageAttributes=attributes)
    (one,) = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["a"], VisibilityTimeout=0)["Messages"]
    (both,) = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"])["Messages"]
    assert set(one["MessageAttributes"]) == {"a"}
    assert set(both["MessageAttributes"]) == {"a", "b"}


def test_setting_an_attribute_leaves_the_policy_and_an_empty_policy_removes_it(aws, queue):
    sqs = aws("sqs")

    def policy() -> str | None:
        names = ["Policy"]
        return sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names).get("Attributes", {}).get("Policy")

    told = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sqs:*"}]}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(told)})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "60"})
    assert json.loads(policy() or "{}") == told
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": ""})
    assert policy() is None


REFUSED = {
    "": ("MissingParameter", "The request must contain the parameter MessageBody."),
    "a\x00": ("InvalidMessageContents", "#x0"),
    "\x0b": ("InvalidMessageContents", "#xB"),
    "\ufffe": ("InvalidMessageContents", "#xFFFE"),
}


@pytest.fixture(scope="module")
def bodies(aws):
    return aws("sqs").create_queue(QueueName="bodies")["QueueUrl"]


@pytest.mark.parametrize("body", REFUSED)
def test_a_body_that_aws_does_not_take_is_refused_and_of_a_batch_alone(aws, bodies, body):
    sqs = aws("sqs")
    code, said = REFUSED[body]
    with pytest.raises(ClientError) as refused:
        sqs.send_message(QueueUrl=bodies, MessageBody=body)
    entries = [{"Id": "bad", "MessageBody": body}, {"Id": "good", "MessageBody": "x"}]
    answer = sqs.send_message_batch(QueueUrl=bodies, Entries=entries)
    (failed,) = answer["Failed"]
    assert (failed["Id"], failed["SenderFault"]) == ("bad", True)
    for error in (refused.value.response["Error"], failed):
        assert error["Code"] == code
        assert said in error["Message"]
    assert [sent["Id"] for sent in answer["Successful"]] == ["good"]
    assert [m["Body"] for m in sqs.receive_message(QueueUrl=bodies, MaxNumberOfMessages=10)["Messages"]] == ["x"]


@pytest.mark.parametrize("body", [" ", "\t\n\r", "\ud7ff\ue000\ufffd", "\U00010000\U0010ffff"])
def test_a_body_of_characters_that_aws_takes_arrives_as_it_was_sent(aws, bodies, body):
    sqs = aws("sqs")
    sqs.send_message(QueueUrl=bodies, MessageBody=body)
    assert sqs.receive_message(QueueUrl=bodies)["Messages"][0]["Body"] == body
