"""The poller: open a batch of what waits, claim its objects, seal it, start it; adopt one that was left half-way.

Every step may be repeated by anybody at any time (PROTOCOL, Poller): each is conditional on the batch's status, and
a step that finds the batch further on does nothing.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pipeline.core.clock import Clock, iso, parse_iso, system_clock
from pipeline.core.dynamo import TRANSACTION_ACTIONS, Change, encode, transact
from pipeline.core.errors import Inconsistent, Transient
from pipeline.core.executions import Executions, canonical
from pipeline.core.objects import ObjectVersion
from pipeline.lake.batches import upkeep
from pipeline.lake.batches.deliveries import loaded_before
from pipeline.lake.batches.manifest import manifest, manifest_body, manifest_key
from pipeline.lake.batches.records import LOCK, Batch, BatchRecords, BatchStatus, batch_item, candidates_of
from pipeline.lake.batches.upkeep_poller import Upkeeper
from pipeline.lake.catalog import Catalog, Status
from pipeline.lake.catalog.rows import IN_FLIGHT
from pipeline.lake.messages.poll_order import PollOrder
from pipeline.lake.messages.stage_b import StageBInput
from pipeline.lake.messages.staged_message import StagedMessage

if TYPE_CHECKING:
    from pipeline.lake.datasets.model import Batching, Dataset

log = logging.getLogger(__name__)

RECEIVE = 10
"""Messages that one ReceiveMessage returns at most (AWS quota)."""


class Outcome(StrEnum):
    """What a poll did."""

    IDLE = "IDLE"
    BELOW_MINIMUM = "BELOW_MINIMUM"
    BUSY = "BUSY"
    STARTED = "STARTED"
    CANCELLED = "CANCELLED"
    ENDED = "ENDED"
    UPKEEP = "UPKEEP"
    """A turn of upkeep was begun."""


@dataclass(frozen=True, slots=True)
class Work:
    """A dataset whose batch is to be brought on."""

    dataset: Dataset
    table: str

    @property
    def name(self) -> str:
        return str(self.dataset.name)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the poller works with."""

    catalog: Catalog
    records: BatchRecords
    executions: Executions
    dynamodb: Any
    sqs: Any
    s3: Any
    batches_table: str
    staging_bucket: str
    machine: str
    new_id: Callable[[], str]
    load: Callable[[str], Work]
    """Reads a dataset's registration; called only when there is a batch."""
    abandon: Callable[[str, str, str], object]
    """Called with dataset, batch and reason when a batch's execution ended and left the batch open."""
    upkeeper: Upkeeper
    clock: Clock = system_clock


def is_due(settings: Batching, waiting: Sequence[tuple[ObjectVersion, str]], now: datetime) -> bool:
    """Whether a batch opens: enough objects wait, or the oldest has waited long enough."""
    if not waiting:
        return False
    oldest = parse_iso(min(since for _, since in waiting))
    return len(waiting) >= settings.min_objects or oldest + settings.max_wait <= now


@dataclass(frozen=True, slots=True)
class _Message:
    object: ObjectVersion
    receipt: str


def _parsed(message: dict[str, Any]) -> list[_Message]:
    """The object that a message names. A message of another form stays, and ends in the dead-letter queue."""
    try:
        obj = StagedMessage.from_json(json.loads(message["Body"])).object
    except (ValueError, TypeError, KeyError):
        log.error("a message of the Stage B queue names no object", extra={"sqs_message": message["MessageId"]})
        return []
    return [_Message(obj, message["ReceiptHandle"])]


