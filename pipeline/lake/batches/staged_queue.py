"""A dataset's Stage B queue, as the poller reads it: which objects its messages name, and which are done with."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog import Catalog, Status
from pipeline.lake.catalog.rows import IN_FLIGHT
from pipeline.lake.messages.staged_message import StagedMessage

log = logging.getLogger(__name__)

RECEIVE = 10
"""Messages that one ReceiveMessage returns, or one DeleteMessageBatch takes, at most (AWS quota)."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message that was received: the object that it names, and what SQS wants to have it deleted."""

    object: ObjectVersion
    receipt: str


@dataclass(frozen=True, slots=True)
class StagedQueue:
    """Reads the queues of datasets, each named by its URL."""

    sqs: Any
    catalog: Catalog

    def receive(self, queue_url: str, limit: int) -> list[Received]:
        """Up to `limit` messages, fewer when the queue gives no more at once."""
        received: list[Received] = []
        while len(received) < limit:
            wanted = min(RECEIVE, limit - len(received))
            answer = self.sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=wanted)
            messages = answer.get("Messages", [])
            received += [one for message in messages if (one := _parsed(message))]
            if len(messages) < wanted:
                break
        return received

    def delete_settled(self, queue_url: str, messages: Sequence[Received], *, staged: bool = False) -> None:
        """Delete messages whose object is claimed or finished, or where it says so STAGED; any other comes back."""
        if not messages:
            return
        rows = {row.object: row for row in self.catalog.get_many(list({m.object: None for m in messages}))}
        waits = IN_FLIGHT - {Status.CLAIMED, *([Status.STAGED] if staged else [])}
        settled = [m for m in messages if m.object in rows and rows[m.object].status not in waits]
        for start in range(0, len(settled), RECEIVE):
            chunk = settled[start : start + RECEIVE]
            entries = [{"Id": str(place), "ReceiptHandle": message.receipt} for place, message in enumerate(chunk)]
            self.sqs.delete_message_batch(QueueUrl=queue_url, Entries=entries)


def _parsed(message: dict[str, Any]) -> Received | None:
    """None for a message of another form, which stays and ends in the dead-letter queue."""
    try:
        obj = StagedMessage.from_json(json.loads(message["Body"])).object
    except (ValueError, TypeError, KeyError):
        log.error("a message of the Stage B queue names no object", extra={"sqs_message": message["MessageId"]})
        return None
    return Received(obj, message["ReceiptHandle"])
