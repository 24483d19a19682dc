"""Reads one lane of a shard for a function: batches in order, retried, split and given up as the mapping says."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from dataclasses import replace
from datetime import UTC
from typing import Any

from pipeline.core.clock import Clock
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
from pipeline.emulator.awslambda.event_sources.stream_position import Lane
from pipeline.emulator.awslambda.functions import Answer, Throttled
from pipeline.emulator.dynamodb.patches import calls
from pipeline.emulator.dynamodb.patches.streams import stream_of
from pipeline.emulator.dynamodb.streams import RETENTION, Entry, Shard, place_of

# Arrivals wake a reader; this only bounds how long it takes to see that its mapping changed.
LOOK_UP_S = 0.5
_log = logging.getLogger(__name__)


class ShardReader:
    """A thread that takes a lane's changes in order and goes on when a batch is done.

    The mapping is moto's own object: an update is seen with the next batch. The lane, where it stands, outlives the
    reader.
    """

    def __init__(
        self,
        lane: Lane,
        mapping: Any,
        destinations: Destinations,
        invoke: InvokeArn,
        retry_s: tuple[float, float],
        clock: Clock,
    ) -> None:
        self._lane = lane
        self._mapping = mapping
        self._destinations = destinations
        self._invoke = invoke
        self._retry_s = retry_s
        self._clock = clock
        self._arn = mapping.event_source_arn
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"stream-{self._arn.split('/')[1]}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take nothing new; what is being worked on goes on."""
        self._stopping.set()

    def is_alive(self) -> bool:
        """Whether it works still."""
        return self._thread.is_alive()

    def join(self, seconds: float) -> None:
        """Wait at most so long until it has ended."""
        self._thread.join(seconds)

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
            if closes is None and batch.end > self._lane.sequence:
                # Nothing of what was written passes the filters.
                self._go_on(batch.end)
            if closes is not None and now >= closes:
                break
            self._wait_for_more(batch.end, LOOK_UP_S if closes is None else min(closes - now, LOOK_UP_S))
            batch = self._read()
        return batch.fitting() if batch.changes and self._is_active() else None

    def _read(self) -> Batch:
        """What stands in the shard from the lane's place on, is of the lane and passes the filters, up to a batch."""
        filters = Filters(self._mapping.filter_criteria)
        end = self._lane.sequence
        # Under the lock of all writers: a transaction that is undone takes its changes back before it lets go.
        with calls.changed:
            shard = self._shard()
            if shard is not None and end < shard.horizon:
                _log.warning("records of %s ended before they were read for %s", self._arn, self._mapping.function_arn)
            entries = list(shard.after(end)) if shard is not None else []
        changes: list[Change] = []
        for entry in entries:
            if len(changes) == self._mapping.batch_size:
                return Batch(tuple(changes), entry.sequence)
            end = entry.sequence + 1
            record = lambda_record(entry.record.record, self._arn)
            if self._is_mine(entry) and filters.pass_record(record):
                changes.append(Change(entry.sequence, entry.written.replace(tzinfo=UTC), record))
        return Batch(tuple(changes), end)

    def _is_mine(self, entry: Entry) -> bool:
        """Lambda keeps the order of each item, by its partition and sort key, when it reads a shard in parallel."""
        if self._lane.of == 1:
            return True
        keys = entry.record.record["dynamodb"]["Keys"]
        return place_of(json.dumps(keys, sort_keys=True, default=str)) % self._lane.of == self._lane.number

    def _wait_for_more(self, end: int, seconds: float) -> None:
        with calls.changed:
            shard = self._shard()
            if shard is None or next(shard.after(end), None) is None:
                calls.changed.wait(seconds)

    def _shard(self) -> Shard | None:
        stream = stream_of(self._arn)
        return stream.stream.shards().get(self._lane.shard_id) if stream is not None else None

    def _go_on(self, sequence: int) -> None:
        with calls.changed:
            self._lane.sequence = sequence
            # A child of the shard may be waiting.
            calls.changed.notify_all()

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
            self._go_on(batch.end)
        else:
            self._after_failure(batch, answer, failed, work)

    def _after_failure(self, batch: Batch, answer: Answer, failed: int, work: deque[Batch]) -> None:
        if failed:
            self._go_on(batch.changes[failed].position)
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
        age, most = self._mapping.max_record_age, RETENTION.total_seconds()
        return too_old(batch.changes, self._clock(), min(float(age), most) if age is not None and age >= 0 else most)

    def _give_up(self, batch: Batch, answer: Answer | None, condition: str) -> None:
        destination = ((self._mapping.destination_config or {}).get("OnFailure") or {}).get("Destination")
        function_arn = self._mapping.function_arn
        if destination:
            record = lost_record(batch, answer, condition, function_arn, self._arn, self._lane.shard_id)
            try:
                self._destinations.send(destination, record, succeeded=False, function_arn=function_arn)
            except Exception:
                _log.exception("%s did not get what %s gave up", destination, function_arn)
        self._go_on(batch.end)
