"""Rows of a table of text that are no data: the header once more, nothing but delimiters, a total, another table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from threading import Lock

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.core.errors import BadObject
from pipeline.lake.files.readers.csv_records import count_lines
from pipeline.lake.files.readers.repeated_headers import RepeatedHeaders
from pipeline.lake.files.remarks import GROUP_AFTER, GROUP_BEFORE, SUMS, is_figure
from pipeline.lake.files.text_bytes import content

EMPTY = "no cell of the row has a value"
_DRAWN = "a line that is drawn, and no data"
_TOTAL = "it looks like a total of other rows; if the file ends with such lines, the option `skip_footer` skips them"
_SUM_WORDS = pa.array(
    form + mark
    for word in SUMS
    for form in dict.fromkeys((word, word.capitalize(), word.title(), word.upper()))
    for mark in ("", ":")
)
_SUBTOTALS = (
    *((pattern, pc.ends_with) for pattern in GROUP_AFTER),
    *((pattern, pc.starts_with) for pattern in GROUP_BEFORE),
)

_AROUND = 2
"""Rows of a block's edge that tell whether the header of a second table stands there."""

_DRAWING = "-=_*"
_RULE = r"^(?:-{3,}|={3,}|_{3,}|\*{3,})$"

_NAME = r"^\s*[\p{L}_][\p{L}\p{N}_ .()/%€$-]*$"


@dataclass(frozen=True, slots=True)
class Passage:
    """Rows that follow each other, but for those without a value, and the lines of the file on which they start.

    `after` are the indexes of rows behind one that is no data; the number of rows itself is in it for what comes next.
    """

    rows: pa.Table
    lines: NDArray[np.int64]
    after: frozenset[int]

    def edge(self, start: int, count: int | None = None) -> Passage:
        """So many rows from the first on, or the last ones for a negative start."""
        start = max(len(self.lines) + start, 0) if start < 0 else start
        stop = len(self.lines) if count is None else min(start + count, len(self.lines))
        after = frozenset(row - start for row in self.after if start <= row <= stop)
        return Passage(self.rows.slice(start, stop - start), self.lines[start:stop], after)

    def joined(self, following: Passage) -> Passage:
        """These rows and those."""
        count = len(self.lines)
        return Passage(
            pa.concat_tables([self.rows, following.rows]),
            np.concatenate([self.lines, following.lines]),
            self.after | {count + row for row in following.after},
        )


@dataclass(frozen=True, slots=True)
class Found:
    """Of a block: the rows that are no data and why, by their index, and its first and last rows."""

    strays: dict[int, str]
    head: Passage
    tail: Passage


