"""Where records of a CSV text begin and end, by RFC 4180 and its dialects: no values here, only positions.

Where quotes stand only around whole cells, counting them tells every position, a block at a time. Where one does not,
each line is looked at by itself, and only a record with such a quote, or of several lines, is scanned character by
character. The extent of a record is what Python's csv module makes of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from pipeline.lake.files.byte_places import count_of
from pipeline.lake.files.readers.csv_dialect import Dialect
from pipeline.lake.files.readers.csv_text import CsvText, Flags, Offsets

_LINE_FEED = 10
_NEVER_CLOSED = "a quote is opened and never closed"


@dataclass(frozen=True, slots=True)
class Record:
    """`data[start:end]` without its line end, which ends before `after`."""

    start: int
    end: int
    after: int
    cells: int
    problem: str | None


@dataclass(frozen=True, slots=True)
class Rows:
    """Records that are not blank: where each starts and ends, how many lines after the block's first it starts.

    `problems` are those of records whose quotes are misplaced, by their index; None stands for a comment.
    """

    starts: Offsets
    ends: Offsets
    lines: Offsets
    problems: dict[int, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layout:
    """Of a block: where the last whole record ends, and its records where they had to be found for that.

    `unterminated` is the offset of a record whose quote is never closed.
    """

    end: int
    rows: Rows | None = None
    unterminated: int | None = None


class Scanner:
    """Knows the dialect, of which it learns from the first line how lines end where that matters."""

    def __init__(self, dialect: Dialect) -> None:
        self._is_learnt = not dialect.escape
        self._take(dialect)

    def _take(self, dialect: Dialect) -> None:
        self.dialect = dialect
        mark, quote = re.escape(dialect.delimiter), re.escape(dialect.quote)
        pair = rb"\r\n|" if dialect.pairs_lines else b""
        slash, escaped = (rb"\\", rb"|\\(?:" + pair + rb".|\Z)") if dialect.escape else (b"", b"")
        # Possessive repeats: a record of 10 MB must not backtrack.
        bare = cell = rb"(?:[^" + mark + slash + rb"\r\n]++" + escaped + rb")*+"
        if quote:
            quoted = quote + rb"(?:[^" + quote + slash + rb"]++" + escaped + rb"|" + quote * 2 + rb")*+" + quote
            self._quoted = re.compile(quoted, re.DOTALL)
            cell = rb"(?:" + quoted + rb"|(?!" + quote + rb")" + bare + rb")"
        self._bare = re.compile(bare, re.DOTALL)
        self._line_end = re.compile(rb"\r\n|\n|\r")
        self._well_formed = re.compile(cell + rb"(?:" + mark + cell + rb")*+(\r\n|\n|\r|\Z)", re.DOTALL)
        self._cell = re.compile(mark + cell, re.DOTALL)

    def layout(self, data: bytes, final: bool) -> Layout:
        """Find the last record that is whole; with `final` the rest of the data is a record too."""
        if not (self._is_learnt or self._learn(data, final)):
            return Layout(0)
        text = CsvText(data, self.dialect)
        if self._has_comment(data) or _has_lone_return(data, final):
            return self._layout_by_line(text, final)
        if text.quotes is not None and not text.are_placed(text.quotes):
            return self._layout_by_line(text, final)
        if not final:
            return Layout(_last_outside(text))
        if text.quotes is not None and len(text.quotes) % 2:
            return self._layout_by_line(text, final)
        return Layout(len(data))

    def _learn(self, data: bytes, final: bool) -> bool:
        """How the first line ends; whether there was enough of it to see that."""
        record = self.record(data, 0)
        line_end = data[record.end : record.after]
        if not final and (not line_end or record.after == len(data)):
            return False
        self._is_learnt = True
        if line_end != b"\r\n":
            self._take(replace(self.dialect, pairs_lines=False))
        return True

    def rows(self, data: bytes) -> Rows:
        """The records of data of whole ones, whose layout needed no look at them."""
        text = CsvText(data, self.dialect)
        ends = text.newlines
        if text.quotes is not None:
            ends = ends[np.searchsorted(text.quotes, ends) % 2 == 0]
        stops, nexts = text.closed(ends, final=True)
        starts = _starts(nexts)
        filled = stops > starts
        starts, stops = starts[filled], stops[filled]
        return Rows(starts, stops, text.line_numbers(starts))

    def record(self, data: bytes, start: int) -> Record:
        """The record that starts there. An open quote runs to the end of the data."""
        if found := self._well_formed.match(data, start):
            end = found.start(1)
            cells = len(self._cell.findall(self.dialect.delimiter + data[start:end]))
            return Record(start, end, found.end(), cells, None)
        return self._odd_record(data, start)

    def records(self, data: bytes) -> Iterator[Record]:
        """Each record in order, blank lines and comments left out."""
        position = 0
        while position < len(data):
            if self._is_comment(data, position):
                position = self.after(data, position)
                continue
            record = self.record(data, position)
            if record.end > position:
                yield record
            position = record.after

    def after(self, data: bytes, start: int) -> int:
        """Where the record or comment that starts there is over."""
        if self._is_comment(data, start):
            found = self._line_end.search(data, start)
            return found.end() if found else len(data)
        return self.record(data, start).after

    def _is_comment(self, data: bytes, start: int) -> bool:
        return bool(self.dialect.comment) and data.startswith(self.dialect.comment, start)

    def _odd_record(self, data: bytes, start: int) -> Record:
        position, cells, problem = start, 0, None
        quote, delimiter = self.dialect.quote, self.dialect.delimiter
        while True:
            cells += 1
            if quote and data[position : position + 1] == quote:
                quoted = self._quoted.match(data, position)
                if not quoted:
                    return Record(start, len(data), len(data), cells, _NEVER_CLOSED)
                position = self._bare.match(data, quoted.end()).end()  # type: ignore[union-attr]
                if position > quoted.end():
                    problem = f"cell {cells} goes on after its closing quote"
            else:
                position = self._bare.match(data, position).end()  # type: ignore[union-attr]
            if data[position : position + 1] != delimiter:
                break
            position += 1
        line_end = self._line_end.match(data, position)
        return Record(start, position, line_end.end() if line_end else position, cells, problem)

    def _layout_by_line(self, text: CsvText, final: bool) -> Layout:
        stops, nexts = text.lines(final)
        starts = _starts(nexts)
        end = int(nexts[-1]) if len(nexts) else 0
        keep = np.ones(len(starts), dtype=bool)
        odd = text.odd_lines(starts, stops)
        problems: dict[int, str | None] = {}
        if self._has_comment(text.data):
            comments = text.starting_with(self.dialect.comment, starts)
            problems.update(dict.fromkeys(comments.tolist()))
            odd[comments] = False
        consumed = 0
        for line in np.flatnonzero(odd).tolist():
            start = int(starts[line])
            if start < consumed:
                continue
            record = self.record(text.data, start)
            if record.problem == _NEVER_CLOSED or record.after > end:
                rows = _rows(text, starts[:line], stops[:line], keep[:line], problems)
                return Layout(start, rows, start if final else None)
            consumed = record.after
            stops[line] = record.end
            keep[line + 1 : int(np.searchsorted(nexts, consumed)) + 1] = False
            if record.problem:
                problems[line] = record.problem
        return Layout(end, _rows(text, starts, stops, keep, problems))

    def _has_comment(self, data: bytes) -> bool:
        comment = self.dialect.comment
        return bool(comment) and (data.startswith(comment) or b"\n" + comment in data or b"\r" + comment in data)


def count_lines(data: bytes) -> int:
    """Line ends of any kind: LF, CRLF, CR."""
    newlines = count_of(np.frombuffer(data, np.uint8), _LINE_FEED)
    return newlines + data.count(b"\r") - data.count(b"\r\n") if b"\r" in data else newlines


def _starts(nexts: Offsets) -> Offsets:
    return np.concatenate((np.zeros(1, dtype=np.int64), nexts[:-1])) if len(nexts) else nexts


def _rows(text: CsvText, starts: Offsets, stops: Offsets, keep: Flags, problems: dict[int, str | None]) -> Rows:
    """Of lines those that begin a record, blank ones left out."""
    lines = np.flatnonzero(keep & (stops > starts))
    index = {int(line): place for place, line in enumerate(lines)} if problems else {}
    found = {index[line]: problem for line, problem in sorted(problems.items()) if line in index}
    starts = starts[lines]
    return Rows(starts, stops[lines], lines if text.escaped is None else text.line_numbers(starts), found)


def _has_lone_return(data: bytes, final: bool) -> bool:
    if b"\r" not in data:
        return False
    half = 0 if final else int(data.endswith(b"\r"))
    return data.count(b"\r") - half != data.count(b"\r\n")


def _last_outside(text: CsvText) -> int:
    """The offset after the last newline that no quote encloses and no backslash escapes, 0 if there is none."""
    end = len(text.data)
    while (newline := text.data.rfind(b"\n", 0, end)) >= 0:
        before = 0 if text.quotes is None else int(np.searchsorted(text.quotes, newline))
        if text.quotes is not None and before % 2:
            # Every newline back to the opening quote lies in the same cell.
            end = int(text.quotes[before - 1])
        elif text.escaped is not None and text.escaped[newline]:
            end = newline
        else:
            return newline + 1
    return 0
