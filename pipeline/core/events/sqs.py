"""Batches of SQS messages as Lambda gets them, and the answer that reports the failed ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a batch."""

    id: str
    body: str


def parse(event: dict[str, Any]) -> list[Message]:
    """The messages of the event that Lambda gives a function with an SQS queue as its source."""
    return [Message(record["messageId"], record["body"]) for record in event["Records"]]


def failures(ids: list[str]) -> dict[str, Any]:
    """The answer for `ReportBatchItemFailures`: these messages are delivered again, the others are deleted."""
    return {"batchItemFailures": [{"itemIdentifier": i} for i in ids]}
