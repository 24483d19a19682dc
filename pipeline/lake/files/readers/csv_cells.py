"""The cells of a block of CSV as columns of text, by pyarrow, and the rows that are bad as text: told, not read."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.csv

from pipeline.core.errors import Inconsistent
from pipeline.lake.files.readers.csv_blocks import CsvBlock
from pipeline.lake.files.readers.csv_dialect import Dialect, Swap
from pipeline.lake.files.readers.csv_records import Rows, Scanner
from pipeline.lake.files.readers.csv_text import Flags
from pipeline.lake.files.readers.faults import as_written, faults
from pipeline.lake.files.readers.table_reader import Cells
from pipeline.lake.files.streams import BOM
from pipeline.lake.files.text_bytes import check_utf8


class CellParser:
    """Reads blocks in one dialect. `encoding` is what the bytes were before they became UTF-8.

    `null_words` stand for null where they are not in quotes.
    """

    def __init__(self, scanner: Scanner, swap: Swap | None, encoding: str, null_words: Sequence[str] = ()) -> None:
        self._nulls = ["", *(swap.swap(word.encode()).decode() if swap else word for word in null_words)]
        self._scanner = scanner
        self._dialect: Dialect = scanner.dialect
        self._swap = swap
        self._encoding = encoding
        # Writers escape the usual quote also where nothing is quoted.
        special = re.escape(b'\\"' + self._dialect.quote + self._dialect.delimiter)
        self._plain_backslash = re.compile(rb"((?:\\[" + special + rb"\r\n])++)|\\")
        self._escape = re.compile(rb"\\(?:\r\n|.)", re.DOTALL)
        self._any_plain_backslash = re.compile(rb"\\(?![" + special + rb"\r\n])")

    def parse(self, block: CsvBlock, columns: int) -> Cells:
        """The cells of a block."""
        data, rows = block.data, block.rows
        if rows is None and b"\0" not in data:
            try:
                table = self._read(data, columns, self._nulls)
            except pa.ArrowInvalid:
                # Its message quotes the row.
                pass
            else:
                return self._whole(table, block)
        return self._careful(data, self._scanner.rows(data) if rows is None else rows, columns)

    def header(self, data: bytes, columns: int) -> list[str]:
        """The cells of a header, "" for nothing; words for null are names there."""
        table = self._read(data, columns, [""])
        return [column[0].as_py() or "" for column in table.columns]

    def _read(
        self,
        data: bytes,
        columns: int,
        nulls: list[str],
        ragged: Callable[[pa.csv.InvalidRow], str] | None = None,
    ) -> pa.Table:
        """Columns of text. ArrowInvalid for what is no UTF-8, and for rows of another number of cells.

        If `ragged` is given, it takes such rows.
        """
        names = [str(place) for place in range(columns)]
        if data.startswith(BOM):
            # Arrow takes it away, and with it a row that has nothing else; lines without anything it skips.
            data = b"\n" + data
        if self._dialect.escape:
            data = self._escape_both(self._double_backslashes(data)) + b"\n"
        elif not data.endswith((b"\n", b"\r")):
            # Arrow 22 takes nothing for a quoted nothing where it follows a quoted cell and the data ends there.
            data += b"\n"
        # Cells are cut at ASCII only, so that they are UTF-8 if all is: each by itself would take four times as long.
        check_utf8(data)
        table = pa.csv.read_csv(
            pa.BufferReader(data),
            read_options=pa.csv.ReadOptions(use_threads=False, column_names=names, block_size=len(data) + 1),
            parse_options=self._dialect.parse_options(invalid_row_handler=ragged),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=nulls,
                check_utf8=False,
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
        return self._restored(table) if self._swap else table

    def restore(self, raw: bytes) -> bytes:
        """A row as it stands in the file."""
        return as_written(self._swap.swap(raw) if self._swap else raw, self._encoding)

    def _whole(self, table: pa.Table, block: CsvBlock) -> Cells:
        data = block.data
        found: list[Rows] = []

        def rows() -> Rows:
            if not found:
                found.append(self._scanner.rows(data))
            return found[0]

        def raw(row: int) -> bytes:
            return self.restore(data[rows().starts[row] : rows().ends[row]])

        lines = block.line_ends + (not data.endswith((b"\n", b"\r")))
        if table.num_rows == lines:
            return Cells(table, np.arange(lines), raw)
        if table.num_rows != len(rows().starts):
            raise Inconsistent(f"{len(rows().starts)} CSV records were read as {table.num_rows}")
        return Cells(table, rows().lines, raw)

    def _careful(self, data: bytes, rows: Rows, columns: int) -> Cells:
        """Leave the records out that are no rows, then read the others as if they had stood alone."""
        bad: dict[int, str | None] = dict(rows.problems)
        for row, reason in faults(data, rows, self._encoding).items():
            bad.setdefault(row, reason)
        keep = np.ones(len(rows.starts), dtype=bool)
        keep[list(bad)] = False
        ragged: list[tuple[int, int]] = []

        def skip(row: pa.csv.InvalidRow) -> str:
            ragged.append((row.number, row.actual_columns))
            return "skip"

        table = self._read(_joined(data, rows, keep), columns, self._nulls, skip) if keep.any() else _nothing(columns)
        kept = np.flatnonzero(keep)
        for number, cells in ragged:
            bad[int(kept[number - 1])] = _ragged(cells, columns)
        keep[list(bad)] = False
        kept = np.flatnonzero(keep)
        if table.num_rows != len(kept):
            raise Inconsistent(f"{len(kept)} CSV records were read as {table.num_rows}")

        def raw(row: int) -> bytes:
            return self.restore(data[rows.starts[row] : rows.ends[row]])

        told = [(int(rows.lines[row]), reason, raw(row)) for row, reason in sorted(bad.items()) if reason]
        return Cells(table, rows.lines[kept], lambda row: raw(int(kept[row])), told, len(ragged))

    def _double_backslashes(self, data: bytes) -> bytes:
        """Double the backslashes that escape nothing, such as that of \\N: they stand for themselves."""
        if b"\\" not in data or not self._any_plain_backslash.search(data.replace(b"\\\\", b"")):
            return data
        return self._plain_backslash.sub(lambda found: found[1] or b"\\\\", data)

    def _escape_both(self, data: bytes) -> bytes:
        """Arrow's escape takes one byte: a line end of two that is escaped gets one for each."""
        if not self._scanner.dialect.pairs_lines or b"\\\r\n" not in data:
            return data
        return self._escape.sub(lambda found: b"\\\r\\\n" if found[0] == b"\\\r\n" else found[0], data)

    def _restored(self, table: pa.Table) -> pa.Table:
        assert self._swap
        columns = [self._swap.swap_column(column) for column in table.columns]
        return pa.table(columns, names=table.column_names)


def _ragged(cells: int, columns: int) -> str:
    return f"{cells} {'cell' if cells == 1 else 'cells'} where the header has {columns}"


def _joined(data: bytes, rows: Rows, keep: Flags) -> bytes:
    """The rows that are kept, in one piece."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], keep, [False])).astype(np.int8)))
    runs = zip(rows.starts[edges[0::2]].tolist(), rows.ends[edges[1::2] - 1].tolist(), strict=True)
    return b"\n".join([data[start:end] for start, end in runs])


def _nothing(columns: int) -> pa.Table:
    return pa.table({str(place): pa.array([], pa.string()) for place in range(columns)})
