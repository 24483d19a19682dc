"""Polls one DynamoDB stream for a function: batches in order, retried, split and given up as the mapping says.

A stream has one shard here. It is read in moto's own state, in this process.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import replace
from datetime import UTC
from typing import Any

from pipeline.core.clock import Clock, system_clock
from pipeline.emulator.awslambda.destinations import Destinations
from pipeline.emulator.awslambda.event_sources.filters import Filters
from pipeline.emulator.awslambda.event_sources.queue_poller import InvokeArn
from pipeline.emulator.awslambda.event_sources.stream_batches import (
    Batch,
    Change,
    first_failure,
    lambda_record,
    lost_record,
    too_old,
)
from pipeline.emulator.awslambda.functions import Answer, Throttled
from pipeline.emulator.dynamodb.patches import calls

RETRY_S = (0.5, 30.0)
"""A failed batch waits so long, twice as long each time up to the second figure. AWS does not publish its figures."""

# Arrivals wake a poller; this only bounds how long it takes to see that its mapping changed.
_LOOK_UP_S = 0.5
_log = logging.getLogger(__name__)


class StreamPoller:
    """One enabled mapping: a thread that takes the stream's changes in order and goes on when a batch is done.

    The mapping is moto's own object: an update is seen with the next batch, and `position`, where it stands in the
    shard, outlives the poller.
    """

    def __init__(
        self,
        mapping: Any,
        endpoint: str,
        invoke: InvokeArn,
        *,
        retry_s: tuple[float, float] = RETRY_S,
        clock: Clock = system_clock,
    ) -> None:
        self._mapping = mapping
        self._invoke = invoke
        self._retry_s = retry_s
        self._clock = clock
        self._arn = mapping.event_source_arn
        self._destinations = Destinations(endpoint)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"stream-{self._arn.split('/')[1]}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take nothing new; what is being worked on goes on."""
        self._stopping.set()
        with calls.changed:
            calls.changed.notify_all()

    def is_alive(self) -> bool:
        """Whether it polls still."""
        return self._thread.is_alive()

    def join(self) -> None:
        """Wait until the poller reads no more. A batch that runs is not waited for: it comes again."""
        self._thread.join(_LOOK_UP_S)

    def _run(self) -> None:
        while self._is_active():
            try:
                if (batch := self._next()) is not None:
                    self._see_through(batch)
            except Exception:
                if self._is_active():
                    _log.exception("stream %s for %s", self._arn, self._mapping.function_arn)
                    self._stopping.wait(self._retry_s[0])

    def _is_active(self) -> bool:
        return not self._stopping.is_set() and bool(self._mapping.enabled)

    def _next(self) -> Batch | None:
        """The next batch: it is full, or the window since its first change has passed. None if there is none yet."""
        batch, closes = self._read(), None
        while len(batch.changes) < self._mapping.batch_size and self._is_active():
            now = time.monotonic()
            if batch.changes:
                closes = closes or now + float(self._mapping.max_batch_window or 0)
            if closes is None and batch.end > self._mapping.position:
                # Nothing of what was written passes the filters.
                self._mapping.position = batch.end
            if closes is not None and now >= closes:
                break
            self._wait_for_more(batch.end, _LOOK_UP_S if closes is None else min(closes - now, _LOOK_UP_S))
            batch = self._read()
        return batch.fitting() if batch.changes and self._is_active() else None

    def _read(self) -> Batch:
        """What stands in the shard behind the mapping's position and passes its filters, up to a batch."""
        filters = Filters(self._mapping.filter_criteria)
        position = self._mapping.position
        # Under the lock of all writers: a transaction that is undone takes its changes back before it lets go.
        with calls.changed:
            shard = self._shard()
            items = list(shard.items[position:]) if shard is not None else []
        changes: list[Change] = []
        for number, item in enumerate(items, start=position):
            if len(changes) == self._mapping.batch_size:
                return Batch(tuple(changes), number)
            record = lambda_record(item.record, self._arn)
            if filters.pass_record(record):
                written = item.record["dynamodb"]["ApproximateCreationDateTime"].replace(tzinfo=UTC)
                changes.append(Change(number, written, record))
        return Batch(tuple(changes), position + len(items))

    def _wait_for_more(self, end: int, seconds: float) -> None:
        with calls.changed:
            shard = self._shard()
            if shard is None or len(shard.items) <= end:
                calls.changed.wait(seconds)

    def _shard(self) -> Any:
        """The shard of the mapping's stream; None if the table is gone or has another stream."""
        from moto.dynamodb.models import dynamodb_backends

        region, account, path = self._arn.split(":", 5)[3:]
        _, table_name, _, label = path.split("/")
        table = dynamodb_backends[account][region].tables.get(table_name)
        return table.stream_shard if table is not None and table.latest_stream_label == label else None

    def _see_through(self, batch: Batch) -> None:
        """Work on a batch until all of its changes have succeeded or are given up."""
        work = deque([batch])
        while work and self._is_active():
            self._try(work.popleft(), work)

    def _try(self, batch: Batch, work: deque[Batch]) -> None:
        if aged := self._too_old(batch):
            lost = batch if aged == len(batch.changes) else batch.first(aged)
            self._give_up(lost, None, "RecordAgeExceeded")
            if lost is not batch:
                work.appendleft(batch.without_first(aged))
            return
        try:
            answer = self._invoke(self._mapping.function_arn, batch.event())
        except Throttled:
            # It was not tried.
            work.appendleft(batch)
            self._stopping.wait(self._retry_s[0])
            return
        reports = "ReportBatchItemFailures" in (self._mapping.function_response_types or [])
        failed = first_failure(batch, answer, reports_failures=reports)
        if failed is None:
            self._mapping.position = batch.end
        else:
            self._after_failure(batch, answer, failed, work)

    def _after_failure(self, batch: Batch, answer: Answer, failed: int, work: deque[Batch]) -> None:
        if failed:
            self._mapping.position = batch.changes[failed].position
            batch = batch.without_first(failed)
        elif self._mapping.bisect_on_error and len(batch.changes) > 1:
            work.extendleft(reversed(batch.halves()))
            return
        batch = replace(batch, tries=batch.tries + 1)
        retries = self._mapping.max_retry_attempts
        if retries is not None and 0 <= retries < batch.tries:
            self._give_up(batch, answer, "RetryAttemptsExhausted")
            return
        work.appendleft(batch)
        self._stopping.wait(min(self._retry_s[0] * 2.0 ** min(batch.tries - 1, 16), self._retry_s[1]))

    def _too_old(self, batch: Batch) -> int:
        age = self._mapping.max_record_age
        return too_old(batch.changes, self._clock(), float(age)) if age is not None and age >= 0 else 0

    def _give_up(self, batch: Batch, answer: Answer | None, condition: str) -> None:
        destination = ((self._mapping.destination_config or {}).get("OnFailure") or {}).get("Destination")
        function_arn = self._mapping.function_arn
        if destination:
            shard = self._shard()
            shard_id = shard.id if shard is not None else ""
            record = lost_record(batch, answer, condition, function_arn, self._arn, shard_id)
            try:
                self._destinations.send(destination, record, succeeded=False, function_arn=function_arn)
            except Exception:
                _log.exception("%s did not get what %s gave up", destination, function_arn)
        self._mapping.position = batch.end
