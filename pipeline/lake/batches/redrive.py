"""Send objects and batches back. Doing it twice is harmless: every step is conditional on where the object stands."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import Refused
from pipeline.core.events.s3 import SendAgain
from pipeline.core.queues import BATCH
from pipeline.lake.batches.records import Batch, BatchRecords, BatchStatus, candidates_of, unknown
from pipeline.lake.catalog import Catalog, ObjectRow, Status

if TYPE_CHECKING:
    from pipeline.lake.batches.poller import Poller
    from pipeline.lake.batches.work import Work

log = logging.getLogger(__name__)

BATCH_BYTES = 1_000_000
"""What the messages of one SendMessageBatch may have together is 1 MiB (AWS quota)."""

REDRIVABLE = frozenset({Status.QUARANTINED, Status.FAILED})


@dataclass(frozen=True, slots=True)
class Redriven:
    """What a redrive did: objects sent through Stage A again, objects staged again, and the new batch."""

    sent: int = 0
    restaged: int = 0
    batch: str | None = None
    refused: tuple[str, ...] = ()
    """Objects (`bucket/key#version`) that are further on already, or whose content another version has loaded."""


@dataclass(frozen=True, slots=True)
class Redriver:
    """Redrives for one lake."""

    catalog: Catalog
    records: BatchRecords
    poller: Poller
    send_again: Callable[[Sequence[SendAgain]], None]
    is_gone: Callable[[ObjectRow], bool]
    """Whether what was staged of an object is not there any more."""

    def objects(self, rows: Sequence[ObjectRow]) -> Redriven:
        """Send objects through Stage A again, as a new generation: their file or definition has been mended."""
        able = [row for row in rows if row.status in REDRIVABLE]
        self.send_again([SendAgain(row.object, row.generation + 1) for row in able])
        return Redriven(sent=len(able), refused=tuple(row.id for row in rows if row.status not in REDRIVABLE))

    def batch(self, work: Work, batch: str, release: dict[str, str] | None = None) -> Redriven:
        """Make a new batch of the objects of one that failed or was quarantined, as they are staged.

        What is not staged any more goes through Stage A again. With `release` (`by` and `reason`) its verdict will not
        block. If another batch is open, the objects wait as STAGED for the next one; a release is refused then, and
        where a staged file is gone, for it belongs to one batch and the rows that were judged.
        """
        found = self._ended(work, batch)
        if release and found.status is not BatchStatus.QUARANTINED:
            raise Refused(
                f"batch {batch} is {found.status}: no rules of it failed that a release could overrule",
                hint=f"Send it back with `sluice redrive --batch {batch}`.",
            )
        if release and (active := self.records.active(work.name)):
            raise Refused(f"{work.name} is busy with batch {active}", hint="Wait until it has ended: `sluice wait`.")
        rows = [r for r in self.catalog.get_many(candidates_of(found)) if r.batch == batch and r.status in REDRIVABLE]
        gone = [row for row in rows if self.is_gone(row)]
        if gone and release:
            raise Refused(
                f"what was staged of {len(gone)} objects of batch {batch} has expired, such as {gone[0].id}",
                hint=f"Send them through Stage A again with `sluice redrive --batch {batch}`, and release what they "
                "become.",
            )
        sent = self.objects(gone).sent if gone else 0
        rows = [row for row in rows if row not in gone]
        once = work.dataset.table.write == "append"
        moved = [row for row in rows if self.catalog.restage(row, work.name, once=once)]
        refused = tuple(row.id for row in rows if row not in moved)
        if not moved:
            return Redriven(sent=sent, refused=refused)
        if found.delivery and (sent or refused):
            # The rest of a delivery waits for what goes through Stage A again, or is to be mended.
            return Redriven(sent=sent, restaged=len(moved), refused=refused)
        new = self.poller.reopen(work, [row.object for row in moved], release, found.delivery)
        if new is None and release:
            raise Refused(f"another batch of {work.name} opened meanwhile", hint="Its objects went into that one.")
        return Redriven(sent=sent, restaged=len(moved), batch=new, refused=refused)

    def _ended(self, work: Work, batch: str) -> Batch:
        found = self.records.get(work.name, batch)
        if found is None:
            raise unknown(batch, work.name)
        if found.status not in (BatchStatus.QUARANTINED, BatchStatus.FAILED):
            raise Refused(f"batch {batch} is {found.status}", hint="Only a quarantined or failed batch is sent back.")
        return found


def redrive_queue(sqs: Any, dead: str, source: str, only: Collection[str] | None = None) -> int:
    """Move messages from a dead-letter queue back to its source, or `only` those of these ids; returns how many."""

    def send(messages: Sequence[dict[str, Any]]) -> Iterator[int]:
        if sum(len(message["Body"].encode()) for message in messages) > BATCH_BYTES:
            for place, message in enumerate(messages):
                sqs.send_message(QueueUrl=source, MessageBody=message["Body"])
                yield place
            return
        entries = [{"Id": str(place), "MessageBody": m["Body"]} for place, m in enumerate(messages)]
        answer = sqs.send_message_batch(QueueUrl=source, Entries=entries)
        yield from (int(entry["Id"]) for entry in answer.get("Successful", []))

    return _drain(sqs, dead, send, only)


def redrive_invocations(sqs: Any, dead: str, functions: Any, function: str, only: Collection[str] | None = None) -> int:
    """Invoke a function again with what it could not handle, from its on-failure destination; returns how often.

    A message of another form stays in the queue.
    """

    def invoke(messages: Sequence[dict[str, Any]]) -> Iterator[int]:
        for place, message in enumerate(messages):
            try:
                payload = json.dumps(json.loads(message["Body"])["requestPayload"]).encode()
            except (ValueError, KeyError, TypeError, RecursionError):
                log.error("a message of %s carries no request of a function: %.200r", dead, message["Body"])
                continue
            functions.invoke(FunctionName=function, InvocationType="Event", Payload=payload)
            yield place

    return _drain(sqs, dead, invoke, only)


def _drain(
    sqs: Any, dead: str, send: Callable[[Sequence[dict[str, Any]]], Iterator[int]], only: Collection[str] | None
) -> int:
    """Handle what was sent before now: what fails again and comes back meanwhile stays, or there would be no end.

    `send` tells the places of the messages as it sends them on. A message is deleted only after it was sent: a crash
    between doubles it, which is harmless here. What is not sent can be received again at once, also after an error.
    """
    began, moved, held = time.time() * 1000, 0, dict[str, str]()
    wanted = None if only is None else set(only)
    try:
        while wanted is None or wanted:
            messages = _received(sqs, dead)
            # Held so long that they could be received again: all there is has been seen.
            if all(message["MessageId"] in held for message in messages):
                break
            held |= {message["MessageId"]: message["ReceiptHandle"] for message in messages}
            chosen = [
                message
                for message in messages
                if int(message["Attributes"]["SentTimestamp"]) < began
                and (wanted is None or message["MessageId"] in wanted)
            ]
            moved += _sent(sqs, dead, send, chosen, held)
            if wanted is not None:
                wanted -= {message["MessageId"] for message in chosen}
    finally:
        for handle in held.values():
            sqs.change_message_visibility(QueueUrl=dead, ReceiptHandle=handle, VisibilityTimeout=0)
    return moved


def _sent(
    sqs: Any,
    dead: str,
    send: Callable[[Sequence[dict[str, Any]]], Iterator[int]],
    chosen: Sequence[dict[str, Any]],
    held: dict[str, str],
) -> int:
    """Send messages on, and delete those that were, also before an error is raised; they are not `held` any more."""
    places: list[int] = []
    try:
        if chosen:
            places.extend(send(chosen))
    finally:
        gone = [{"Id": str(place), "ReceiptHandle": held.pop(chosen[place]["MessageId"])} for place in sorted(places)]
        if gone and (failed := sqs.delete_message_batch(QueueUrl=dead, Entries=gone).get("Failed")):
            log.warning("%d messages of %s are sent on, and stay there: %s", len(failed), dead, failed[0]["Code"])
    return len(places)


def _received(sqs: Any, queue: str) -> list[dict[str, Any]]:
    answer = sqs.receive_message(
        QueueUrl=queue,
        MaxNumberOfMessages=BATCH,
        VisibilityTimeout=60,
        WaitTimeSeconds=1,
        MessageSystemAttributeNames=["SentTimestamp"],
    )
    found: list[dict[str, Any]] = answer.get("Messages", [])
    return found