class Poller:
    """Polls for one dataset at a time."""

    def __init__(self, parts: Parts) -> None:
        self._ = parts

    def poll(self, order: PollOrder) -> tuple[Outcome, str | None]:
        """Bring the dataset's batches one step on; the batch's id where there is one. Idle costs two calls."""
        lock = self._.records.lock(order.dataset)
        if lock.active:
            return self._adopt(order.dataset, lock.active), lock.active
        settings = order.settings
        waiting = self._.catalog.waiting(order.dataset, Status.STAGED, settings.max_objects)
        now = self._.clock()
        opens = is_due(settings, waiting, now)
        if upkeep.is_due(lock.upkeep_due, now, objects_wait=opens):
            return self._keep_up(order.dataset)
        if not opens:
            return (Outcome.BELOW_MINIMUM if waiting else Outcome.IDLE), None
        work = self._.load(order.dataset)
        messages = self._receive(order.queue_url, settings.max_objects)
        wanted = dict.fromkeys([*(m.object for m in messages), *(obj for obj, _ in waiting)])
        batch = self._.new_id()
        candidates = list(wanted)[: settings.max_objects]
        if not self._open(work, batch, candidates, counted=upkeep.counted(lock, work.dataset.table.upkeep, now)):
            return Outcome.BUSY, None
        outcome = self._advance(work, batch)
        self._delete_settled(order.queue_url, messages)
        return outcome, batch

    def _adopt(self, name: str, holder: str) -> Outcome:
        work = self._.load(name)
        if not upkeep.is_turn(holder):
            return self._advance(work, holder)
        goes_on = self._.upkeeper.watch(name, holder, work.table, _upkeep_settings(work))
        return Outcome.BUSY if goes_on else Outcome.ENDED

    def _keep_up(self, name: str) -> tuple[Outcome, str | None]:
        work = self._.load(name)
        turn = self._.upkeeper.open(name, work.table, _upkeep_settings(work))
        return (Outcome.UPKEEP if turn else Outcome.BUSY), turn

    def reopen(self, work: Work, objects: Sequence[ObjectVersion], release: dict[str, str] | None) -> str | None:
        """Open a batch over exactly these STAGED objects (a redrive or a release); None if another is open."""
        batch = self._.new_id()
        if not self._open(work, batch, list(objects), release):
            return None
        self._advance(work, batch)
        return batch

    def _receive(self, queue_url: str, limit: int) -> list[_Message]:
        found: list[_Message] = []
        while len(found) < limit:
            wanted = min(RECEIVE, limit - len(found))
            answer = self._.sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=wanted)
            for message in answer.get("Messages", []):
                found += _parsed(message)
            if len(answer.get("Messages", [])) < wanted:
                break
        return found

    def _open(
        self,
        work: Work,
        batch: str,
        candidates: list[ObjectVersion],
        release: dict[str, str] | None = None,
        counted: Mapping[str, Any] | None = None,
    ) -> bool:
        now = iso(self._.clock())
        row = {
            "dataset": work.name,
            "item": batch_item(batch),
            "status": BatchStatus.OPENING.value,
            "candidates": [[o.path, o.version_id] for o in candidates],
            "opened": now,
            "history": [[BatchStatus.OPENING.value, now]],
            **({"release": release} if release else {}),
        }
        put = {
            "TableName": self._.batches_table,
            "Item": encode(row),
            "ConditionExpression": "attribute_not_exists(#item)",
            "ExpressionAttributeNames": {"#item": "item"},
        }
        lock = Change(
            key={"dataset": work.name, "item": LOCK},
            set={"active_batch": batch, **(counted or {})},
            condition="attribute_not_exists(#active_batch)",
            values={},
        )
        return not transact(self._.dynamodb, [{"Put": put}, {"Update": lock.request(self._.batches_table)}])

    def _advance(self, work: Work, batch_id: str) -> Outcome:
        """Take the batch from where it stands to RUNNING, or see that it ends."""
        batch = self._.records.get(work.name, batch_id)
        if batch is None:
            raise Inconsistent(f"{work.name} is locked by batch {batch_id}, which is not there")
        if batch.status is BatchStatus.OPENING:
            self._claim(work, batch)
            batch = self._seal(work, batch)
        if batch.status is BatchStatus.CANCELLED:
            return Outcome.CANCELLED
        if batch.status is BatchStatus.SEALED:
            return self._start(work, batch)
        if batch.status in (BatchStatus.RUNNING, BatchStatus.COMMITTING):
            return self._watch(work, batch)
        return Outcome.ENDED

    def _claim(self, work: Work, batch: Batch) -> None:
        opening = {"Update": self._.records.claiming(work.name, batch.id).request(self._.batches_table)}
        candidates = candidates_of(batch)
        step = TRANSACTION_ACTIONS - 1
        for start in range(0, len(candidates), step):
            chunk = candidates[start : start + step]
            while chunk:
                moves = [self._.catalog.moving(o, Status.CLAIMED, work.name, facts={"batch": batch.id}) for o in chunk]
                results = transact(self._.dynamodb, [opening, *moves])
                if not results:
                    break
                if results[0] is not None:
                    return
                chunk = [o for o, refused in zip(chunk, results[1:], strict=True) if refused is None]

    def _seal(self, work: Work, batch: Batch) -> Batch:
        candidates = candidates_of(batch)
        rows = self._.catalog.get_many(candidates)
        mine = [r for r in rows if r.status is Status.CLAIMED and r.batch == batch.id]
        records = self._.records
        if not mine:
            transact(self._.dynamodb, records.cancelling(work.name, batch.id))
        else:
            loaded = loaded_before(self._.catalog, work.dataset, mine)
            body = manifest_body(manifest(batch.id, work.dataset, work.table, mine, loaded))
            key = manifest_key(work.name, batch.id, body)
            bucket = self._.staging_bucket
            self._.s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")
            uri = f"s3://{bucket}/{key}"
            # Another poller may claim one of these until the batch is sealed: it is not in this manifest, and whoever
            # ends the batch has to know.
            claimed = {row.object for row in mine}
            left_out = [place for place, obj in enumerate(candidates) if obj not in claimed]
            oldest = min(row.event_ms for row in mine)
            facts: dict[str, Any] = {
                "manifest": uri,
                "objects": len(mine),
                "left_out": left_out,
                "oldest_ms": oldest,
                "staged_bad_rows": sum(row.rows_bad or 0 for row in mine),
            }
            if records.move(work.name, batch.id, BatchStatus.SEALED, **facts) is None:
                # What ties the ids of the objects to the id of the batch (`sluice logs --id`).
                objects = [row.object.digest for row in mine]
                log.info("batch sealed", extra={"correlation_id": batch.id, "dataset": work.name, "objects": objects})
        sealed = records.get(work.name, batch.id)
        if sealed is None:
            raise Inconsistent(f"batch {batch.id} of {work.name} vanished")
        if sealed.status is BatchStatus.OPENING:
            raise Transient(f"another poller claims objects for batch {batch.id} of {work.name} just now")
        return sealed

    def _start(self, work: Work, batch: Batch) -> Outcome:
        document = canonical(_stage_b_input(work, batch).to_json())
        execution = self._.executions.start(self._.machine, batch.id, document)
        # Only from SEALED: a quick execution may be committing already.
        self._.records.move(work.name, batch.id, BatchStatus.RUNNING, only_from=BatchStatus.SEALED)
        if execution.status == "RUNNING":
            return Outcome.STARTED
        return self._end(work, batch, f"its execution {execution.status} before it was marked RUNNING")

    def _watch(self, work: Work, batch: Batch) -> Outcome:
        execution = self._.executions.find(self._.machine, batch.id)
        if execution and execution.status == "RUNNING":
            return Outcome.BUSY
        return self._end(work, batch, f"its execution is {execution.status if execution else 'not there'}")

    def _end(self, work: Work, batch: Batch, reason: str) -> Outcome:
        now = self._.records.get(work.name, batch.id)
        if now and now.status in (BatchStatus.RUNNING, BatchStatus.COMMITTING, BatchStatus.SEALED):
            self._.abandon(work.name, batch.id, reason)
        return Outcome.ENDED

    def _delete_settled(self, queue_url: str, messages: Sequence[_Message]) -> None:
        """Delete messages whose object is claimed or finished; any other comes back."""
        if not messages:
            return
        rows = {r.object: r for r in self._.catalog.get_many(list({m.object: None for m in messages}))}
        waits = IN_FLIGHT - {Status.CLAIMED}
        settled = [m for m in messages if m.object in rows and rows[m.object].status not in waits]
        for start in range(0, len(settled), RECEIVE):
            entries = [
                {"Id": str(i), "ReceiptHandle": m.receipt} for i, m in enumerate(settled[start : start + RECEIVE])
            ]
            self._.sqs.delete_message_batch(QueueUrl=queue_url, Entries=entries)


def _stage_b_input(work: Work, batch: Batch) -> StageBInput:
    if batch.manifest is None:
        raise Inconsistent(f"batch {batch.id} of {work.name} is sealed without a manifest")
    return StageBInput(
        batch=batch.id,
        dataset=work.name,
        manifest=batch.manifest,
        table=work.table,
        has_ruleset=work.dataset.quality is not None,
        **work.dataset.stage_b.job_runs,
    )


def _upkeep_settings(work: Work) -> str:
    return work.dataset.table.upkeep.model_dump_json()
