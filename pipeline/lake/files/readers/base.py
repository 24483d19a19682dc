"""What every file format does: cut the text into blocks of whole rows, and make columns of a block.

A format is a `Reader`. `parse` runs in several threads at once and knows nothing of other blocks; `settle` runs in the
order of the file and may. A format whose schema depends on its rows changes `schema` as it learns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.core.errors import Inconsistent
from pipeline.lake.datasets import Column, StageA
from pipeline.lake.datasets.types import Primitive, Type, parse_type
from pipeline.lake.files.casts import BadValue, Mismatch, cast_column, cast_text
from pipeline.lake.files.forms import Form, form_of
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.source import Source
from pipeline.lake.files.tolerance import BadValues, Tolerance, Where

Positions = NDArray[np.int64]
RawRow = Callable[[int], bytes]
"""The source bytes of the row of that index."""

NOTHING: Mapping[str, BadValues] = {}

SEND_COLUMNS = (
    "Send the columns, or mark them optional in the dataset's definition; of one that was renamed, say its name by "
    "`from`."
)
"""What to do about a file that lacks columns."""

NO_FOOTER = (
    "it is among the last records, which the option `skip_footer` skips, and looks like a row of data: has this file a "
    "shorter footer, or none?"
)
"""Why a record of a footer is a bad row and not skipped."""


@dataclass(frozen=True, slots=True)
class Block:
    """Whole rows. `first` is the source line of the first byte, or the number of the first record of an array.

    `records` are the rows where the format had to find them anyway.
    """

    data: bytes
    first: int
    records: Sequence[bytes] | None = None


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that does not reach the table. `line` is its position as `_sluice_row` counts them.

    `reason` is kept with the row and may quote it. `told` is what others may read: it quotes nothing.
    """

    line: int
    reason: str
    raw: str
    told: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Good rows under their safe names, the position of each (a table without columns has rows too), and bad rows.

    `nulled` counts, by column, the values of good rows that became null because their column cannot hold them.
    """

    table: pa.Table
    positions: Positions
    bad: list[BadRow] = field(default_factory=list)
    nulled: Mapping[str, int] = field(default_factory=dict)


class Recut(Exception):
    """A file was cut at a wrong place, as none but its rows could tell: a reader that is `careful` has to read it."""


class Reader(ABC):
    """One file being read. `careful` is to be set before."""

    rereads: ClassVar[bool] = False
    """Whether rows may change the schema of rows before them, so that the file may have to be read again."""

    def __init__(self, source: Source, settings: StageA, contract: Mapping[str, Column], limits: Limits) -> None:
        self.source = source
        self.settings = settings
        self.columns = contract
        self.contract: dict[str, Type] = {name: parse_type(column.type) for name, column in contract.items()}
        self.optional = frozenset(name for name, column in contract.items() if column.optional)
        self.forms: dict[str, Form] = {name: form_of(settings, column) for name, column in contract.items()}
        self._new_form = form_of(settings)
        self.limits = limits
        self.tolerance = Tolerance.of(settings, contract)
        self.where = Where("", {})
        self.careful = False

    def conform(
        self, table: pa.Table, positions: Positions, raw: RawRow, cast: Mapping[str, BadValues] = NOTHING
    ) -> Chunk:
        """Make of text what the dataset says: every block of every format ends with this, under the table's names.

        `raw` is asked for rows that are bad only. `cast` has the columns that are of the contract's types already, and
        what of each was not: those values are null.
        """
        table, as_read = self._cast_all(table, cast)
        found = self.bad_values(as_read, raw)
        table = self.tolerance.rescue(table, positions, found, self.where)
        bad = self.tolerance.bad_rows(table, found)
        nulled = self.tolerance.nulled(found, bad)
        if not bad:
            return Chunk(table, positions, nulled=nulled)
        keep = np.ones(len(positions), dtype=bool)
        keep[list(bad)] = False
        rows = [_bad_row(int(positions[row]), values, raw(row)) for row, values in sorted(bad.items())]
        return Chunk(table.filter(pa.array(keep)), positions[keep], rows, nulled)

    def misfits(self, table: pa.Table, cast: Mapping[str, BadValues] = NOTHING) -> Collection[int]:
        """The rows that the contract does not take, whatever becomes of bad values; see `conform`."""
        table, found = self._cast_all(table, cast)
        return replace(self.tolerance, bad_value="quarantine").bad_rows(table, found).keys()

    def bad_values(self, found: Mapping[str, BadValues], raw: RawRow) -> Mapping[str, BadValues]:
        """The same bad values as the file writes them, for a format that had them rewritten to read them."""
        return found

    def conform_good(self, table: pa.Table, positions: Positions) -> Chunk:
        """The same for rows of which `cast` took every value of the contract's columns."""
        return Chunk(self.tolerance.rescue(self._read_new(table), positions, {}, self.where), positions)

    def call(self, headers: Mapping[str, str]) -> None:
        """Say what the file calls the columns, by their names in the table."""
        self.where = replace(self.where, headers=headers)

    def table_schema(self) -> Mapping[str, Type]:
        """The columns of the table as far as they are known: `schema`, and what the dataset makes of it."""
        return self.tolerance.schema(self.schema())

    def _cast_all(self, table: pa.Table, cast: Mapping[str, BadValues]) -> tuple[pa.Table, dict[str, BadValues]]:
        found: dict[str, BadValues] = {}
        for index, name in enumerate(table.column_names):
            if name in cast:
                found[name] = cast[name]
            elif name in self.contract:
                column, found[name] = cast_text(one_array(table.column(index)), self.contract[name], self.forms[name])
                table = table.set_column(index, pa.field(name, column.type), column)
        return self._read_new(table), found

    def _read_new(self, table: pa.Table) -> pa.Table:
        """With the null words and without the spaces that the dataset names, in text of columns that it does not."""
        form = self._new_form
        if form.trim or (form.null_text and form.null_values):
            for index, part in enumerate(table.schema):
                if part.name not in self.contract and pa.types.is_string(part.type):
                    column = cast_column(one_array(table.column(index)), Primitive.STRING, form)
                    table = table.set_column(index, part, column)
        return table

    def cast(self, column: pa.Array, name: str) -> pa.Array:
        """The values of a column of the contract at once; `casts.Mismatch` where `conform` has to look at each."""
        values = cast_column(column, self.contract[name], self.forms[name])
        if values.null_count and name in self.tolerance.required:
            raise Mismatch
        return values

    @abstractmethod
    def blocks(self) -> Iterator[Block]:
        """The file, cut. BadObject where it cannot be read on."""

    @abstractmethod
    def parse(self, block: Block) -> Chunk | None:
        """The rows of a block, or None where only `settle` can tell."""

    @abstractmethod
    def settle(self, block: Block, parsed: Chunk | None) -> Sequence[Chunk]:
        """Finish a block; blocks come in the order of the file."""

    @abstractmethod
    def schema(self) -> Mapping[str, Type]:
        """The columns as far as they are known, in order, the contract's missing ones at the end."""

    def notes(self) -> Mapping[str, str]:
        """What the file says of its columns, for the metadata of the Parquet file; after `finish`."""
        return {}

    def read_again(self, source: Source) -> None:
        """Start over with a second reading of the same bytes, with the schema that is complete now."""
        raise Inconsistent(f"the schema of a {self.settings.format} file changed while it was read")

    @abstractmethod
    def finish(self) -> None:
        """After the last block: BadObject if the file as a whole is not what the dataset says."""


