"""Rows of text that are bad before a cell of them is read: bytes that are no text in the declared encoding."""

from __future__ import annotations

import codecs
import threading

import numpy as np

from pipeline.lake.files.readers.csv_records import Rows
from pipeline.lake.files.readers.csv_text import Offsets


def faults(data: bytes, rows: Rows, encoding: str) -> dict[int, str]:
    """By the index of the row, what is wrong with its bytes. `data` was decoded from `encoding` by `TextStream`."""
    found = _foreign_rows(data, rows, encoding)
    if b"\0" in data:
        places = np.flatnonzero(np.frombuffer(data, np.uint8) == 0)
        found.update(dict.fromkeys((row for row, _ in _within(places, rows)), "a NUL byte"))
    return found


def as_written(raw: bytes, encoding: str) -> bytes:
    """A row of such text with the bytes that did not fit the encoding, which came as halves of surrogate pairs."""
    if encoding == "utf-8" or raw.isascii():
        return raw
    return raw.decode(errors="surrogatepass").encode(errors="surrogateescape")


def _foreign_rows(data: bytes, rows: Rows, encoding: str) -> dict[int, str]:
    if data.isascii():
        return {}
    # Rows end in ASCII, so that what is wrong in one is the same in all of them together.
    _noted.places = []
    data.decode(errors=_NOTE)
    found: dict[int, str] = {}
    for row, place in _within(np.array(_noted.places, dtype=np.int64), rows):
        if row not in found:
            start = int(rows.starts[row])
            found[row] = why_foreign(data[start : rows.ends[row]], place - start, encoding)
    return found


_NOTE = "sluice.note"
_noted = threading.local()


def _note(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    _noted.places.append(error.start)
    return "", error.end


codecs.register_error(_NOTE, _note)


def why_foreign(raw: bytes, start: int, encoding: str) -> str:
    """What is wrong with a row of such text whose byte at `start` is no UTF-8."""
    if encoding == "utf-8":
        return f"bytes that are no UTF-8 (byte {start + 1} of the row: {raw[start]:#04x})"
    letter = raw[start : start + 3].decode(errors="surrogatepass")
    return f"bytes that are no {encoding} ({ord(letter) & 0xFF:#04x}): is the option `encoding` right?"


def _within(places: Offsets, rows: Rows) -> list[tuple[int, int]]:
    """The places that are in a row, each with the index of its row."""
    found = np.searchsorted(rows.starts, places, side="right") - 1
    inside = (found >= 0) & (places < rows.ends[np.maximum(found, 0)])
    return list(zip(found[inside].tolist(), places[inside].tolist(), strict=True))
