"""Parquet, as Spark, pandas, DuckDB and others write it. Rows are numbered from 1 in the file's order."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.core.errors import BadObject
from pipeline.lake.files.limits import MIB
from pipeline.lake.files.readers.typed_reader import TypedReader, damage_of

_MAGIC = b"PAR1"
_ENCRYPTED = b"PARE"
_MOST_ROWS = 128 * 1024
_READ_AHEAD = 2 * MIB
"""Bytes of a column that are read at once: a row group may be larger than the memory."""


class ParquetReader(TypedReader):
    """Reads row groups piece by piece, so that their size does not matter."""

    def open(self) -> pa.Schema:
        """The columns of the footer; see `TypedReader.open`."""
        first = self._spooled.read(4)
        if not first:
            raise BadObject("the file is empty", hint="A Parquet file has its footer even without rows.")
        if first not in (_MAGIC, _ENCRYPTED):
            raise BadObject("the file is not Parquet", hint="Say the right `format` in the definition.")
        if first == _ENCRYPTED:
            raise BadObject("the Parquet file is encrypted", hint="Send it without encryption.")
        with damage_of("Parquet", "its footer, which stands at its end, cannot be read"):
            self._file = self._open_file("us")
            return self._file.schema_arrow

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Its rows, as many at once as are some megabytes by the footer; see `TypedReader.batches`."""
        rows = self._rows_at_once
        exact = self._batches_of(self._open_file("ns"), rows, self._int96) if self._int96 else None
        for batch in self._batches_of(self._file, rows, None):
            yield self._with_instants(batch, next(exact)) if exact else batch

    def _open_file(self, unit: str) -> pq.ParquetFile:
        return pq.ParquetFile(
            self._spooled,
            pre_buffer=False,
            buffer_size=_READ_AHEAD,
            coerce_int96_timestamp_unit=unit,
            page_checksum_verification=True,
        )

    def _batches_of(self, file: pq.ParquetFile, rows: int, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
        found = file.iter_batches(batch_size=rows, columns=columns, use_threads=True)
        while True:
            with damage_of("Parquet", "rows of it cannot be read"):
                batch = next(found, None)
            if batch is None:
                return
            yield batch

    @cached_property
    def _spooled(self) -> BinaryIO:
        return self.source.spool()

    @cached_property
    def _rows_at_once(self) -> int:
        metadata = self._file.metadata
        size: int = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
        row = max(1, size // max(1, int(metadata.num_rows)))
        return max(1, min(_MOST_ROWS, self.limits.block // row))

    @cached_property
    def _int96(self) -> list[str]:
        """The columns that are instants in Spark's and Impala's old form, which Parquet's schema does not say."""
        schema = self._file.schema
        return [
            schema.column(index).name
            for index in range(len(schema))
            if schema.column(index).physical_type == "INT96" and schema.column(index).path == schema.column(index).name
        ]

    def _with_instants(self, batch: pa.RecordBatch, nanoseconds: pa.RecordBatch) -> pa.RecordBatch:
        """Arrow drops what is finer than microseconds, and of nanoseconds what is not in the years 1677 to 2262."""
        for name in self._int96:
            index = batch.schema.get_field_index(name)
            column, fine = batch.column(index), nanoseconds.column(name)
            numbers = [each.cast(pa.int64()).fill_null(0).to_numpy() for each in (fine, column)]
            found = fine if (numbers[0] // 1000 == numbers[1]).all() else column
            found = found.cast(pa.timestamp(found.type.unit, tz="UTC"))
            batch = batch.set_column(index, name, found)
        return batch
