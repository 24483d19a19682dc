"""Sending to SQS queues: whole batches at a time, and what cannot be handled, with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.core.errors import Transient

BATCH = 10
"""Messages that one SendMessageBatch takes at most (AWS quota)."""


def send_all(sqs: Any, queue_url: str, bodies: Sequence[str]) -> None:
    """Send every body. `Transient` if SQS did not take them all; sending them again is harmless here."""
    for start in range(0, len(bodies), BATCH):
        entries = [{"Id": str(i), "MessageBody": body} for i, body in enumerate(bodies[start : start + BATCH])]
        failed = sqs.send_message_batch(QueueUrl=queue_url, Entries=entries).get("Failed", [])
        if failed:
            raise Transient(f"SQS did not take {len(failed)} of {len(entries)} messages: {failed[0].get('Message')}")


REASON = "reason"
"""The attribute of a message that was put aside which says why."""
REASON_CHARACTERS = 1000


def put_aside(sqs: Any, dead_letter_queue_url: str, body: str, reason: str) -> None:
    """Put a message that no repetition would mend where dead letters wait, with its reason."""
    # Of what is not printed, SQS refuses some.
    told = repr(reason)[1:-1][:REASON_CHARACTERS]
    attributes = {REASON: {"DataType": "String", "StringValue": told}}
    sqs.send_message(QueueUrl=dead_letter_queue_url, MessageBody=body, MessageAttributes=attributes)
