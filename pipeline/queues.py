"""Sending to SQS queues, whole batches at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.errors import Transient

BATCH = 10
"""Messages that one SendMessageBatch takes at most (AWS quota)."""


def send_all(sqs: Any, queue_url: str, bodies: Sequence[str]) -> None:
    """Send every body. `Transient` if SQS did not take them all; sending them again is harmless here."""
    for start in range(0, len(bodies), BATCH):
        entries = [{"Id": str(i), "MessageBody": body} for i, body in enumerate(bodies[start : start + BATCH])]
        failed = sqs.send_message_batch(QueueUrl=queue_url, Entries=entries).get("Failed", [])
        if failed:
            raise Transient(f"SQS did not take {len(failed)} of {len(entries)} messages: {failed[0].get('Message')}")
