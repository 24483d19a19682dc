"""How a batch ends: committed, quarantined or failed. The table's marker decides what is true (PROTOCOL, Stage B)."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pipeline.core.clock import Clock, system_clock
from pipeline.core.dynamo import TRANSACTION_ACTIONS, transact
from pipeline.core.errors import Inconsistent, Refused, Transient
from pipeline.core.events.s3 import SendAgain
from pipeline.core.objects import ObjectVersion
from pipeline.lake.batches import notifications
from pipeline.lake.batches.records import FINAL, Batch, BatchRecords, BatchStatus, candidates_of, unknown
from pipeline.lake.catalog import Catalog, Status
from pipeline.lake.catalog.rows import shorten
from pipeline.lake.tables.outcomes import CommitOutcome

REBASES = 3
"""How often a batch whose base moved is transformed again before its objects are put back for another one."""

REBASE_WAIT_S = 10
"""How long the first of them waits at most; each other three times as long as the one before."""


class Tables(Protocol):
    """The commit protocol of a table format."""

    def commit(
        self,
        table: str,
        batch: str,
        branch: str,
        base: int,
        checked: int,
        *,
        can_move: bool = False,
        is_untrusted: bool = False,
    ) -> CommitOutcome:
        """Make what a batch wrote visible, as one change of the table; see `IcebergTables.commit`."""
        ...

    def mark_empty(self, table: str, batch: str, base: int, *, is_open: Callable[[], bool]) -> CommitOutcome:
        """Mark a batch without rows as committed; see `IcebergTables.mark_empty`."""
        ...

    def abandon(self, table: str, batch: str) -> CommitOutcome:
        """Remove what a batch wrote, unless it is committed already."""
        ...

    def copies(self, table: str) -> bool:
        """Whether a commit of this table copies files."""
        ...

    def published(self, table: str, checked: int) -> int:
        """The snapshot by which readers have the rows that were checked in `checked`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFinisher:
    """Ends batches. Every method may be called again after any crash of it.

    `announce` tells whoever listens that a dataset has changed, `tell_team` its team what to look at, and `send_again`
    sends objects through Stage A again: each at least once.
    """

    catalog: Catalog
    records: BatchRecords
    tables: Tables
    dynamodb: Any
    announce: Callable[[dict[str, Any]], None]
    tell_team: Callable[[str, str, dict[str, Any]], None]
    send_again: Callable[[Sequence[SendAgain]], None]
    clock: Clock = system_clock
    parquet: Callable[[], Tables] | None = None
    """The same of tables of Parquet files."""

    def commit(self, dataset: str, batch_id: str, table: str, *, crawled: bool = False) -> CommitOutcome:
        """Move the table to what the batch wrote and was checked, then its rows, then the batch, then the lock.

        CRAWL asks for a crawl of the table, and for this again with `crawled`; `Inconsistent` if the crawler has not
        entered the batch then.
        """
        batch = self._batch(dataset, batch_id)
        if batch.status is BatchStatus.COMMITTED:
            return CommitOutcome.COMMITTED
        checked, tables = _checked(batch), self._tables(batch)
        copying = self.records.new_copy() if checked is not None and tables.copies(table) else None
        if transact(self.dynamodb, self.records.committing(dataset, batch_id, copying)):
            raise Refused(f"batch {batch_id} of {dataset} is {self._batch(dataset, batch_id).status}: it cannot commit")
        write = batch.write
        if write is None:
            raise Inconsistent(f"batch {batch_id} of {dataset} has written nothing and is to be committed")
        if checked is None:
            outcome = tables.mark_empty(
                table, batch_id, write.base, is_open=lambda: self.records.active(dataset) == batch_id
            )
        else:
            try:
                outcome = tables.commit(
                    table,
                    batch_id,
                    write.branch,
                    write.base,
                    checked,
                    can_move=write.can_move,
                    is_untrusted=write.given is not None,
                )
            finally:
                if copying:
                    self.records.copied(dataset, batch_id, copying)
        if outcome is CommitOutcome.CRAWL:
            if crawled:
                raise Inconsistent(
                    f"the crawler of {table} has not entered batch {batch_id}",
                    hint="Its log group /aws-glue/crawlers says what it made of the files.",
                )
            return outcome
        if outcome not in (CommitOutcome.COMMITTED, CommitOutcome.PICKED):
            return self._rebase(batch)
        picked = tables.published(table, checked) if outcome is CommitOutcome.PICKED and checked else None
        self._finish_committed(batch, table, picked)
        return CommitOutcome.COMMITTED

    def _tables(self, batch: Batch) -> Tables:
        return self.parquet() if self.parquet and batch.format == "parquet" else self.tables

    def _rebase(self, batch: Batch) -> CommitOutcome:
        if batch.rebases >= REBASES:
            return CommitOutcome.EXHAUSTED
        self.records.move(
            batch.dataset,
            batch.id,
            BatchStatus.RUNNING,
            only_from=BatchStatus.COMMITTING,
            rebases=batch.rebases + 1,
        )
        return CommitOutcome.REBASE

    def quarantine(self, dataset: str, batch_id: str, table: str) -> BatchStatus:
        """End a batch whose rows failed the quality rules: nobody ever sees them in the table."""
        batch = self._batch(dataset, batch_id)
        rules = [r for r in batch.verdict.rules if r.outcome != "Passed"] if batch.verdict else []
        reason = "; ".join(f"{r.rule}: {r.reason or r.outcome}" for r in rules) or "the quality rules failed"
        return self._abandon(batch, table, BatchStatus.QUARANTINED, f"quality rules failed: {reason}")

    def fail(self, dataset: str, batch_id: str, table: str, reason: str) -> BatchStatus:
        """End a batch that could not be loaded. If its commit had happened after all, it ends as COMMITTED."""
        return self._abandon(self._batch(dataset, batch_id), table, BatchStatus.FAILED, reason)

    def give_up(self, dataset: str, batch_id: str, table: str, reason: str) -> BatchStatus:
        """End a batch that others kept from committing: CANCELLED, and its objects wait for the next one.

        If its commit had happened after all, it ends as COMMITTED. One that a person released ends as FAILED: the
        release is of this batch alone, and its rows would be held back again.
        """
        batch = self._batch(dataset, batch_id)
        if batch.release:
            return self._abandon(batch, table, BatchStatus.FAILED, reason)
        if batch.status in FINAL:
            return batch.status
        if self._has_committed(batch, table):
            return BatchStatus.COMMITTED
        self._settle(batch, dict.fromkeys(candidates_of(batch), Status.STAGED))
        if self._end(batch, BatchStatus.CANCELLED, error=shorten(reason)):
            notifications.abandoned(batch, BatchStatus.CANCELLED)
        return BatchStatus.CANCELLED

    def _has_committed(self, batch: Batch, table: str) -> bool:
        """Whether the batch's commit turns out to have happened, and is finished then; else no commit of it can."""
        if self.records.is_copied(batch):
            raise Transient(f"a call that commits batch {batch.id} of {batch.dataset} may still copy its files")
        tables = self._tables(batch)
        if tables.abandon(table, batch.id) is not CommitOutcome.COMMITTED:
            return False
        checked = _checked(batch)
        published = tables.published(table, checked) if checked else None
        self._finish_committed(batch, table, None if published == checked else published)
        return True

    def _abandon(self, batch: Batch, table: str, to: BatchStatus, reason: str) -> BatchStatus:
        if batch.status in FINAL:
            return batch.status
        if self._has_committed(batch, table):
            return BatchStatus.COMMITTED
        reason = shorten(reason)
        status = Status.QUARANTINED if to is BatchStatus.QUARANTINED else Status.FAILED
        facts = {"reason": f"batch {batch.id}: {reason}"}
        self._settle(batch, {obj: status for obj in candidates_of(batch)}, lambda _: facts)
        # Before the batch ends: what dies between is done again only while it is open.
        self._free_content(batch, status)
        self.tell_team(f"batch {to.lower()}", batch.dataset, notifications.for_team(batch))
        if self._end(batch, to, error=reason):
            notifications.abandoned(batch, to)
        return to

    def _finish_committed(self, batch: Batch, table: str, picked: int | None) -> None:
        """`picked` is the snapshot by which readers have the rows, where it is not the one that the batch wrote."""
        # Read again: the facts that belong to the commit may have been written after `batch` was read.
        batch = self._batch(batch.dataset, batch.id)
        if batch.status is BatchStatus.COMMITTED:
            return
        superseded = set(batch.write.superseded) if batch.write else set()
        to = {
            obj: Status.SUPERSEDED if obj.versioned_path in superseded else Status.COMMITTED
            for obj in candidates_of(batch)
        }
        self._settle(batch, to, lambda obj: _of_object(batch, obj))
        if parts := [obj for obj in to if obj.is_part]:
            self.catalog.absorb(parts)
        snapshot = picked or (batch.write.snapshot if batch.write else None)
        self.announce(
            {
                "event": "dataset updated",
                "dataset": batch.dataset,
                "table": table,
                "batch": batch.id,
                "snapshot": None if snapshot is None else str(snapshot),
                "rows": batch.write.rows if batch.write else 0,
            }
        )
        facts = {"published": str(picked)} if picked else {}
        if self._end(batch, BatchStatus.COMMITTED, self.records.remembering(batch), **facts):
            notifications.committed(batch, table, snapshot, self.clock())

    def _settle(
        self,
        batch: Batch,
        to: dict[ObjectVersion, Status],
        facts: Callable[[ObjectVersion], dict[str, Any]] = lambda _: {},
    ) -> None:
        """Move the batch's rows on, in transactions; a row that is not this batch's any more is left alone.

        `to` is in the order of the candidates, and `facts` is what is to be noted of each. One that was claimed too
        late for the manifest waits again, and so does one that is to be STAGED.
        """
        mine = list(to)
        left_out = {mine[place] for place in batch.left_out}
        for start in range(0, len(mine), TRANSACTION_ACTIONS):
            chunk = mine[start : start + TRANSACTION_ACTIONS]
            while chunk:
                moves = [
                    self.catalog.unclaiming(obj, batch.dataset, batch.id)
                    if obj in left_out or to[obj] is Status.STAGED
                    else self.catalog.moving(
                        obj,
                        to[obj],
                        batch.dataset,
                        facts=facts(obj),
                        condition="#batch = :batch",
                        values={"batch": batch.id},
                    )
                    for obj in chunk
                ]
                results = transact(self.dynamodb, moves)
                if not results:
                    break
                chunk = [obj for obj, refused in zip(chunk, results, strict=True) if refused is None]

    def _free_content(self, batch: Batch, status: Status) -> None:
        found = self.catalog.get_many(candidates_of(batch))
        rows = [row for row in found if row.batch == batch.id and row.status is status]
        waiting = [duplicate for row in rows for duplicate in self.catalog.release_content(row)]
        if waiting:
            self.send_again([SendAgain(row.object, row.generation + 1) for row in waiting])

    def _end(self, batch: Batch, to: BatchStatus, beside: Sequence[dict[str, Any]] = (), **facts: Any) -> bool:
        """Whether it ended by this, and what is written `beside`; False where it had ended."""
        # What is committed is in the catalog, whatever is copied still.
        copying = None if to is BatchStatus.COMMITTED else batch.copying
        ending = self.records.ending(batch.dataset, batch.id, to, copying, **facts)
        results = transact(self.dynamodb, [*ending, *beside])
        now = self._batch(batch.dataset, batch.id) if results else batch
        if results and now.status not in FINAL:
            if now.copying != batch.copying:
                raise Transient(f"a call that commits batch {batch.id} of {batch.dataset} has begun or ended just now")
            raise Inconsistent(f"batch {batch.id} of {batch.dataset} cannot end as {to}")
        return not results

    def _batch(self, dataset: str, batch: str) -> Batch:
        found = self.records.get(dataset, batch)
        if found is None:
            raise unknown(batch, dataset)
        return found


def _of_object(batch: Batch, obj: ObjectVersion) -> dict[str, Any]:
    """What the batch's job found of one of its objects."""
    if batch.write is None:
        return {}
    found = {"rows_set_aside": batch.write.set_aside, "rows_repeated": batch.write.repeated}
    return {name: counts[obj.digest] for name, counts in found.items() if obj.digest in counts}


def _checked(batch: Batch) -> int | None:
    """The snapshot that may become visible; None if the batch wrote no row.

    A stray run may have written after the verdict: only what was judged counts.
    """
    if batch.write is None or batch.write.snapshot is None:
        return None
    return batch.verdict.snapshot if batch.verdict else batch.write.snapshot


def rebase_wait(rebases: int) -> int:
    """Seconds to wait before the transform that follows the commit which was refused for the n-th time.

    Half of it is left to chance, so that writers that meet come apart.
    """
    longest = REBASE_WAIT_S * 3 ** max(0, rebases - 1)
    return round(random.uniform(longest / 2, longest))  # noqa: S311
