"""Records that Lambda hands to a function, of an SQS queue or a table's stream, and the answer that returns only those
that failed.

Powertools has such a processor, too; importing it takes about as long as all of its logger, at every cold start.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import Inconsistent, SluiceError

QUEUE = "aws:sqs"
STREAM = "aws:dynamodb"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Record:
    """A message of a queue, or a change in a table's stream.

    `id` is what the answer names it by, `source` QUEUE or STREAM, `document` the whole of it as Lambda gives it.
    """

    id: str
    source: str
    document: Mapping[str, Any]

    @property
    def body(self) -> str:
        """The text of a queue's message."""
        text: str = self.document["body"]
        return text


Answer = dict[str, list[dict[str, str]]]


def parse(event: Mapping[str, Any]) -> list[Record]:
    """The records of an invocation, in their order; `Inconsistent` for those of another source."""
    return [_record(document) for document in event["Records"]]


def process(event: Mapping[str, Any], work: Callable[[Record], None]) -> Answer:
    """Do `work` for each record; one that fails comes back alone, and of a stream with all that follow it.

    A stream's records are in order: what follows a failed one is not touched before it is done.
    """
    records, failed = parse(event), dict[str, Exception]()
    for record in records:
        try:
            work(record)
        except Exception as error:
            failed[record.id] = error
            if record.source == STREAM:
                break
    return answer(records, failed)


def answer(records: Sequence[Record], failed: Mapping[str, Exception]) -> Answer:
    """What a function with `ReportBatchItemFailures` answers: the records whose ids have `failed` come back.

    Raises the error of an unexpected kind if each record failed by one: they come back either way, and only what is
    raised counts as the function's error, which takes back a version that is being rolled out.
    """
    for record in records:
        if (error := failed.get(record.id)) is not None:
            _log(record, error)
    unexpected = [error for error in failed.values() if not isinstance(error, SluiceError)]
    # A stream's records after the first that failed were not tried.
    if unexpected and (len(unexpected) == len(records) or (records[0].source == STREAM and records[0].id in failed)):
        raise unexpected[0]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in sorted(failed)]}


def _record(document: Mapping[str, Any]) -> Record:
    source = document.get("eventSource")
    if source == QUEUE:
        return Record(document["messageId"], QUEUE, document)
    if source == STREAM:
        return Record(document["dynamodb"]["SequenceNumber"], STREAM, document)
    raise Inconsistent(f"a record of {source}: only queues and tables' streams are known here")


def _log(record: Record, error: Exception) -> None:
    is_message = record.source == QUEUE
    facts = {
        "sqs_message" if is_message else "stream_record": record.id,
        "error": type(error).__name__,
        "reason": str(error),
    }
    what = "message" if is_message else "record"
    log.error("%s comes back", what, extra=facts, exc_info=None if isinstance(error, SluiceError) else error)
