"""Batches of a DynamoDB stream: what a function gets, and what follows from its answer. Pure.

Rules from "Using AWS Lambda with Amazon DynamoDB" and its page on handling errors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.core.clock import iso
from pipeline.emulator.awslambda.event_sources.sqs_batches import reported_failures
from pipeline.emulator.awslambda.functions import SYNCHRONOUS_PAYLOAD_BYTES, Answer, new_request_id


@dataclass(frozen=True, slots=True)
class Change:
    """A record of a stream: where it stands in its shard, and what the function gets of it."""

    position: int
    written: datetime
    record: Mapping[str, Any]

    @property
    def sequence_number(self) -> str:
        """Its place in its shard."""
        return str(self.record["dynamodb"]["SequenceNumber"])


@dataclass(frozen=True, slots=True)
class Batch:
    """Changes that go to the function together. `tries` counts those that failed, splits left out.

    `end` is where the shard is read on from when the batch is done: records that no filter passed lie between.
    """

    changes: tuple[Change, ...]
    end: int
    tries: int = 0

    def event(self) -> bytes:
        """The payload that the function gets."""
        return json.dumps({"Records": [change.record for change in self.changes]}).encode()

    def fitting(self) -> Batch:
        """As many of the changes as one invocation may carry, and at least one."""
        size = 0
        for number, change in enumerate(self.changes):
            size += len(json.dumps(change.record).encode()) + 2
            if number and size > SYNCHRONOUS_PAYLOAD_BYTES - 100:
                return self.first(number)
        return self

    def first(self, count: int) -> Batch:
        """The first changes alone; the rest begins where they end."""
        return Batch(self.changes[:count], self.changes[count].position, self.tries)

    def without_first(self, count: int) -> Batch:
        """The same batch after its first `count` records succeeded."""
        return Batch(self.changes[count:], self.end, self.tries)

    def halves(self) -> list[Batch]:
        """Splitting does not count as a try."""
        middle = len(self.changes) // 2
        return [self.first(middle), self.without_first(middle)]


def lambda_record(record: Mapping[str, Any], stream_arn: str) -> dict[str, Any]:
    """A record as Lambda passes it on, from one of the stream's."""
    data = dict(record["dynamodb"])
    data["ApproximateCreationDateTime"] = int(data["ApproximateCreationDateTime"].replace(tzinfo=UTC).timestamp())
    return {
        "eventID": record["eventID"],
        "eventName": record["eventName"],
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": stream_arn.split(":")[3],
        "dynamodb": data,
        "eventSourceARN": stream_arn,
    }


def first_failure(batch: Batch, answer: Answer, *, reports_failures: bool) -> int | None:
    """The number of the first change that has to be tried again; None if all succeeded.

    A function that reports item failures names sequence numbers, and all from the lowest on is tried again; all of the
    batch if its report cannot be understood.
    """
    if answer.failed:
        return 0
    if not reports_failures:
        return None
    failures = reported_failures(answer.payload)
    numbers = {change.sequence_number: number for number, change in enumerate(batch.changes)}
    if failures is None or not failures <= numbers.keys():
        return 0
    return min((numbers[failure] for failure in failures), default=None)


def lost_record(
    batch: Batch, answer: Answer | None, condition: str, function_arn: str, stream_arn: str, shard_id: str
) -> dict[str, Any]:
    """What an on-failure destination gets: where the changes stand in the stream, and not what they hold.

    There is no `answer` for changes that were never tried.
    """
    first, last = batch.changes[0], batch.changes[-1]
    record: dict[str, Any] = {
        "requestContext": {
            "requestId": answer.request_id if answer else new_request_id(),
            "functionArn": function_arn,
            "condition": condition,
            "approximateInvokeCount": batch.tries,
        },
        "version": "1.0",
        "timestamp": iso(datetime.now(UTC)),
        "DDBStreamBatchInfo": {
            "shardId": shard_id,
            "startSequenceNumber": first.sequence_number,
            "endSequenceNumber": last.sequence_number,
            "approximateArrivalOfFirstRecord": first.written.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "approximateArrivalOfLastRecord": last.written.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "batchSize": len(batch.changes),
            "streamArn": stream_arn,
        },
    }
    if answer is not None:
        failed = {"functionError": "Unhandled"} if answer.failed else {}
        record["responseContext"] = {"statusCode": 200, "executedVersion": "$LATEST", **failed}
    return record


def too_old(changes: Sequence[Change], now: datetime, age_s: float) -> int:
    """How many of the changes, from the first on, are older than the mapping allows."""
    oldest = now - timedelta(seconds=age_s)
    return next((number for number, change in enumerate(changes) if change.written >= oldest), len(changes))
