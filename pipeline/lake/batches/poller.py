"""The poller: make a batch of what waits and start its execution; adopt one that was left half-way.

It stands above the parts that it calls, none of which knows it: the queue, the sealer of batches, their finisher and
the table's upkeep.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from pipeline.core import ulids
from pipeline.core.clock import Clock, parse_iso, system_clock
from pipeline.core.errors import Inconsistent
from pipeline.core.executions import Executions, canonical
from pipeline.core.objects import ObjectVersion
from pipeline.lake.batches import upkeep
from pipeline.lake.batches.completion import BatchFinisher
from pipeline.lake.batches.records import Batch, BatchRecords, BatchStatus, Lock, candidates_of
from pipeline.lake.batches.seal import Sealer
from pipeline.lake.batches.staged_queue import StagedQueue
from pipeline.lake.batches.upkeep_poller import UpkeepPoller
from pipeline.lake.batches.work import Work
from pipeline.lake.catalog import Catalog, Status
from pipeline.lake.manifested.deliveries import Deliveries, replaced_versions
from pipeline.lake.messages.poll_order import PollOrder
from pipeline.lake.messages.stage_b import StageBInput

if TYPE_CHECKING:
    from pipeline.lake.datasets.model import Batching


class PollOutcome(StrEnum):
    """What a poll did."""

    IDLE = "IDLE"
    BELOW_MINIMUM = "BELOW_MINIMUM"
    BUSY = "BUSY"
    STARTED = "STARTED"
    CANCELLED = "CANCELLED"
    ENDED = "ENDED"
    UPKEEP = "UPKEEP"
    """A turn of upkeep was begun."""


def is_due(settings: Batching, waiting: Sequence[tuple[ObjectVersion, str]], now: datetime) -> bool:
    """Whether a batch opens: enough objects wait, or the oldest has waited long enough."""
    if not waiting:
        return False
    oldest = parse_iso(min(since for _, since in waiting))
    return len(waiting) >= settings.opens_at or oldest + settings.max_wait <= now


RECEIVED_BESIDE_A_DELIVERY = 600
"""Messages received at most when a delivery opens: its own, and as many of what waits for others."""


@dataclass(frozen=True, slots=True)
class _Choice:
    """What a poll finds: whether a batch opens, over what, and of how many; `delivery` as of `Batch`."""

    opens: bool
    candidates: Sequence[ObjectVersion]
    most: int
    delivery: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Poller:
    """Polls for one dataset at a time; starts executions of `machine`, the state machine of Stage B.

    `load` reads a dataset's registration, and is called only when there is a batch. `new_id` makes ids of batches,
    which sort by the time of this process's clock.
    """

    catalog: Catalog
    records: BatchRecords
    queue: StagedQueue
    sealer: Sealer
    finisher: BatchFinisher
    upkeeper: UpkeepPoller
    deliveries: Deliveries
    executions: Executions
    machine: str
    load: Callable[[str], Work]
    new_id: Callable[[], str]
    clock: Clock = system_clock

    def poll(self, order: PollOrder) -> tuple[PollOutcome, str | None]:
        """Bring the dataset's batches one step on; the batch's id where there is one. Idle costs two calls."""
        lock = self.records.lock(order.dataset)
        if lock.active:
            return self._adopt(order.dataset, lock.active), lock.active
        choice = self._choose(order, lock)
        now = self.clock()
        if not lock.is_upkeep_paused and upkeep.is_due(lock.upkeep_due, now, objects_wait=choice.opens):
            return self._keep_up(order.dataset)
        if not choice.opens:
            return (PollOutcome.BELOW_MINIMUM if choice.candidates else PollOutcome.IDLE), None
        work = self.load(order.dataset)
        # What a message names of another delivery is none of this batch.
        whole = order.settings.by_delivery is not None
        messages = self.queue.receive(order.queue_url, RECEIVED_BESIDE_A_DELIVERY if whole else choice.most)
        wanted = [*choice.candidates] if whole else [*(m.object for m in messages), *choice.candidates]
        batch = ulids.after(lock.last_batch, self.new_id())
        candidates = list(dict.fromkeys(wanted))[: choice.most]
        counted = upkeep.counted(lock, work.dataset.table.upkeep, now)
        if not self.sealer.open(work, batch, candidates, counted=counted, delivery=choice.delivery):
            return PollOutcome.BUSY, None
        outcome = self._advance(work, batch)
        # What waits for another delivery is found in the index: a message that comes back each time ends as dead.
        self.queue.delete_settled(order.queue_url, messages, staged=whole)
        return outcome, batch

    def _choose(self, order: PollOrder, lock: Lock) -> _Choice:
        settings = order.settings
        if (start := settings.by_delivery) is None:
            waiting = self.catalog.waiting(order.dataset, Status.STAGED, settings.max_objects)
            opens = is_due(settings, waiting, self.clock())
            return _Choice(opens, [obj for obj, _ in waiting], settings.max_objects)
        waiting = self.catalog.waiting(order.dataset, Status.STAGED, None)
        whole = self.deliveries.next(order.dataset, start, waiting) if waiting else None
        if whole is None:
            self.deliveries.tell_strays(order.dataset, start, waiting, lock.strays_told)
            # Rows that are sent again were of a delivery, and wait for none.
            parts = [obj for obj, _ in waiting if obj.is_part][: settings.max_objects]
            return _Choice(bool(parts), parts or [obj for obj, _ in waiting], len(parts))
        candidates = whole.candidates
        return _Choice(True, candidates, len(candidates), tuple(row.id for row in whole.controls))

    def reopen(
        self,
        work: Work,
        objects: Sequence[ObjectVersion],
        release: dict[str, str] | None,
        delivery: Sequence[str] = (),
    ) -> str | None:
        """Open a batch over exactly these STAGED objects (a redrive or a release); None if another is open."""
        batch = ulids.after(self.records.lock(work.name).last_batch, self.new_id())
        if not self.sealer.open(work, batch, objects, release, delivery=delivery):
            return None
        self._advance(work, batch)
        return batch

    def _adopt(self, name: str, holder: str) -> PollOutcome:
        """Bring on whatever holds the dataset's lock: a batch, or a turn of upkeep."""
        work = self.load(name)
        if not upkeep.is_turn(holder):
            return self._advance(work, holder)
        goes_on = self.upkeeper.watch(name, holder, work.table, _upkeep_settings(work))
        return PollOutcome.BUSY if goes_on else PollOutcome.ENDED

    def _keep_up(self, name: str) -> tuple[PollOutcome, str | None]:
        work = self.load(name)
        turn = self.upkeeper.open(name, work.table, _upkeep_settings(work))
        return (PollOutcome.UPKEEP if turn else PollOutcome.BUSY), turn

    def _advance(self, work: Work, batch_id: str) -> PollOutcome:
        """Take the batch from where it stands to RUNNING, or see that it ends."""
        batch = self.records.get(work.name, batch_id)
        if batch is None:
            raise Inconsistent(f"{work.name} is locked by batch {batch_id}, which is not there")
        if batch.status is BatchStatus.OPENING and batch.delivery:
            batch = self.sealer.cancel_unless_whole(work, batch)
        if batch.status is BatchStatus.OPENING:
            self.sealer.claim(work, batch)
            batch = self.sealer.seal(work, batch)
        if batch.status is BatchStatus.CANCELLED:
            return PollOutcome.CANCELLED
        if batch.status is BatchStatus.SEALED:
            if batch.delivery:
                replaced_versions(self.catalog, work.name, self.catalog.get_many(candidates_of(batch)))
            return self._start(work, batch)
        if batch.status in (BatchStatus.RUNNING, BatchStatus.COMMITTING):
            return self._watch(work, batch)
        return PollOutcome.ENDED

    def _start(self, work: Work, batch: Batch) -> PollOutcome:
        document = canonical(_stage_b_input(work, batch).to_json())
        execution = self.executions.start(self.machine, batch.id, document)
        # Only from SEALED: a quick execution may be committing already.
        self.records.move(work.name, batch.id, BatchStatus.RUNNING, only_from=BatchStatus.SEALED)
        if execution.status == "RUNNING":
            return PollOutcome.STARTED
        return self._fail_if_open(work, batch, f"its execution {execution.status} before it was marked RUNNING")

    def _watch(self, work: Work, batch: Batch) -> PollOutcome:
        execution = self.executions.find(self.machine, batch.id)
        if execution and execution.status == "RUNNING":
            return PollOutcome.BUSY
        return self._fail_if_open(work, batch, f"its execution is {execution.status if execution else 'not there'}")

    def _fail_if_open(self, work: Work, batch: Batch, reason: str) -> PollOutcome:
        """End a batch whose execution has ended, where that left it open."""
        now = self.records.get(work.name, batch.id)
        if now and now.status in (BatchStatus.RUNNING, BatchStatus.COMMITTING, BatchStatus.SEALED):
            self.finisher.fail(work.name, batch.id, work.table, reason)
        return PollOutcome.ENDED


def _stage_b_input(work: Work, batch: Batch) -> StageBInput:
    if batch.manifest is None:
        raise Inconsistent(f"batch {batch.id} of {work.name} is sealed without a manifest")
    return StageBInput(
        batch=batch.id,
        dataset=work.name,
        manifest=batch.manifest,
        table=work.table,
        has_ruleset=work.dataset.quality is not None,
        job=work.transform_job,
        format=None if work.dataset.table.format == "iceberg" else work.dataset.table.format,
        **work.dataset.stage_b.job_runs,
    )


def _upkeep_settings(work: Work) -> str:
    return work.dataset.table.upkeep.model_dump_json()
