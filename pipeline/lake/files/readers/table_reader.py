"""What tables of text have in common: a header or none, blocks of whole records, and rows that are no data."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from threading import Lock

import numpy as np
import pyarrow as pa

from pipeline.core.errors import BadObject
from pipeline.lake.datasets import Column, StageA
from pipeline.lake.datasets.types import Primitive, Type
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.readers.base import NO_FOOTER, BadRow, Block, Chunk, Positions, Reader, decode_raw
from pipeline.lake.files.readers.csv_blocks import Ahead, CsvBlock, Unclosed, cut, without_first
from pipeline.lake.files.readers.csv_dialect import Dialect
from pipeline.lake.files.readers.csv_footer import FooterBlock, lines_behind, without_footer
from pipeline.lake.files.readers.csv_records import Record, Scanner, count_lines
from pipeline.lake.files.readers.csv_text import Offsets
from pipeline.lake.files.readers.headers import Header, first_lines
from pipeline.lake.files.readers.strays import EMPTY, Strays, StrayWatch
from pipeline.lake.files.remarks import is_remark
from pipeline.lake.files.source import Source
from pipeline.lake.files.streams import BOM, TableText


@dataclass(frozen=True, slots=True)
class Cells:
    """Columns of text, named by their places from 0. `lines` are those of the rows in their block, from 0.

    `bad` are the lines, reasons and bytes of rows that are left out. `raw` has the bytes of a row of the table.
    """

    table: pa.Table
    lines: Offsets
    raw: Callable[[int], bytes]
    bad: Sequence[tuple[int, str, bytes]] = ()
    ragged: int = 0
    """How many of the bad rows have too few or too many cells."""


class TableReader(Reader):
    """A format says how a block becomes cells, and one record the names of columns."""

    def __init__(
        self, source: Source, settings: StageA, contract: Mapping[str, Column], limits: Limits, dialect: Dialect
    ) -> None:
        super().__init__(source, settings, contract, limits)
        self.text = TableText(source, settings)
        self.scanner = Scanner(dialect)
        self._names: list[str | None] | None = None
        self._strays = Strays([])
        self._watch = StrayWatch()
        self._counting = Lock()
        self._fitting = 0
        self._ragged = 0

    @abstractmethod
    def read_text(self, size: int) -> bytes:
        """About so many bytes, none at the end, in the dialect."""

    @abstractmethod
    def cells_of(self, block: CsvBlock, columns: int) -> Cells:
        """The cells of a block of records."""

    @abstractmethod
    def names_of(self, data: bytes, record: Record) -> list[str]:
        """The cells of one record, "" for nothing; if they are more than the limit, only as many."""

    @abstractmethod
    def restore(self, raw: bytes) -> bytes:
        """A record as it stands in the file, in UTF-8."""

    def blocks(self) -> Iterator[Block]:
        """The file in blocks that end where a record ends; see `Reader.blocks`."""
        empty = True
        cutting = cut(self.read_text, self.scanner, self.limits, 1 + self.text.skipped)
        blocks = Ahead(without_footer(cutting, self.scanner, self.settings.skip_footer), self.limits.record)
        for block in blocks:
            if isinstance(block, FooterBlock | Unclosed):
                # A footer before any header is that of an empty file.
                if self._names is not None:
                    yield block
                continue
            empty = False
            if rows := self._without_header(block, blocks):
                yield rows
        if empty:
            raise BadObject("the file is empty", hint="A file needs at least its header.")
        if self._names is None:
            raise BadObject("the file has no header", hint="The first line must name the columns.")

    def parse(self, block: Block) -> Chunk:
        """The rows of a block; see `Reader.parse`."""
        assert isinstance(block, CsvBlock)
        assert self._names is not None
        if isinstance(block, FooterBlock | Unclosed):
            return self._parse_footer(block)
        cells = self.cells_of(block, len(self._names))
        bad = [_bad_row(block.first + line, reason, raw) for line, reason, raw in cells.bad]
        with self._counting:
            self._ragged += cells.ragged
            self._fitting += cells.table.num_rows
        return self._conformed(cells, block, bad)

    def settle(self, block: Block, parsed: Chunk | None) -> Sequence[Chunk]:
        """What was parsed, in the order of the file; see `Reader.settle`."""
        parsed = parsed or self.parse(block)
        if not isinstance(block, FooterBlock | Unclosed):
            self._watch.settle(block.first)
        return [parsed]

    def schema(self) -> dict[str, Type]:
        """The file's columns under the table's names, then those of the contract that it lacks."""
        found = {name: self.contract.get(name, Primitive.STRING) for name in self._names or () if name is not None}
        return {**found, **{name: kind for name, kind in self.contract.items() if name not in found}}

    def finish(self) -> None:
        """BadObject if no row has as many cells as the header."""
        if self._ragged > 1 and not self._fitting:
            raise BadObject(
                f"none of the {self._ragged:,} rows has the {len(self._names or ())} cells that the header has",
                hint="If the header stands further down, say on which line: `header: 4`; "
                "or is the `delimiter` another one?",
            )

    def _conformed(self, cells: Cells, block: Block, bad: list[BadRow]) -> Chunk:
        assert self._names is not None
        strays = self._watch.note(block.first, self._strays.find(cells.table, cells.lines, block.first))
        if self.settings.null_values:
            # A row of words for null says something.
            strays = {row: why for row, why in strays.items() if why != EMPTY or self._is_bare(cells.raw(row))}
        for place, name in enumerate(self._names):
            if name is None:
                strays.update(_filled(cells.table.column(place), place))
        table, lines, raw = cells.table, cells.lines, cells.raw
        if strays:
            bad += [_bad_row(block.first + int(lines[row]), why, raw(row)) for row, why in strays.items()]
            keep = np.ones(table.num_rows, dtype=bool)
            keep[list(strays)] = False
            kept = np.flatnonzero(keep)
            table, lines = table.filter(pa.array(keep)), lines[keep]
            raw = lambda row: cells.raw(int(kept[row]))  # noqa: E731
        named = {name: table.column(place) for place, name in enumerate(self._names) if name is not None}
        positions: Positions = block.first + lines
        chunk = self.conform(pa.table(named), positions, raw)
        if not bad:
            return chunk
        return replace(chunk, bad=sorted([*bad, *chunk.bad], key=lambda row: row.line))

    def _parse_footer(self, block: CsvBlock) -> Chunk:
        """No rows, and as bad ones those that look like data: the file may have no footer.

        BadObject if such ones stand behind a quote that is never closed.
        """
        assert self._names is not None
        footer = lines_behind(block, self.scanner) if isinstance(block, Unclosed) else block
        cells = self.cells_of(footer or FooterBlock(b"", block.first), len(self._names))
        named = pa.table({name: cells.table.column(n) for n, name in enumerate(self._names) if name is not None})
        no_data = set(self.misfits(named))
        for place, name in enumerate(self._names):
            if name is None:
                no_data.update(_filled(cells.table.column(place), place))
        rows = [row for row in range(cells.table.num_rows) if row not in no_data]
        rows = [row for row in rows if not is_remark([column[row].as_py() for column in cells.table.columns])]
        if rows and isinstance(block, Unclosed):
            raise block.error()
        with self._counting:
            self._fitting += len(rows)
        bad = [_bad_row(block.first + int(cells.lines[row]), NO_FOOTER, cells.raw(row)) for row in rows]
        nothing = self.conform(named.slice(0, 0), cells.lines[:0], cells.raw)
        return replace(nothing, bad=bad)

    def _is_bare(self, raw: bytes) -> bool:
        return not decode_raw(raw).strip(f"{self.settings.delimiter} \t")

    def _without_header(self, block: CsvBlock, blocks: Ahead) -> CsvBlock | None:
        """What is left of a block when the header is taken; None where nothing is."""
        if self._names is not None:
            return block
        record = next(self.scanner.records(block.data), None)
        if record is None:
            return None
        if self.settings.header is False:
            self._read_places(block, blocks)
            return block
        self._read_header(block, record, blocks)
        return without_first(block, self.scanner, record.after)

    def _read_places(self, block: CsvBlock, blocks: Ahead) -> None:
        """Without a header, the first row that can be read says how many columns the file has."""
        _, cells = next(self._lines(block, 0, blocks), (0, []))
        self._names = Header(self.settings, self.columns, self.limits).columns_of(cells, "", block.first, list)
        self._strays = Strays(self._names, self.settings.trim)

    def _read_header(self, block: CsvBlock, record: Record, blocks: Ahead) -> None:
        line = block.first + count_lines(block.data[: record.start])
        text = self._header_text(self.restore(block.data[record.start : record.end]))
        if record.problem:
            raise BadObject(f"the header is no CSV: {record.problem}", hint="Put quotes around whole names only.")
        wanted = self.settings.header
        if not isinstance(wanted, bool) and line != wanted:
            raise BadObject(
                f"line {wanted}, where the dataset says that the header stands, is blank or a comment",
                hint="Mend the number that the option `header` says: it counts every line of the file.",
            )
        cells = self.names_of(block.data, record)
        header = Header(self.settings, self.columns, self.limits)
        names = header.columns_of(cells, text, line, lambda: first_lines(self._lines(block, record.after, blocks)))
        self._names = names
        self.call({name: cell for name, cell in zip(names, cells, strict=True) if name is not None})
        self._strays = Strays([cell or None for cell in cells], self.settings.trim)

    def _lines(self, block: CsvBlock, after: int, blocks: Ahead) -> Iterator[tuple[int, Sequence[str]]]:
        """The records of a block behind that offset, and of the blocks that follow, where they can be read."""
        for each, start in chain([(block, after)], ((each, 0) for each in blocks.following())):
            if isinstance(each, FooterBlock | Unclosed):
                return
            rest = each.data[start:]
            for record in self.scanner.records(rest):
                if record.problem is None and _is_text(rest[record.start : record.end]):
                    line = each.first + count_lines(each.data[: start + record.start])
                    yield line, self.names_of(rest, record)

    def _header_text(self, header: bytes) -> str:
        try:
            text = header.decode()
        except UnicodeDecodeError as error:
            raise BadObject(
                f"the header is no {self.text.encoding.upper()} ({error.reason})",
                hint="Say how the file is written with the option `encoding`, such as cp1252, or save it as UTF-8.",
            ) from error
        if "\0" in text:
            raise BadObject(
                "the header holds NUL bytes", hint="Is it a binary file, or UTF-16 without a byte-order mark?"
            )
        return text


def _bad_row(line: int, reason: str, raw: bytes) -> BadRow:
    if BOM in raw:
        reason += "; two files were put together within the line"
    return BadRow(line, reason, decode_raw(raw), reason)


def _is_text(raw: bytes) -> bool:
    try:
        return "\0" not in raw.decode()
    except UnicodeDecodeError:
        return False


def _filled(column: pa.ChunkedArray, place: int) -> dict[int, str]:
    if column.null_count == len(column):
        return {}
    rows = np.flatnonzero(column.is_valid().to_numpy()).tolist()
    return {
        row: f"cell {place + 1} has a value, and its column no name: say `from: {place + 1}` of a column"
        for row in rows
        if column[row].as_py() != ""
    }
