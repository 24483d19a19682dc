"""CSV: every column is text, except what the contract types. Nothing without quotes is null, `""` is an empty string.

Blank lines are no rows. Rows with too few or too many cells, misplaced quotes, NUL bytes or bytes that are not in the
encoding are bad, and so are rows that are no data (`strays`). A quote that is never closed makes the file bad: where
its row ends, nobody knows.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.lake.datasets import Column, StageA
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.readers.csv_blocks import CsvBlock, swapped
from pipeline.lake.files.readers.csv_cells import CellParser
from pipeline.lake.files.readers.csv_dialect import dialect_of
from pipeline.lake.files.readers.csv_records import Record
from pipeline.lake.files.readers.table_reader import Cells, TableReader
from pipeline.lake.files.source import Source


class CsvReader(TableReader):
    """A file of delimited cells; `settings` say how it is written."""

    def __init__(self, source: Source, settings: StageA, contract: Mapping[str, Column], limits: Limits) -> None:
        dialect, swap = dialect_of(settings)
        super().__init__(source, settings, contract, limits, dialect)
        self._read = swapped(self.text.read, swap) if swap else self.text.read
        self._parser = CellParser(self.scanner, swap, self.text.encoding, settings.null_values)

    def read_text(self, size: int) -> bytes:
        """See `TableReader.read_text`."""
        return self._read(size)

    def cells_of(self, block: CsvBlock, columns: int) -> Cells:
        """By pyarrow at once, then again without the rows that are bad as text; see `TableReader.cells_of`."""
        return self._parser.parse(block, columns)

    def names_of(self, data: bytes, record: Record) -> list[str]:
        """See `TableReader.names_of`."""
        if record.cells > self.limits.columns:
            return [""] * record.cells
        return self._parser.header(data[record.start : record.end] + b"\n", record.cells)

    def restore(self, raw: bytes) -> bytes:
        """See `TableReader.restore`."""
        return self._parser.restore(raw)
