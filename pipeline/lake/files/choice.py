"""Some rows of a file, by their places: those that were set aside when it was first read, read anew and no others.

A place is what `_sluice_row` counts. It names a row as long as the file's rows are cut as they were: their number shows
whether they are, so that no row that is in the table already is taken for one that is not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.core.errors import BadObject
from pipeline.lake.files.readers.base import Chunk, Positions


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rows to read. `chosen` and `waiting` (set aside as well, and not wanted now) are sorted and share none.

    `rows` is how many the file had. With `key` a chosen row counts only if no row behind it, which the table has, has
    the same values in these columns: of one key the last row of a file wins.
    """

    chosen: Positions
    waiting: Positions
    rows: int
    key: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RowsElsewhere:
    """Places of chosen rows: `none` are no rows as the file is read now, `overtaken` rows of a key that a later row of
    the file has."""

    none: tuple[int, ...] = ()
    overtaken: tuple[int, ...] = ()


class Chooser:
    """Takes the chunks of one reading in the order of the file."""

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        self._rows = 0
        self._known: Positions = np.concatenate([choice.chosen, choice.waiting])
        self._met: list[Positions] = []
        self._places = choice.chosen[:0]
        self._keys = pa.array([], pa.string())
        self._overtaken: set[int] = set()

    def of(self, chunk: Chunk) -> Chunk:
        """The chosen rows of a chunk, good and bad; how many of their values became null is not known."""
        choice = self._choice
        bad = np.array([row.line for row in chunk.bad], dtype=np.int64)
        self._rows += len(chunk.positions) + len(bad)
        self._met += [places[np.isin(places, self._known)] for places in (chunk.positions, bad)]
        mine = np.isin(chunk.positions, choice.chosen)
        if choice.key:
            self._overtake(chunk, mine)
        if not mine.any():
            table, positions = chunk.table.slice(0, 0), chunk.positions[:0]
        else:
            table, positions = chunk.table.filter(pa.array(mine)), chunk.positions[mine]
        kept = np.isin(bad, choice.chosen)
        return Chunk(table, positions, [row for row, keep in zip(chunk.bad, kept, strict=True) if keep])

    def elsewhere(self) -> RowsElsewhere:
        """After the last chunk. `BadObject` if the file's rows are not those that it had."""
        choice = self._choice
        missing = np.setdiff1d(self._known, np.concatenate([*self._met, self._known[:0]]))
        if self._rows + len(missing) != choice.rows:
            raise BadObject(
                f"the definition reads {self._rows:,} rows where it read {choice.rows:,} when the file was loaded, so "
                "that a row's place does not tell any more which one it is",
                hint="Take back what changed in how files are written (format, encoding, header, quotes, records, …), "
                "or drop the rows, mended, as a file of another name: quarantine.team.dataset has them as `raw`.",
            )
        return RowsElsewhere(tuple(np.intersect1d(missing, choice.chosen).tolist()), tuple(sorted(self._overtaken)))

    def _overtake(self, chunk: Chunk, mine: NDArray[np.bool_]) -> None:
        """Note earlier chosen rows whose key a row of this chunk has that is in the table."""
        keys = _keys(chunk.table, self._choice.key)
        if keys is None:
            return
        if mine.any():
            self._places = np.concatenate([self._places, chunk.positions[mine]])
            self._keys = pa.concat_arrays([self._keys, keys.filter(pa.array(mine))])
        loaded = pa.array(~mine & ~np.isin(chunk.positions, self._choice.waiting))
        hit = pc.and_(loaded, pc.is_in(keys, value_set=self._keys))
        if not pc.any(hit).as_py():
            return
        last = dict(zip(keys.filter(hit).to_pylist(), chunk.positions[_mask(hit)].tolist(), strict=True))
        for index in np.flatnonzero(_mask(pc.is_in(self._keys, value_set=pa.array(list(last), pa.string())))).tolist():
            if self._places[index] < last[self._keys[index].as_py()]:
                self._overtaken.add(int(self._places[index]))


def _mask(values: pa.Array) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = values.to_numpy(zero_copy_only=False)
    return found


def _keys(table: pa.Table, columns: tuple[str, ...]) -> pa.Array | None:
    """The key of each row as one text; None where the file lacks a column of it, so that every key is null."""
    if any(name not in table.column_names for name in columns):
        return None
    parts = [pc.cast(table.column(name).combine_chunks(), pa.string()) for name in columns]
    # The length before each part: no two keys make one text.
    texts = [pc.binary_join_element_wise(pc.cast(pc.binary_length(part), pa.string()), part, ":") for part in parts]
    joined = pc.binary_join_element_wise(*texts, ";") if len(texts) > 1 else texts[0]
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined
