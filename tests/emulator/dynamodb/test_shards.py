"""Shards and the places of those who read them: nothing is lost, and what is of one key is never told out of order."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.emulator.awslambda.event_sources.stream_position import Lane, StreamPosition
from pipeline.emulator.dynamodb import streams
from pipeline.emulator.dynamodb.streams import Stream, place_of
from tests.examples import examples

KEYS = "abcdefgh"
Step = tuple[str, int]


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    monkeypatch.setattr(streams, "clock", lambda: now[0])
    return now


def write(stream: Stream, key: str, record: object) -> None:
    stream.append(stream.shard_for(key), (key, record))


def read(stream: Stream, lane: Lane, most: int) -> list[tuple[str, int]]:
    """Up to so many records of a lane, which it goes past."""
    found: list[tuple[str, int]] = []
    for entry in list(stream.shards()[lane.shard_id].after(lane.sequence)):
        if len(found) == most:
            break
        lane.sequence = entry.sequence + 1
        if place_of(entry.record[0]) % lane.of == lane.number:
            found.append(entry.record)
    return found


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, len(KEYS) - 1)),
        st.tuples(st.just("split"), st.integers(0, 9)),
        st.tuples(st.just("read"), st.integers(0, 9)),
        st.tuples(st.just("change_lanes"), st.integers(1, 4)),
    ),
    max_size=60,
)


class Told:
    """A stream, somebody who reads it, and what was written and told of each key."""

    def __init__(self) -> None:
        self.stream, self.position, self.lanes = Stream(shard_records=5), StreamPosition(), 1
        self.told, self.written = defaultdict[str, list[int]](list), defaultdict[str, list[int]](list)

    def write(self, number: int, choice: int) -> None:
        write(self.stream, KEYS[choice], number)
        self.written[KEYS[choice]].append(number)

    def split(self, number: int, choice: int) -> None:
        opened = [shard.id for shard in self.stream.shards().values() if shard.end is None]
        self.stream.split(opened[choice % len(opened)], 1 + choice % 2)

    def change_lanes(self, number: int, choice: int) -> None:
        self.lanes = choice

    def read(self, number: int, choice: int) -> None:
        if ready := self.position.lanes(self.stream, self.lanes):
            for key, record in read(self.stream, ready[choice % len(ready)], 1 + choice % 3):
                self.told[key].append(record)

    def read_all(self) -> None:
        while not self.position.is_drained(self.stream):
            for choice in range(len(self.position.lanes(self.stream, self.lanes))):
                self.read(0, choice)


@settings(max_examples=examples(300))
@given(STEPS, st.booleans())
def test_each_key_is_told_in_its_order_however_shards_split_and_lanes_change(steps: list[Step], from_latest: bool):
    found = Told()
    if from_latest:
        for key in KEYS:
            write(found.stream, key, -1)
        found.position.begin_at_latest(found.stream)
    for number, (kind, choice) in enumerate(steps):
        getattr(found, kind)(number, choice)
    found.read_all()
    for key in KEYS:
        # Of what comes again, after a change of lanes, the first time counts.
        assert list(dict.fromkeys(found.told[key])) == found.written[key]


@settings(max_examples=examples(100))
@given(st.lists(st.sampled_from(KEYS), max_size=80))
def test_shards_part_the_keys_and_their_numbers_follow_their_parents(keys: list[str]):
    stream = Stream(shard_records=3)
    for number, key in enumerate(keys):
        write(stream, key, number)
    shards = stream.shards()
    opened = sorted((shard.low, shard.high) for shard in shards.values() if shard.end is None)
    assert [low for low, _ in opened] == [0, *(high for _, high in opened[:-1])]
    assert len(opened) <= streams.OPEN_SHARDS
    assert sum(len(shard.entries) for shard in shards.values()) == len(keys)
    for shard in shards.values():
        assert len(shard.entries) <= 3
        assert all(shard.start <= entry.sequence for entry in shard.entries)
        if shard.end is not None:
            assert all(entry.sequence <= shard.end for entry in shard.entries)
        if shard.parent:
            parent = shards[shard.parent]
            assert parent.end is not None
            assert parent.end < shard.start
            assert parent.low <= shard.low < shard.high <= parent.high


def test_records_end_after_a_day_and_closed_shards_with_them(time: list[datetime]):
    stream = Stream(shard_records=2)
    first = stream.shard_for("a")
    for number in range(3):
        write(stream, "a", number)
        time[0] += timedelta(hours=10)
    child = stream.shards()[stream.shard_for("a").id]
    assert first.id in stream.shards()
    assert [entry.record[1] for entry in first.after(0)] == [1]
    assert first.horizon == first.entries[0].sequence
    time[0] += timedelta(hours=10)
    assert list(stream.shards()) == [shard.id for shard in (stream.shards().values())]
    assert first.id not in stream.shards() or not first.entries
    time[0] += timedelta(hours=24)
    assert first.id not in stream.shards()
    assert child.entries == []


def test_a_child_whose_parent_has_ended_is_read(time: list[datetime]):
    stream, position = Stream(shard_records=1), StreamPosition()
    write(stream, "a", 1)
    write(stream, "a", 2)
    position.lanes(stream, 1)
    time[0] += timedelta(hours=25)
    write(stream, "a", 3)
    found = [record for lane in position.lanes(stream, 1) for record in read(stream, lane, 9)]
    while not position.is_drained(stream):
        found += [record for lane in position.lanes(stream, 1) for record in read(stream, lane, 9)]
    assert found == [("a", 3)]


def test_what_is_undone_was_never_there():
    stream = Stream()
    write(stream, "a", 1)
    mark = stream.next_sequence
    write(stream, "b", 2)
    stream.undo(mark)
    assert [entry.record for shard in stream.shards().values() for entry in shard.entries] == [("a", 1)]


def test_a_stream_that_is_made_again_goes_on_with_its_numbers():
    first = Stream()
    first.next_sequence += 10**30
    assert Stream(first.next_sequence).next_sequence == first.next_sequence
    assert Stream().next_sequence > 10**20
