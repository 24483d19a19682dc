"""Batches of an SQS event source: the event that a function gets, and what its answer says of each message. Pure.

Rules from AWS's "Using Lambda with Amazon SQS" and "Handling errors for an SQS event source".
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.emulator.awslambda.functions import SYNCHRONOUS_PAYLOAD_BYTES, Answer

Message = Mapping[str, Any]
"""A message as ReceiveMessage gives it, with all attributes."""


def record(message: Message, queue_arn: str, region: str) -> dict[str, Any]:
    """A message as a record of the event."""
    found = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes") or {}),
        "messageAttributes": {
            name: _attribute(value) for name, value in (message.get("MessageAttributes") or {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": region,
    }
    if digest := message.get("MD5OfMessageAttributes"):
        found["md5OfMessageAttributes"] = digest
    return found


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    if "StringValue" in value:
        found["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        found["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return found


def events(messages: Sequence[Message], queue_arn: str, region: str) -> Iterator[tuple[list[Message], bytes]]:
    """The messages and their event; several where one would be larger than an invocation may be."""
    batch: list[Message] = []
    records: list[str] = []
    size = 0
    for message in messages:
        text = json.dumps(record(message, queue_arn, region), ensure_ascii=False)
        length = len(text.encode()) + 2
        if records and size + length > SYNCHRONOUS_PAYLOAD_BYTES - 100:
            yield batch, _event(records)
            batch, records, size = [], [], 0
        batch.append(message)
        records.append(text)
        size += length
    if records:
        yield batch, _event(records)


def _event(records: Sequence[str]) -> bytes:
    return f'{{"Records": [{", ".join(records)}]}}'.encode()


def succeeded(messages: Sequence[Message], answer: Answer, *, reports_failures: bool) -> list[Message]:
    """The messages to delete. The others come back when their visibility timeout ends.

    A function that failed keeps all. One that reports item failures keeps those it names, and all if its report
    cannot be understood: no JSON object, a list that is none, an identifier that is empty or of no message here.
    """
    if answer.failed:
        return []
    if not reports_failures:
        return list(messages)
    failures = reported_failures(answer.payload)
    known = {message["MessageId"] for message in messages}
    if failures is None or not failures <= known:
        return []
    return [message for message in messages if message["MessageId"] not in failures]


def reported_failures(payload: bytes) -> set[str] | None:
    """The identifiers of a report; None if it is malformed. Null and {} report nothing."""
    try:
        answer = json.loads(payload or b"null")
    except ValueError:
        return None
    if answer is None:
        return set()
    if not isinstance(answer, dict):
        return None
    failures = answer.get("batchItemFailures")
    if failures is None:
        return set()
    if not isinstance(failures, list):
        return None
    identifiers = [item.get("itemIdentifier") if isinstance(item, dict) else None for item in failures]
    if not all(isinstance(identifier, str) and identifier for identifier in identifiers):
        return None
    return {str(identifier) for identifier in identifiers}
