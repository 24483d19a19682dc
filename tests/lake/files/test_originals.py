"""A raw object read twice, and one spooled, however it can be read."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.lake.datasets import StageA
from pipeline.lake.files.conversion import convert
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.originals import Original
from pipeline.lake.files.source import Source
from tests.lake.files.conftest import TINY, Stream

LATE = b"".join(b'{"n": %d}\n' % n for n in range(50)) + b'{"n": "text"}\n'
"""The last row makes text of a column whose numbers were written before."""


def rows(source: Any, folder: Path, again: Any = None) -> list[Any]:
    convert(
        source,
        file_name="late.jsonl",
        settings=StageA(format="jsonl"),
        contract={},
        parquet=folder / "out.parquet",
        bad_rows=folder / "bad.jsonl",
        metadata={},
        limits=TINY,
        again=again,
    )
    return pq.read_table(folder / "out.parquet")["n"].to_pylist()


EXPECTED = [*map(str, range(50)), "text"]


def test_a_source_without_a_way_back_is_read_again_from_a_copy(tmp_path: Path) -> None:
    assert rows(Stream(LATE), tmp_path) == EXPECTED


def test_a_source_that_seeks_is_read_again_from_where_it_stood(tmp_path: Path, monkeypatch: Any) -> None:
    no_copies(monkeypatch)
    file = io.BytesIO(b"before" + LATE)
    file.seek(6)
    assert rows(file, tmp_path) == EXPECTED


def test_what_the_caller_can_open_again_takes_no_disk(tmp_path: Path, monkeypatch: Any) -> None:
    no_copies(monkeypatch)
    opened: list[int] = []

    def again() -> Stream:
        opened.append(1)
        return Stream(LATE)

    assert rows(Stream(LATE), tmp_path, again) == EXPECTED
    assert rows(Stream(b'{"n": "text"}\n'), tmp_path, again) == ["text"]
    assert opened == [1], "a file whose schema stands is read once"


def no_copies(monkeypatch: Any) -> None:
    def refuse(**_: Any) -> None:
        raise AssertionError("a copy was made")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("start", [0, 6])
def test_a_spooled_source_seeks_in_the_unpacked_bytes(tmp_path: Path, packed: bool, start: int) -> None:
    data = b"before"[:start] + (gzip.compress(LATE) if packed else LATE)
    file = io.BytesIO(data)
    file.seek(start)
    for stream in (file, Stream(data[start:], 7)):
        with Original(stream, "x", Limits(), tmp_path) as original:
            spooled = original.first(twice=False).spool()
            assert spooled.read() == LATE
            spooled.seek(9)
            assert spooled.read(9) == LATE[9:18]
        assert spooled.closed or spooled is file


def test_a_plain_file_is_its_own_spool(tmp_path: Path) -> None:
    file = io.BytesIO(LATE)
    assert Source(file, "x", Limits(), folder=tmp_path).spool() is file
