"""CSV: every column is text, except what the contract types. Nothing without quotes is null, `""` is an empty string.

Blank lines are no rows. Rows with too few or too many cells, misplaced quotes, NUL bytes or bytes that are no UTF-8 are
bad. A quote that is never closed makes the file bad: where its row ends, nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.csv

from pipeline.core.errors import BadObject
from pipeline.lake.datasets import Column, StageA
from pipeline.lake.datasets.types import Primitive, Type
from pipeline.lake.files.column_names import check_names
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.readers.base import (
    BadRow,
    Block,
    Chunk,
    Positions,
    Reader,
    declared_of,
    decode_raw,
    line_of,
    merge,
)
from pipeline.lake.files.readers.csv_records import Record, Scanner, count_lines
from pipeline.lake.files.source import Source
from pipeline.lake.files.streams import TextStream

_PIECE = 16 * 1024
"""How much of a block with a bad row is scanned row by row; the rest keeps to the fast way."""

_OTHER_DELIMITERS = (",", ";", "\t", "|")


class CsvReader(Reader):
    """`settings.delimiter` separates cells; the first line that is not blank names the columns."""

    def __init__(self, source: Source, settings: StageA, contract: Mapping[str, Column], limits: Limits) -> None:
        super().__init__(source, settings, contract, limits)
        if len(settings.delimiter.encode()) != 1 or settings.delimiter in '"\r\n\0':
            raise BadObject(f"{settings.delimiter!r} cannot delimit cells", hint="Use one ASCII character.")
        self._scanner = Scanner(settings.delimiter.encode())
        self._text = TextStream(source, settings.encoding)
        self._names: list[str] = []

    def blocks(self) -> Iterator[Block]:
        """The file in blocks that end where a record ends; see `Reader.blocks`."""
        data = self._text.read(self.limits.block)
        if not data:
            raise BadObject("the file is empty", hint="A CSV file needs at least its header.")
        line, final = 1, False
        while data:
            layout = self._scanner.layout(data, final)
            if layout.unterminated:
                raise self._unterminated(data, line)
            if layout.end:
                block, rest = data[: layout.end], data[layout.end :]
                block, header_lines = self._take_header(block)
                if block:
                    yield Block(block, line + header_lines, layout.tidy)
                line += header_lines + count_lines(block)
                data = rest
            elif len(data) > self.limits.record:
                raise BadObject(
                    f"the row that starts on line {line} is longer than {self.limits.record} bytes",
                    hint="Look for a quote that is not closed on that line.",
                )
            if final:
                break
            more = self._text.read(self.limits.block)
            final = not more
            data += more
        if not self._names:
            raise BadObject("the file has no header", hint="The first line must name the columns.")

    def parse(self, block: Block) -> Chunk:
        """The rows of a block, by pyarrow where that is exact, else record by record."""
        if not block.tidy:
            return self._parse_records(block.data, block.first)
        return self._parse_tidy(block.data, block.first) or self._parse_pieces(block)

    def settle(self, block: Block, parsed: Chunk | None) -> Sequence[Chunk]:
        """What was parsed, in the order of the file; see `Reader.settle`."""
        return [parsed or self.parse(block)]

    def schema(self) -> dict[str, Type]:
        """The file's columns under safe names, then those of the contract that it lacks."""
        found = {name: self.contract.get(name, Primitive.STRING) for name in self._names}
        return {**found, **{name: kind for name, kind in self.contract.items() if name not in found}}

    def finish(self) -> None:
        """The header was checked when it was read."""

    def _take_header(self, data: bytes) -> tuple[bytes, int]:
        """Without the header, and how many lines that took."""
        if self._names:
            return data, 0
        first = next(self._scanner.records(data), None)
        if first is None:
            return b"", count_lines(data)
        # What starts the second record ends the header, blank lines included: their count is the line.
        after = self._after(data, first)
        self._read_header(data[first.start : first.end], first)
        return data[after:], count_lines(data[:after])

    def _after(self, data: bytes, record: Record) -> int:
        width = 2 if data[record.end : record.end + 2] == b"\r\n" else 1
        return min(len(data), record.end + width)

    def _read_header(self, header: bytes, record: Record) -> None:
        text = _header_text(header)
        if record.problem:
            raise BadObject(f"the header is no CSV: {record.problem}", hint="Put quotes around whole names only.")
        cells = self._read(header + b"\n", [str(index) for index in range(record.cells)])
        names = _first_row(cells)
        self._check_delimiter(names, text)
        if len(names) > self.limits.columns:
            raise BadObject(f"the header names {len(names)} columns; {self.limits.columns} are the limit")
        safe = list(check_names(names).values())
        missing = [name for name in self.contract if name not in safe and name not in self.optional]
        if missing:
            raise BadObject(
                f"the header lacks {', '.join(missing)}; it has {declared_of(safe, self.contract)}",
                hint=self._missing_hint(safe, text),
            )
        self._names = safe

    def _missing_hint(self, names: list[str], header: str) -> str:
        hint = "Send the columns, or mark them optional in the dataset's definition." + self._other_hint(header)
        return hint if self.contract.keys() & names else f"{hint} Is its first line a row?"

    def _check_delimiter(self, names: list[str], header: str) -> None:
        if len(names) == 1 and (hint := self._other_hint(header)):
            raise BadObject(f"the header is a single cell of {len(header)} characters", hint=hint.strip())

    def _other_hint(self, header: str) -> str:
        if self.settings.delimiter in header:
            return ""
        for other in _OTHER_DELIMITERS:
            if other in header:
                return f" Is the delimiter {other!r}? The dataset says {self.settings.delimiter!r}."
        return ""

    def _unterminated(self, data: bytes, line: int) -> BadObject:
        for record in self._scanner.records(data):
            if record.problem and "never closed" in record.problem:
                line += record.line
                break
        return BadObject(
            f"a quote that is opened in the row on line {line} is never closed", hint="Close it, or double it."
        )

    def _read(self, data: bytes, names: list[str]) -> pa.Table:
        if not data.endswith((b"\n", b"\r")):
            # Arrow 22 takes nothing for a quoted nothing where it follows a quoted cell and the data ends there.
            data += b"\n"
        return pa.csv.read_csv(
            pa.BufferReader(data),
            read_options=pa.csv.ReadOptions(use_threads=False, column_names=names, block_size=len(data) + 1),
            parse_options=pa.csv.ParseOptions(delimiter=self.settings.delimiter, newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )

    def _parse_tidy(self, data: bytes, first: int) -> Chunk | None:
        if b"\0" in data:
            return None
        try:
            table = self._read(data, self._names)
        except pa.ArrowInvalid:
            return None
        bounds = cache(lambda: self._scanner.bounds(data))

        def raw(row: int) -> bytes:
            starts, ends, _ = bounds()
            return data[starts[row] : ends[row]]

        lines = data.count(b"\n") + (not data.endswith(b"\n"))
        if table.num_rows == lines:
            return self.conform(table, line_of(lines, first), raw)
        if table.num_rows != len(bounds()[0]):
            return None
        return self.conform(table, first + bounds()[2], raw)

    def _parse_pieces(self, block: Block) -> Chunk:
        """Cut a block that has a bad row at record ends, so that only the pieces around bad rows go the slow way."""
        starts, _, lines = self._scanner.bounds(block.data)
        chunks = []
        begin = 0
        while begin < len(starts):
            end = int(np.searchsorted(starts, starts[begin] + _PIECE))
            stop = int(starts[end]) if end < len(starts) else len(block.data)
            data, first = block.data[starts[begin] : stop], block.first + int(lines[begin])
            chunks.append(self._parse_tidy(data, first) or self._parse_records(data, first))
            begin = end
        (chunk,) = merge(chunks)
        return chunk

    def _parse_records(self, data: bytes, first: int) -> Chunk:
        """Leave the records out that are no rows, then parse the others as if they had stood alone."""
        good: list[bytes] = []
        lines: list[int] = []
        bad: list[BadRow] = []
        for record in self._scanner.records(data):
            raw = data[record.start : record.end]
            if reason := record.problem or self._problem(raw, record.cells):
                bad.append(BadRow(first + record.line, reason, decode_raw(raw), reason))
            else:
                good.append(raw)
                lines.append(first + record.line)
        positions: Positions = np.array(lines, dtype=np.int64)
        if not good:
            empty = {name: pa.array([], pa.string()) for name in self._names}
            return Chunk(self.conform(pa.table(empty), positions, good.__getitem__).table, positions, bad)
        table = self._read(b"\n".join(good), self._names)
        chunk = self.conform(table, positions, good.__getitem__)
        return Chunk(chunk.table, chunk.positions, sorted([*bad, *chunk.bad], key=lambda row: row.line))

    def _problem(self, raw: bytes, cells: int) -> str | None:
        if cells != len(self._names):
            return f"{cells} cells where the header has {len(self._names)}"
        if b"\0" in raw:
            return "a NUL byte"
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            return f"bytes that are no UTF-8 (byte {error.start + 1} of the row: {raw[error.start]:#04x})"
        return None


def _first_row(table: pa.Table) -> list[str]:
    return [column[0].as_py() or "" for column in table.columns]


def _header_text(header: bytes) -> str:
    try:
        text = header.decode()
    except UnicodeDecodeError as error:
        raise BadObject(f"the header is no UTF-8 ({error.reason})", hint="Save the file as UTF-8.") from error
    if "\0" in text:
        raise BadObject("the header holds NUL bytes", hint="Is it a binary file, or UTF-16 without a byte-order mark?")
    return text
