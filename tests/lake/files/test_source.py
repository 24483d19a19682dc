"""The stream below the readers, where it differs by platform or by fault."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import BadObject
from pipeline.lake.datasets import StageA
from pipeline.lake.files import compression
from pipeline.lake.files.conversion import convert
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.source import Source
from tests.lake.files.conftest import Stream

TEXT = b"a,b\n" + b"1,2\n" * 5000


def test_gzip_reads_the_same_where_isal_has_no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "_gzip", gzip)
    assert Source(Stream(gzip.compress(TEXT), 7), "x", Limits()).read(10**6) == TEXT
    with pytest.raises(BadObject, match="ends early"):
        Source(Stream(gzip.compress(TEXT)[:-9]), "x", Limits()).read(10**6)


def test_the_raw_bytes_are_copied_as_they_come() -> None:
    copy = io.BytesIO()
    packed = gzip.compress(TEXT)
    Source(Stream(packed, 11), "x", Limits(), copy).read(10**6)
    assert copy.getvalue() == packed


def test_a_broken_gzip_is_told_by_what_was_seen_and_what_was_wanted() -> None:
    packed = gzip.compress(TEXT)
    cut = packed[:-9]
    with pytest.raises(BadObject) as refused:
        Source(Stream(cut), "x", Limits()).read(10**6)
    assert f"has {len(cut):,} bytes, and the end of a whole gzip file is not among them" in refused.value.message
    with pytest.raises(BadObject) as refused:
        Source(Stream(packed[:10] + b"\xff" * 20), "x", Limits()).read(10**6)
    assert (
        refused.value.message
        == "the gzip data is corrupt within the first 16 bytes of the file, and cannot be unpacked"
    )


@pytest.mark.parametrize("size", [1, 3, 1000, 10**6])
def test_any_size_of_read_gives_the_whole_text(size: int) -> None:
    source = Source(Stream(TEXT, 5), "x", Limits())
    found = b""
    while data := source.read(size):
        found += data
    assert found == TEXT


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_says_so(tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"settings": StageA(format="csv"), "contract": {}, "metadata": {}}
    with pytest.raises(BadObject, match="disk is full"):
        convert(
            Stream(TEXT), file_name="x.csv", parquet=Path("/dev/full"), bad_rows=tmp_path / "bad.jsonl", **arguments
        )