class Strays:
    """Knows the header: its cells as they stand in the file, None for an empty one.

    With `trim`, spaces around cells mean nothing.
    """

    def __init__(self, header: Sequence[str | None], trim: bool = False) -> None:
        self._trim = trim
        self._headers = RepeatedHeaders(header)

    def find(self, table: pa.Table, lines: NDArray[np.int64], first: int) -> Found:
        """Rows of a table of text that are no data, and why each is none.

        `lines` are those of the rows, counted from line `first` of the file. BadObject for the header
        of another table: the rows behind it have other columns.
        """
        found: dict[int, str] = {}
        if table.num_rows and table.num_columns:
            found.update(self._headers.find(table, lines, first))
            found.update(dict.fromkeys(_rules(table), _DRAWN))
        nulls = [column.null_count for column in table.columns]
        if self._trim or (all(nulls) and nulls):
            found.update(dict.fromkeys(self._empty(table), EMPTY))
        if any(nulls) and len(nulls) > 1:
            found.update(dict.fromkeys(_totals(table), _TOTAL))
        passage = _passage(table, first + lines, found)
        if (table.num_rows and lines[-1] - lines[0] >= table.num_rows) or found:
            refuse_second_table(passage)
        return Found(found, passage.edge(0, _AROUND), passage.edge(-_AROUND))

    def _empty(self, table: pa.Table) -> list[int]:
        if self._trim:
            return _rows_of(table, lambda column: pc.equal(pc.fill_null(self._trimmed(column), ""), ""))
        first = sorted(table.columns, key=lambda column: int(column.null_count))
        return _rows_of(pa.table(first, names=table.column_names), lambda column: column.is_null())

    def _trimmed(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        return pc.utf8_trim_whitespace(column) if self._trim else column


class SecondTables:
    """Looks for the header of a second table where one block ends and the next begins, in the order of the file."""

    def __init__(self) -> None:
        self._before: Passage | None = None

    def follow(self, found: Found) -> None:
        """BadObject for such a header among the last rows before the block and its first."""
        before = self._before
        around = before.joined(found.head) if before else found.head
        refuse_second_table(around)
        self._before = found.tail if len(found.tail.lines) == _AROUND else around.edge(-_AROUND)


class StrayWatch:
    """What threads find in blocks, kept until the blocks are settled in the order of the file."""

    def __init__(self) -> None:
        self._second_tables = SecondTables()
        self._found: dict[int, Found] = {}
        self._lock = Lock()

    def note(self, first: int, found: Found) -> dict[int, str]:
        """Keep what was found in the block that starts with that line; the rows that are no data."""
        with self._lock:
            self._found[first] = found
        return found.strays

    def settle(self, first: int) -> None:
        """BadObject for a second table that is seen only with the blocks before; see `SecondTables.follow`."""
        self._second_tables.follow(self._found.pop(first))


def refuse_second_table(passage: Passage) -> None:
    """After blank lines, or rows that are no data, a row of names between rows that have figures is a header.

    The figures are in one column, or the names have no digits: codes such as A77 may stand among words.
    """
    table, lines = passage.rows, passage.lines
    gaps = set((np.flatnonzero(np.diff(lines) > 1) + 1).tolist())
    likely = {row for row in gaps | passage.after if 0 < row < table.num_rows - 1}
    for row in _named(table, sorted(likely)):
        apart = row in passage.after or lines[row] - lines[row - 1] > _height(table, row - 1)
        if apart and _is_header(table, row):
            raise BadObject(
                f"line {lines[row]} looks like the header of a second table",
                hint="Send each table as a file of its own; `skip_footer` skips lines at the end of a file.",
            )


def _passage(table: pa.Table, lines: NDArray[np.int64], strays: Mapping[int, str]) -> Passage:
    """The rows of a block that say something; header lines are told apart by their cells alone."""
    empty = sorted(row for row, reason in strays.items() if reason == EMPTY)
    totals = [row for row, reason in strays.items() if reason == _TOTAL]
    keep = np.ones(table.num_rows, dtype=bool)
    keep[empty] = False
    solid = np.flatnonzero(keep)
    after = {*np.searchsorted(solid, empty).tolist(), *(np.searchsorted(solid, totals) + 1).tolist()}
    return Passage(table.filter(pa.array(keep)) if empty else table, lines[keep], frozenset(after))


def _named(table: pa.Table, rows: Sequence[int]) -> list[int]:
    """Those of the rows whose every cell may be a name."""
    if not rows:
        return []
    places = pa.array(rows, pa.int64())
    some = pa.table({str(place): column.take(places) for place, column in enumerate(table.columns)})
    found = _rows_of(some, lambda column: pc.fill_null(pc.match_substring_regex(column, _NAME), False))
    return [rows[row] for row in found]


def _is_header(table: pa.Table, row: int) -> bool:
    names = _row(table, row)
    if len(set(names)) < table.num_columns:
        return False
    above, below = ([is_figure(cell) for cell in _row(table, each)] for each in (row - 1, row + 1))
    alike = any(one and other for one, other in zip(above, below, strict=True))
    has_codes = any(character.isdigit() for name in names for character in name or "")
    return alike or (any(above) and any(below) and not has_codes)


def _height(table: pa.Table, row: int) -> int:
    """How many lines the row takes."""
    return 1 + count_lines("\0".join(cell or "" for cell in _row(table, row)).encode() + b"\0")


def _row(table: pa.Table, row: int) -> list[str | None]:
    return [column[row].as_py() for column in table.columns]


def _rows_of(
    table: pa.Table, test: Callable[[pa.ChunkedArray], pa.ChunkedArray], likely: NDArray[np.int64] | None = None
) -> list[int]:
    """The rows, or those of the `likely` ones, whose every cell passes."""
    rows = np.arange(table.num_rows) if likely is None else likely
    for column in table.columns:
        values = column if len(rows) == table.num_rows else column.take(pa.array(rows))
        rows = rows[test(values).to_numpy()]
        if not len(rows):
            break
    return rows.tolist() if table.num_columns else []


def _rules(table: pa.Table) -> list[int]:
    """Rows whose every cell is a line of dashes or the like, as listings draw it below each header."""
    first = table.column(0)
    data = b"".join(content(chunk).tobytes() for chunk in first.chunks)
    if not any(sign in data and sign * 3 in data for sign in map(str.encode, _DRAWING)):
        return []
    drawn = [pc.fill_null(pc.starts_with(first, pattern=sign * 3), False) for sign in _DRAWING]
    likely = np.flatnonzero(reduce(pc.or_, drawn).to_numpy())
    if not len(likely) or table.num_columns < 2:
        return []
    return _rows_of(table, lambda column: pc.fill_null(pc.match_substring_regex(column, _RULE), False), likely)


def _totals(table: pa.Table) -> list[int]:
    gaps = np.zeros(table.num_rows, dtype=bool)
    for column in table.columns:
        if column.null_count:
            gaps |= column.is_null().to_numpy()
    rows = np.flatnonzero(gaps)
    labels = _labels(table, rows)
    summing = pc.is_in(labels, _SUM_WORDS)
    for pattern, test in _SUBTOTALS:
        summing = pc.or_(summing, pc.fill_null(test(labels, pattern=pattern), False))
    likely = rows[summing.to_numpy()]
    return [row for row in likely.tolist() if _is_total(_row(table, row))]


def _labels(table: pa.Table, rows: NDArray[np.int64]) -> pa.ChunkedArray:
    """The first cell of each of the rows that has a value."""
    taken = pa.array(rows)
    labels = table.column(0).take(taken)
    for column in table.columns[1:]:
        if not labels.null_count:
            break
        labels = pc.coalesce(labels, column.take(taken))
    return labels


def _is_total(cells: Sequence[str | None]) -> bool:
    filled = [cell for cell in cells if cell is not None]
    return 1 < len(filled) < len(cells) and all(is_figure(cell) for cell in filled[1:])
