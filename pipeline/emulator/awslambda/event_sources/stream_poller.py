"""Polls one DynamoDB stream for a function: a reader for each lane of the shards whose parents are read to their ends.

The stream is read in moto's own state, in this process.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from pipeline.core.clock import Clock
from pipeline.emulator.awslambda.destinations import Destinations
from pipeline.emulator.awslambda.event_sources.queue_poller import InvokeArn
from pipeline.emulator.awslambda.event_sources.shard_reader import LOOK_UP_S, ShardReader
from pipeline.emulator.awslambda.event_sources.stream_position import Lane
from pipeline.emulator.dynamodb import streams
from pipeline.emulator.dynamodb.patches import calls
from pipeline.emulator.dynamodb.patches.streams import stream_of

RETRY_S = (0.5, 30.0)
"""A failed batch waits so long, twice as long each time up to the second figure. AWS does not publish its figures."""

_log = logging.getLogger(__name__)


class StreamPoller:
    """One enabled mapping: a thread that starts and ends the readers.

    The mapping is moto's own object: an update is seen at the next look, and `position`, where it stands in the shards,
    outlives the poller.
    """

    def __init__(
        self,
        mapping: Any,
        endpoint: str,
        invoke: InvokeArn,
        *,
        retry_s: tuple[float, float] = RETRY_S,
        clock: Clock | None = None,
    ) -> None:
        self._mapping = mapping
        self._invoke = invoke
        self._retry_s = retry_s
        self._clock = clock or (lambda: streams.clock())
        self._arn = mapping.event_source_arn
        self._destinations = Destinations(endpoint)
        self._readers: list[tuple[Lane, ShardReader]] = []
        self._factor = 0
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
        self._thread.join(LOOK_UP_S)

    def _run(self) -> None:
        while self._is_active():
            try:
                self._look()
            except Exception:
                if self._is_active():
                    _log.exception("stream %s for %s", self._arn, self._mapping.function_arn)
                    self._stopping.wait(self._retry_s[0])
        for _, reader in self._readers:
            reader.stop()
        with calls.changed:
            calls.changed.notify_all()

    def _is_active(self) -> bool:
        return not self._stopping.is_set() and bool(self._mapping.enabled)

    def _look(self) -> None:
        """Give each lane a reader, then wait until a record was written or a batch done."""
        factor = int(self._mapping.parallelization_factor or 1)
        if factor != self._factor:
            # Two readers of one key at once would lose its order.
            self._end_readers()
            self._factor = factor
        with calls.changed:
            stream = stream_of(self._arn)
            lanes = self._mapping.position.lanes(stream.stream, factor) if stream is not None else []
            kept = []
            for lane, reader in self._readers:
                if any(lane is each for each in lanes):
                    kept.append((lane, reader))
                else:
                    reader.stop()
            self._readers = kept
            for lane in lanes:
                if not any(lane is each for each, _ in self._readers):
                    self._readers.append((lane, self._reader(lane)))
            if self._is_active():
                calls.changed.wait(LOOK_UP_S)

    def _reader(self, lane: Lane) -> ShardReader:
        return ShardReader(lane, self._mapping, self._destinations, self._invoke, self._retry_s, self._clock)

    def _end_readers(self) -> None:
        for _, reader in self._readers:
            reader.stop()
        with calls.changed:
            calls.changed.notify_all()
        for _, reader in self._readers:
            while reader.is_alive() and self._is_active():
                reader.join(LOOK_UP_S)
        self._readers = []
