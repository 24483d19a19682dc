"""Batches of SQS messages as Lambda gets them, and the answer that returns only the failed ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a batch."""

    id: str
    body: str


def parse(event: dict[str, Any]) -> list[Message]:
    return [Message(record["messageId"], record["body"]) for record in event["Records"]]


def failures(ids: list[str]) -> dict[str, Any]:
    """The answer for `ReportBatchItemFailures`: these messages come back, the others are deleted."""
    return {"batchItemFailures": [{"itemIdentifier": i} for i in ids]}
