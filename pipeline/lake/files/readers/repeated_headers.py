"""The header of a table of text once more among its rows: files that were put together have it, written as they do."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.core.errors import BadObject
from pipeline.lake.datasets.names import common_name
from pipeline.lake.files.readers.base import one_array
from pipeline.lake.files.text_bytes import all_bytes, ends_of

Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]

AGAIN = "the header once more"

_LONG = 256
"""Bytes of a name from which on all count as long."""

_PADDING = 8
"""Bytes of spaces, and of what has no width, that may stand around a name."""

_BLANK = np.zeros(256, dtype=bool)
_BLANK[[*b" \t\r\n\xc2\xe2\xef"]] = True
"""First bytes of spaces, and of what has no width: a name may begin so beside its own first letter."""

_FEW = 3
_MISSES = 2
"""Columns from which on a header is known that has other names for some, and at most for how many."""


class RepeatedHeaders:
    """Knows the header: its cells as they stand in the file, None for an empty one.

    A name is the same in other case, with spaces around it, and however its words are parted (`common_name`).
    """

    def __init__(self, header: Sequence[str | None]) -> None:
        self._header = [common_name(cell or "") for cell in header]
        self._names = pa.array(list(dict.fromkeys(self._header)), pa.string())
        self._lengths = np.zeros(_LONG, dtype=bool)
        self._firsts = _BLANK.copy()
        for name in {form for cell in header for form in _forms(cell or "")}:
            size = len(name.encode())
            self._lengths[min(size, _LONG - 1) : size + _PADDING + 1 if size else 1] = True
            self._firsts[[*(name.lower().encode()[:1] + name.upper().encode()[:1])]] = True
        self._misses = min(len(header) // 3, _MISSES) if len(header) >= _FEW else 0

    def find(self, table: pa.Table, lines: Rows, first: int) -> dict[int, str]:
        """The rows that are the header, and why they are none. `lines` are those of the rows, from line `first` on.

        BadObject for the header of another table: the rows behind it have other columns.
        """
        found = {}
        for row in self._likely(table):
            cells = [common_name(column[row].as_py() or "") for column in table.columns]
            if cells == self._header:
                found[row] = AGAIN
            elif len(set(cells)) > 1 and sorted(cells) == sorted(self._header):
                raise BadObject(
                    f"line {first + lines[row]} is the header once more, with the columns in another order",
                    hint="The rows behind it would be misplaced: send them as a file of their own.",
                )
            elif len(set(cells)) == len(cells) and all(cell[:1].isalpha() for cell in cells):
                raise BadObject(
                    f"line {first + lines[row]} looks like another header: most of its cells are names of columns",
                    hint="The rows behind it would be misplaced: send them as a file of their own.",
                )
        return found

    def _likely(self, table: pa.Table) -> list[int]:
        """The rows of whose cells enough are names of columns."""
        columns = [one_array(column) for column in table.columns]
        without = 0
        # Mostly no text has the length of a name in the columns of the longest ones.
        for column in sorted(columns, key=lambda column: -int(column.nbytes)):
            without += not self._may_be_names(column).any()
            if without > self._misses:
                return []
            if without == 0:
                break
        rows = self._passing(columns, np.arange(table.num_rows), self._may_be_names)
        return self._passing(columns, rows, self._are_names).tolist() if len(rows) else []

    def _passing(self, columns: Sequence[pa.Array], rows: Rows, test: Callable[[pa.Array], Flags]) -> Rows:
        """Those of the rows of which no more cells fail than may."""
        misses = np.zeros(len(rows), dtype=np.int64)
        for column in columns:
            misses += ~test(column if len(rows) == len(column) else column.take(pa.array(rows)))
            keep = misses <= self._misses
            rows, misses = rows[keep], misses[keep]
            if not len(rows):
                break
        return rows

    def _may_be_names(self, column: pa.Array) -> Flags:
        """By their length and their first byte alone."""
        ends = ends_of(column)
        found: Flags = self._lengths[np.minimum(np.diff(ends), _LONG - 1)]
        likely = np.flatnonzero(found)
        if len(likely):
            starts = ends[likely]
            filled = ends[likely + 1] > starts
            likely, starts = likely[filled], starts[filled]
            found[likely] = self._firsts[all_bytes(column)[starts]]
        return found

    def _are_names(self, column: pa.Array) -> Flags:
        cells = column.dictionary_encode(null_encoding="encode")
        names = [common_name(cell or "") for cell in cells.dictionary.to_pylist()]
        known = pc.is_in(pa.array(names, pa.string()), self._names).to_numpy(zero_copy_only=False)
        found: Flags = known[cells.indices.to_numpy()]
        return found


def _forms(cell: str) -> Iterator[str]:
    """How a name may be written, as far as it makes a difference to its length and its first letter."""
    for each in (cell, common_name(cell)):
        yield unicodedata.normalize("NFC", each)
        yield unicodedata.normalize("NFD", each)
