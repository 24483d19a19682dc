"""Where records of a CSV text begin and end, by RFC 4180: no values here, only positions.

Two ways, which agree. Where quotes stand only around whole cells, counting them tells every position, a block at a
time. Anything else (a quote inside a bare cell, text after a closing quote, lone carriage returns) is scanned record
by record: the extent of a record is then what Python's csv module makes of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Offsets = NDArray[np.int64]
_NEWLINE, _RETURN, _QUOTE = 10, 13, 34


@dataclass(frozen=True, slots=True)
class Record:
    """`data[start:end]` without its line end; `line` is how many lines after the block's first it starts."""

    start: int
    end: int
    line: int
    cells: int
    problem: str | None


@dataclass(frozen=True, slots=True)
class Layout:
    """Of a block: where the last whole record ends, and whether quotes and line ends are as the fast way needs them."""

    end: int
    tidy: bool
    unterminated: bool = False


def count_lines(data: bytes) -> int:
    """Line ends of any kind: LF, CRLF, CR."""
    newlines = data.count(b"\n")
    returns = data.count(b"\r")
    return newlines + returns - (data.count(b"\r\n") if returns else 0)


class Scanner:
    """Knows the delimiter."""

    def __init__(self, delimiter: bytes) -> None:
        self.delimiter = delimiter
        mark = re.escape(delimiter)
        # Possessive repeats: a record of 10 MB must not backtrack.
        self._quoted = re.compile(rb'"(?:[^"]++|"")*+"', re.DOTALL)
        self._bare = re.compile(rb"[^" + mark + rb"\r\n]*+")
        self._line_end = re.compile(rb"\r\n|\n|\r")
        cell = rb'(?:"(?:[^"]++|"")*+"|[^"' + mark + rb"\r\n][^" + mark + rb"\r\n]*+|)"
        self._well_formed = re.compile(cell + rb"(?:" + mark + cell + rb")*+(\r\n|\n|\r|\Z)", re.DOTALL)
        self._cell = re.compile(mark + cell, re.DOTALL)

    def layout(self, data: bytes, final: bool) -> Layout:
        """Find the last record that is whole; with `final` the rest of the data is a record too."""
        if not _has_lone_return(data, final):
            quotes = _offsets(data, _QUOTE) if b'"' in data else None
            end = len(data) if final else _last_outside(data, quotes)
            misplaced = len(data) if quotes is None else self._first_misplaced(data, quotes)
            # A misplaced quote turns inside and outside round behind it: nothing found there counts.
            if misplaced == len(data) or 0 < end <= misplaced:
                odd = quotes is not None and final and len(quotes) % 2 == 1
                return Layout(end, tidy=not odd, unterminated=odd)
        return self._scan_layout(data, final)

    def bounds(self, data: bytes) -> tuple[Offsets, Offsets, Offsets]:
        """Start, end and line of each record of tidy data, blank lines left out."""
        newlines = _offsets(data, _NEWLINE)
        ends = newlines
        if b'"' in data:
            ends = newlines[np.searchsorted(_offsets(data, _QUOTE), newlines) % 2 == 0]
        if not data.endswith(b"\n"):
            ends = np.append(ends, len(data))
        starts = np.concatenate(([0], ends[:-1] + 1)).astype(np.int64) if len(ends) else ends
        buffer = np.frombuffer(data, np.uint8)
        returns = (ends > starts) & (buffer[np.maximum(ends - 1, 0)] == _RETURN)
        ends = ends - returns
        lines = np.searchsorted(newlines, starts)
        filled = ends > starts
        return starts[filled], ends[filled], lines[filled]

    def records(self, data: bytes) -> Iterator[Record]:
        """Every record of data that holds whole records, blank lines left out; `problem` where quotes are misplaced."""
        position, line = 0, 0
        while position < len(data):
            end, after, cells, problem = self._record(data, position)
            if end > position:
                yield Record(position, end, line, cells, problem)
            line += count_lines(data[position:after])
            position = after

    def _record(self, data: bytes, start: int) -> tuple[int, int, int, str | None]:
        """End without and with line end, number of cells, problem. An open quote runs to the end of the data."""
        if found := self._well_formed.match(data, start):
            end = found.start(1)
            row = data[start:end]
            cells = len(self._cell.findall(self.delimiter + row)) if b'"' in row else row.count(self.delimiter) + 1
            return end, found.end(), cells, None
        return self._odd_record(data, start)

    def _odd_record(self, data: bytes, start: int) -> tuple[int, int, int, str | None]:
        position, cells, problem = start, 0, None
        while True:
            cells += 1
            if data[position : position + 1] == b'"':
                quoted = self._quoted.match(data, position)
                if not quoted:
                    return len(data), len(data), cells, "a quote is opened and never closed"
                position = self._bare.match(data, quoted.end()).end()  # type: ignore[union-attr]
                if position > quoted.end():
                    problem = f"cell {cells} goes on after its closing quote"
            else:
                position = self._bare.match(data, position).end()  # type: ignore[union-attr]
            if data[position : position + 1] != self.delimiter:
                break
            position += 1
        line_end = self._line_end.match(data, position)
        return position, line_end.end() if line_end else position, cells, problem

    def _scan_layout(self, data: bytes, final: bool) -> Layout:
        position = 0
        while position < len(data):
            end, after, _, problem = self._record(data, position)
            # A carriage return that ends the data may be half of CRLF.
            whole = after > end and not (after == len(data) and data.endswith(b"\r"))
            if final and problem and end == after == len(data) and problem.startswith("a quote is opened"):
                return Layout(position, tidy=False, unterminated=True)
            if not (whole or final):
                break
            position = after
        return Layout(position, tidy=False)

    def _first_misplaced(self, data: bytes, quotes: Offsets) -> int:
        """The first quote that opens within a cell or closes before its end, or the length of the data.

        A doubled quote inside a cell counts as closing and opening again.
        """
        buffer = np.frombuffer(data, np.uint8)
        allowed = (_QUOTE, _NEWLINE, self.delimiter[0])
        opening, closing = quotes[0::2], quotes[1::2]
        opening = opening[opening > 0]
        closing = closing[closing < len(data) - 1]
        wrong_opening = opening[~_among(buffer[opening - 1], allowed)]
        wrong_closing = closing[~_among(buffer[closing + 1], (*allowed, _RETURN))]
        return min(int(wrong[0]) if len(wrong) else len(data) for wrong in (wrong_opening, wrong_closing))


def _among(values: NDArray[np.uint8], allowed: tuple[int, ...]) -> NDArray[np.bool_]:
    return np.isin(values, np.array(allowed, dtype=np.uint8))


def _offsets(data: bytes, byte: int) -> Offsets:
    return np.flatnonzero(np.frombuffer(data, np.uint8) == byte)


def _has_lone_return(data: bytes, final: bool) -> bool:
    if b"\r" not in data:
        return False
    half = 0 if final else int(data.endswith(b"\r"))
    return data.count(b"\r") - half != data.count(b"\r\n")


def _last_outside(data: bytes, quotes: Offsets | None) -> int:
    """The offset after the last newline that no quote encloses, 0 if there is none."""
    if quotes is None:
        return data.rfind(b"\n") + 1
    end = len(data)
    while (newline := data.rfind(b"\n", 0, end)) >= 0:
        if np.searchsorted(quotes, newline) % 2 == 0:
            return newline + 1
        # Every newline back to the opening quote lies in the same cell.
        end = int(quotes[np.searchsorted(quotes, newline) - 1])
    return 0
