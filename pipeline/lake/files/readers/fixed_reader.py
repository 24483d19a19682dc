"""Fixed width: a line is a row, and its cells are so many characters each, without the spaces around them.

Nothing but spaces is null. A line that is shorter ends in empty cells; one that goes on after the last cell is bad.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.lake.datasets import Column, StageA
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.readers.csv_blocks import CsvBlock
from pipeline.lake.files.readers.csv_dialect import Dialect
from pipeline.lake.files.readers.csv_records import Record
from pipeline.lake.files.readers.faults import as_written, faults
from pipeline.lake.files.readers.table_reader import Cells, TableReader
from pipeline.lake.files.source import Source


class FixedReader(TableReader):
    """A file of lines; `settings.widths` are the characters of each cell."""

    def __init__(self, source: Source, settings: StageA, contract: Mapping[str, Column], limits: Limits) -> None:
        # Lines alone part anything: no text holds NUL and is not bad.
        dialect = Dialect(delimiter=b"\0", quote=b"", comment=(settings.comment or "").encode())
        super().__init__(source, settings, contract, limits, dialect)
        stops = list(accumulate(settings.widths))
        self._places = list(zip([0, *stops], stops, strict=False))
        self._width = stops[-1]

    def read_text(self, size: int) -> bytes:
        """See `TableReader.read_text`."""
        return self.text.read(size)

    def cells_of(self, block: CsvBlock, columns: int) -> Cells:
        """See `TableReader.cells_of`."""
        data, encoding = block.data, self.text.encoding
        rows = self.scanner.rows(data) if block.rows is None else block.rows
        bad: dict[int, str | None] = {**rows.problems, **faults(data, rows, encoding)}
        keep = np.ones(len(rows.starts), dtype=bool)
        keep[list(bad)] = False
        kept = np.flatnonzero(keep)

        def raw(row: int) -> bytes:
            return as_written(data[rows.starts[row] : rows.ends[row]], encoding)

        spans = zip(rows.starts[kept].tolist(), rows.ends[kept].tolist(), strict=True)
        lines = pa.array([data[start:end] for start, end in spans], pa.binary()).cast(pa.string())
        long = np.flatnonzero(self._is_long(lines))
        if len(long):
            reason = f"the line goes on after the {self._width} characters that the option `widths` makes"
            bad.update(dict.fromkeys(kept[long].tolist(), reason))
            kept = np.delete(kept, long)
            lines = lines.take(pa.array(np.delete(np.arange(len(lines)), long)))
        told = [(int(rows.lines[row]), reason, raw(row)) for row, reason in sorted(bad.items()) if reason]
        table = pa.table({str(place): column for place, column in enumerate(self._cut(lines)[:columns])})
        return Cells(table, rows.lines[kept], lambda row: raw(int(kept[row])), told)

    def names_of(self, data: bytes, record: Record) -> list[str]:
        """See `TableReader.names_of`."""
        text = data[record.start : record.end].decode()
        return [text[start:stop].strip(" ") for start, stop in self._places]

    def restore(self, raw: bytes) -> bytes:
        """See `TableReader.restore`."""
        return as_written(raw, self.text.encoding)

    def _is_long(self, lines: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        if not len(lines) or pc.max(pc.utf8_length(lines)).as_py() <= self._width:
            return np.zeros(len(lines), dtype=bool)
        rest = pc.utf8_trim(pc.utf8_slice_codeunits(lines, self._width), " ")
        found: np.ndarray[tuple[int], np.dtype[np.bool_]] = pc.not_equal(rest, "").to_numpy(zero_copy_only=False)
        return found

    def _cut(self, lines: pa.Array) -> list[pa.Array]:
        cells = [pc.utf8_trim(pc.utf8_slice_codeunits(lines, start, stop), " ") for start, stop in self._places]
        return [pc.if_else(pc.equal(cell, ""), pa.scalar(None, pa.string()), cell) for cell in cells]
