"""Streams as DynamoDB documents them: shards that have parents, and records that end after 24 hours. No moto here.

All records of one partition key stand in one shard, or in its descendants: a shard that has taken its share is closed,
and its key range goes to one child or to two. Rules from "Change data capture for DynamoDB Streams" and the API
reference of the streams.
"""

from __future__ import annotations

import hashlib
import itertools
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pipeline.core.clock import system_clock

RETENTION = timedelta(hours=24)
SHARD_RECORDS = 10_000
"""A shard is closed after so many records. AWS closes them after some hours, or when a partition splits."""

OPEN_SHARDS = 4
"""Shards split in two until so many are open; then each has one child. AWS has as many as the table has partitions."""

_KEYS = 2**64
_SEQUENCES_A_MS = 10**9

clock = system_clock
"""The time of all streams; a test puts another in its place."""


@dataclass(slots=True)
class Entry:
    """A record, its place in the order of its shard, and when it was written."""

    sequence: int
    written: datetime
    record: Any


@dataclass(slots=True)
class Shard:
    """Records of the keys whose digests lie from `low` to below `high`, in the order in which they were written."""

    id: str
    parent: str | None
    low: int
    high: int
    start: int
    entries: list[Entry] = field(default_factory=list)
    taken: int = 0
    """How many records it ever took."""
    horizon: int = 0
    """The lowest sequence that can still be read."""
    end: int | None = None
    """The last sequence that it can have; None while it is open."""
    closed: datetime | None = None

    def after(self, sequence: int) -> Iterator[Entry]:
        """The records from `sequence` on."""
        start = bisect_left(self.entries, sequence, key=lambda entry: entry.sequence)
        return itertools.islice(self.entries, start, None)

    def to_json(self) -> dict[str, Any]:
        """As DescribeStream tells of it."""
        numbers = {"StartingSequenceNumber": str(self.start)}
        if self.end is not None:
            numbers["EndingSequenceNumber"] = str(self.end)
        parent = {"ParentShardId": self.parent} if self.parent else {}
        return {"ShardId": self.id, "SequenceNumberRange": numbers, **parent}


class Stream:
    """The stream of a table. Whoever calls it holds the lock of all writers."""

    def __init__(self, after: int = 0, *, shard_records: int | None = None) -> None:
        """Its sequence begins after `after`, and with the time: a table that is made again goes on, too."""
        self.next_sequence = max(after, int(clock().timestamp() * 1000) * _SEQUENCES_A_MS)
        self._shard_records = shard_records or SHARD_RECORDS
        self._numbers = itertools.count(1)
        self._shards: dict[str, Shard] = {}
        self._open(None, 0, _KEYS)

    def shards(self) -> Mapping[str, Shard]:
        """Those that have something to read or may get it, parents before their children."""
        self._trim()
        return self._shards

    def shard_for(self, partition_key: Any) -> Shard:
        """The open shard that takes a key's next record."""
        place = place_of(partition_key)
        shard = next(each for each in self._shards.values() if each.end is None and each.low <= place < each.high)
        if shard.taken < self._shard_records:
            return shard
        self.split(shard.id)
        return self.shard_for(partition_key)

    def append(self, shard: Shard, record: Any) -> None:
        """Add a record, which knows the sequence `next_sequence`."""
        shard.entries.append(Entry(self.next_sequence, clock(), record))
        shard.taken += 1
        self.next_sequence += 1

    def split(self, shard_id: str, children: int | None = None) -> None:
        """Close a shard; its keys go to one child or two, by how many are open unless `children` says it."""
        shard = self._shards[shard_id]
        self._close(shard)
        count = sum(each.end is None for each in self._shards.values())
        wanted = children or (2 if count + 2 <= OPEN_SHARDS else 1)
        ends = [shard.low + (shard.high - shard.low) * part // wanted for part in range(wanted + 1)]
        for low, high in itertools.pairwise(ends):
            self._open(shard, low, high)

    def close(self) -> None:
        """The stream is disabled: what it has stays to be read."""
        for shard in self._shards.values():
            self._close(shard)

    def undo(self, sequence: int) -> None:
        """Take back the records from a sequence on."""
        for shard in self._shards.values():
            left = bisect_left(shard.entries, sequence, key=lambda entry: entry.sequence)
            shard.taken -= len(shard.entries) - left
            del shard.entries[left:]

    def _open(self, parent: Shard | None, low: int, high: int) -> None:
        number = next(self._numbers)
        shard_id = f"shardId-{int(clock().timestamp() * 1000):020}-{number:08x}"
        start = self.next_sequence
        self._shards[shard_id] = Shard(shard_id, parent.id if parent else None, low, high, start, horizon=start)

    def _close(self, shard: Shard) -> None:
        if shard.end is None:
            shard.end, shard.closed = self.next_sequence - 1, clock()

    def _trim(self) -> None:
        oldest = clock() - RETENTION
        for shard in list(self._shards.values()):
            gone = 0
            while gone < len(shard.entries) and shard.entries[gone].written < oldest:
                gone += 1
            if gone:
                shard.horizon = shard.entries[gone - 1].sequence + 1
                del shard.entries[:gone]
            if shard.closed and not shard.entries and shard.closed < oldest:
                del self._shards[shard.id]


def place_of(key: Any) -> int:
    """Where a key lies among all: a number of 64 bits."""
    return int.from_bytes(hashlib.blake2b(repr(key).encode(), digest_size=8).digest())
