"""Bytes fetched ahead are those of the stream, in its order, with its errors."""

from __future__ import annotations

import threading

import pytest

from pipeline.lake.files.read_ahead import ReadAhead
from tests.lake.files.conftest import Stream
from tests.patience import PATIENCE_S

DATA = bytes(range(256)) * 40


@pytest.mark.parametrize("size", [1, 7, 1000, len(DATA), 10**6, -1])
@pytest.mark.parametrize("most", [3, 1000, 10**6])
def test_all_bytes_come_in_order(size: int, most: int) -> None:
    with ReadAhead(Stream(DATA, most), 100) as ahead:
        assert b"".join(iter(lambda: ahead.read(size), b"")) == DATA
        assert ahead.read(size) == b""


def test_the_next_bytes_are_fetched_before_anybody_asks() -> None:
    fetched = threading.Semaphore(0)

    class Told(Stream):
        def read(self, size: int = -1, /) -> bytes:
            data = super().read(size)
            fetched.release()
            return data

    with ReadAhead(Told(DATA), 100) as ahead:
        assert fetched.acquire(timeout=PATIENCE_S)
        assert ahead.read(10) == DATA[:10]
        assert fetched.acquire(timeout=PATIENCE_S)
        assert ahead.read(10) == DATA[10:20]
        assert not fetched.acquire(timeout=0.05), "one piece ahead, not the whole object"


def test_an_error_comes_after_the_bytes_before_it() -> None:
    class Breaks(Stream):
        def read(self, size: int = -1, /) -> bytes:
            if data := super().read(size):
                return data
            raise TimeoutError("the connection broke")

    with ReadAhead(Breaks(b"abc"), 2) as ahead:
        assert (ahead.read(5), ahead.read(5)) == (b"ab", b"c")
        for _ in range(2):
            with pytest.raises(TimeoutError, match="broke"):
                ahead.read(5)


def test_its_thread_ends_where_nobody_reads_to_the_end() -> None:
    before = threading.active_count()
    with ReadAhead(Stream(DATA), 100) as ahead:
        ahead.read(1)
    assert threading.active_count() == before
