"""Where a mapping stands in the shards of its stream. No threads here: whoever calls holds the lock of all writers.

A shard is read in as many lanes as the mapping's ParallelizationFactor says: the records of one partition key are all
in one lane. A shard whose parent is not read to its end has to wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.emulator.dynamodb.streams import Shard, Stream


@dataclass(slots=True)
class Lane:
    """A part of a shard's keys, and the sequence that it is read on from."""

    shard_id: str
    number: int
    of: int
    sequence: int


class StreamPosition:
    """The lanes of the shards that are being read, and the shards that are read to their ends."""

    def __init__(self) -> None:
        self._lanes: dict[str, list[Lane]] = {}
        self._done: set[str] = set()

    def begin_at_latest(self, stream: Stream) -> None:
        """Leave out what the stream has by now."""
        for shard in stream.shards().values():
            if shard.end is not None:
                self._done.add(shard.id)
            else:
                self._lanes[shard.id] = [Lane(shard.id, 0, 1, stream.next_sequence)]

    def lanes(self, stream: Stream, count: int) -> list[Lane]:
        """The lanes to be read now, `count` a shard. One that is there stays the same object.

        Where the count has changed, a shard is read on from where its slowest lane was: what others read comes again.
        """
        shards = stream.shards()
        self._done &= shards.keys()
        self._lanes = {shard_id: lanes for shard_id, lanes in self._lanes.items() if shard_id in shards}
        ready = self._ready(list(shards.values()))
        for shard in ready:
            lanes = self._lanes.get(shard.id, [])
            if len(lanes) != count:
                start = min((lane.sequence for lane in lanes), default=shard.horizon)
                self._lanes[shard.id] = [Lane(shard.id, number, count, start) for number in range(count)]
        return [lane for shard in ready for lane in self._lanes[shard.id]]

    def is_drained(self, stream: Stream) -> bool:
        """Whether all that the stream has is done with."""
        return all(
            shard.id in self._done or (shard.id in self._lanes and self._is_read(shard))
            for shard in stream.shards().values()
        )

    def _ready(self, shards: Sequence[Shard]) -> list[Shard]:
        ready, waiting = list[Shard](), set[str]()
        for shard in shards:
            if shard.id in self._done:
                continue
            # A parent that is not there any more has nothing that could be read.
            may_be_read = shard.parent not in waiting
            if may_be_read and shard.end is not None and self._is_read(shard):
                self._done.add(shard.id)
                self._lanes.pop(shard.id, None)
                continue
            waiting.add(shard.id)
            if may_be_read:
                ready.append(shard)
        return ready

    def _is_read(self, shard: Shard) -> bool:
        lanes = self._lanes.get(shard.id)
        if lanes is None:
            return not shard.entries and shard.end is not None
        return all(next(shard.after(lane.sequence), None) is None for lane in lanes)