def line_of(count: int, first: int) -> Positions:
    """Positions of rows that follow each other."""
    return np.arange(first, first + count, dtype=np.int64)


def decode_raw(raw: bytes) -> str:
    """The text of a row, bytes that are no UTF-8 as \\xNN."""
    return raw.decode(errors="backslashreplace")


def _bad_row(position: int, values: Sequence[tuple[str, BadValue]], raw: bytes) -> BadRow:
    reason = "; ".join(f"column {name}: {value.quoted} {value.why}" for name, value in values)
    told = "; ".join(f"column {name}: a value {value.why}" for name, value in values)
    return BadRow(position, reason, decode_raw(raw), told)


def declared_of(names: Collection[str], contract: Collection[str]) -> str:
    """What columns a file has. Names that the contract lacks are only counted: without a header they are cells."""
    known = [name for name in names if name in contract]
    those = f"of which the dataset declares {', '.join(known)}" if known else "none of which the dataset declares"
    return f"{len(names)} {'column' if len(names) == 1 else 'columns'}, {those}"


def merge(chunks: Iterable[Chunk]) -> list[Chunk]:
    """The same rows in as few chunks as their schemas allow: every chunk costs as much as a thousand rows."""
    groups = ([*group] for _, group in groupby(chunks, key=lambda chunk: chunk.table.schema))
    return [group[0] if len(group) == 1 else _joined(group) for group in groups]


def _joined(chunks: Sequence[Chunk]) -> Chunk:
    return Chunk(
        pa.concat_tables([chunk.table for chunk in chunks]).combine_chunks(),
        np.concatenate([chunk.positions for chunk in chunks]),
        [bad for chunk in chunks for bad in chunk.bad],
        total(chunk.nulled for chunk in chunks),
    )


def total(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The sum of counts by name."""
    found = Counter[str]()
    for each in counts:
        found.update(each)
    return dict(found)


def one_array(column: pa.ChunkedArray) -> pa.Array:
    """The column's values as one array."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
