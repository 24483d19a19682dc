"""The text below the readers: encodings as declared, and what does not fit them."""

from __future__ import annotations

import codecs
import re
import tracemalloc
from functools import partial
from pathlib import Path

import pytest

from pipeline.core.errors import BadInput, BadObject
from pipeline.lake.datasets import StageA
from pipeline.lake.datasets.raw_files import ENCODINGS
from pipeline.lake.files import streams
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.signatures import SIGNATURES, Signature
from pipeline.lake.files.source import Source
from pipeline.lake.files.streams import TableText, TextStream
from pipeline.lake.proposals.contents import read_content
from tests.lake.files.conftest import Reading, Stream
from tests.lake.files.conftest import read as converted

TEXT = "a,b\n" + "1,2\n" * 500


def read(data: bytes, encoding: str, size: int = 7) -> bytes:
    stream = TextStream(Source(Stream(data, 5), "x", Limits()), encoding)
    found = b""
    while piece := stream.read(size):
        found += piece
    return found


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_is_read_in_pieces_of_any_size(encoding: str) -> None:
    for size in (1, 7, 10**6):
        assert read(TEXT.encode(encoding), encoding, size) == TEXT.encode()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_letters_are_those_of_the_encoding(encoding: str) -> None:
    letters = "".join(letter for letter in map(chr, range(0x20, 0x3000)) if letter.encode(encoding, "ignore"))
    decoded = letters.encode(encoding).decode(encoding)
    assert read(letters.encode(encoding), encoding) == decoded.encode()


@pytest.mark.parametrize(("encoding", "data"), [("cp1252", b"\x81"), ("ascii", b"\xc3\xa9"), ("shift_jis", b"\xfd")])
def test_bytes_that_do_not_fit_are_no_utf8_and_cost_their_row_only(
    encoding: str, data: bytes, reading: Reading
) -> None:
    found = reading(b"a,b\n1,2\n3," + data + b"\n5,6\n", "csv", encoding=encoding)
    assert [row["a"] for row in found.rows] == ["1", "5"]
    assert [bad["line"] for bad in found.bad] == [3]


@pytest.mark.parametrize(("mark", "encoding"), [(codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")])
def test_a_mark_says_the_byte_order_of_utf16_and_may_stand_where_it_is_declared(mark: bytes, encoding: str) -> None:
    for declared in ("utf-16", encoding):
        assert read(mark + TEXT.encode(encoding), declared) == TEXT.encode()


@pytest.mark.parametrize(
    ("mark", "declared"),
    [(codecs.BOM_UTF8, "cp1252"), (codecs.BOM_UTF16_LE, "utf-16-be"), (codecs.BOM_UTF8, "utf-16")],
)
def test_a_mark_that_contradicts_the_declared_encoding_is_refused(mark: bytes, declared: str) -> None:
    with pytest.raises(BadObject, match=f"byte-order mark of .* says `encoding: {declared}`"):
        read(mark + b"a,b\n", declared)


def test_utf16_of_no_known_byte_order_is_refused_with_the_names_that_say_it() -> None:
    with pytest.raises(BadObject) as refused:
        read(TEXT.encode("utf-16-le"), "utf-16")
    assert "utf-16-le" in str(refused.value.hint)


@pytest.mark.parametrize("piece", [1, 2, 3, 8, 10**6])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_skipped_wherever_they_are_cut(piece: int, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_PIECE", piece)
    for count in range(5):
        lines = [f"first{end}", end, f"b{end}", "1"]
        text = TableText(
            Source(Stream("".join(lines).encode(), 5), "x", Limits()), StageA(format="csv", skip_rows=count)
        )
        assert b"".join(iter(partial(text.read, 3), b"")).decode() == "".join(lines[count:])


def test_a_line_that_is_skipped_is_not_held_however_long_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_PIECE", 100_000)
    source = Source(Stream(b"x" * 10_000_000 + b"\na,b\n", 10**9), "x", Limits())
    tracemalloc.start()
    text = TableText(source, StageA(format="csv", skip_rows=1))
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()
    assert text.read(100) == b"a,b\n"


@pytest.mark.parametrize("name", ["PAR1", "ORC", "ORCID", "BZh", "BZh9", "7zip", "Rar", "%PDF share"])
def test_a_header_that_begins_like_a_signature_is_text(tmp_path: Path, name: str) -> None:
    path = tmp_path / "file.csv"
    path.write_text(f"{name},b\n1,2\n")
    assert converted(tmp_path, path.read_bytes(), "csv").rows[0]["b"] == "2"
    assert read_content(path).kind == "text"


@pytest.mark.parametrize("signature", SIGNATURES, ids=lambda each: each.what)
def test_what_is_no_text_is_named_alike_by_init_and_on_loading(tmp_path: Path, signature: Signature) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(signature.first + b"\x15\x04\x15\x00\x00 rest\n")
    with pytest.raises(BadObject, match=re.escape(f"the file is {signature.what}")):
        converted(tmp_path, path.read_bytes(), "csv")
    if signature.format:
        assert read_content(path).kind == signature.format
    else:
        with pytest.raises(BadInput, match=re.escape(f"is {signature.what}")):
            read_content(path)
