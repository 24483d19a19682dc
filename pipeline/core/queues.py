"""Sending to SQS queues: messages in batches, and messages that cannot be handled to a dead-letter queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.core.errors import Transient

BATCH = 10
"""Messages that one SendMessageBatch takes at most (AWS quota)."""


def send_all(sqs: Any, queue_url: str, bodies: Sequence[str]) -> None:
    """Send every body. `Transient` if SQS rejected some; all can be sent again, because receivers are idempotent."""
    for start in range(0, len(bodies), BATCH):
        entries = [{"Id": str(i), "MessageBody": body} for i, body in enumerate(bodies[start : start + BATCH])]
        failed = sqs.send_message_batch(QueueUrl=queue_url, Entries=entries).get("Failed", [])
        if failed:
            raise Transient(f"SQS did not take {len(failed)} of {len(entries)} messages: {failed[0].get('Message')}")


REASON = "reason"
"""The message attribute with the reason why a message is in a dead-letter queue."""
REASON_CHARACTERS = 1000


def put_aside(sqs: Any, dead_letter_queue_url: str, body: str, reason: str) -> None:
    """Send a message that no retry can help to the dead-letter queue, with its reason."""
    # SQS rejects some of the characters that are not printable.
    printable = repr(reason)[1:-1][:REASON_CHARACTERS]
    attributes = {REASON: {"DataType": "String", "StringValue": printable}}
    sqs.send_message(QueueUrl=dead_letter_queue_url, MessageBody=body, MessageAttributes=attributes)
