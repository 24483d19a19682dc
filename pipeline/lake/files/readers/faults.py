"""Rows of text that are bad before a cell of them is read: bytes that are no text in the declared encoding."""

from __future__ import annotations

import numpy as np

from pipeline.lake.files.readers.csv_records import Rows
from pipeline.lake.files.readers.csv_text import Flags


def faults(data: bytes, rows: Rows, encoding: str) -> dict[int, str]:
    """By the index of the row, what is wrong with its bytes. `data` was decoded from `encoding` by `TextStream`."""
    found = _foreign_rows(data, rows, encoding)
    if b"\0" in data:
        found.update(dict.fromkeys(_rows_with(np.frombuffer(data, np.uint8) == 0, rows), "a NUL byte"))
    return found


def as_written(raw: bytes, encoding: str) -> bytes:
    """A row of such text with the bytes that did not fit the encoding, which came as halves of surrogate pairs."""
    if encoding == "utf-8" or raw.isascii():
        return raw
    return raw.decode(errors="surrogatepass").encode(errors="surrogateescape")


def _foreign_rows(data: bytes, rows: Rows, encoding: str) -> dict[int, str]:
    if data.isascii():
        return {}
    try:
        data.decode()
    except UnicodeDecodeError:
        pass
    else:
        return {}
    found = {}
    for row in _rows_with(np.frombuffer(data, np.uint8) >= 0x80, rows):
        raw = data[rows.starts[row] : rows.ends[row]]
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            found[row] = why_foreign(raw, error.start, encoding)
    return found


def why_foreign(raw: bytes, start: int, encoding: str) -> str:
    """What is wrong with a row of such text whose byte at `start` is no UTF-8."""
    if encoding == "utf-8":
        return f"bytes that are no UTF-8 (byte {start + 1} of the row: {raw[start]:#04x})"
    letter = raw[start : start + 3].decode(errors="surrogatepass")
    return f"bytes that are no {encoding} ({ord(letter) & 0xFF:#04x}): is the option `encoding` right?"


def _rows_with(marked: Flags, rows: Rows) -> list[int]:
    places = np.flatnonzero(marked)
    found = np.searchsorted(rows.starts, places, side="right") - 1
    inside = (found >= 0) & (places < rows.ends[np.maximum(found, 0)])
    return [int(row) for row in np.unique(found[inside])]
