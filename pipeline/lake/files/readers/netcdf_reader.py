"""netCDF, netCDF-4 (HDF5) and classic. Rows are numbered from 1 in the order in which `netcdf_table` reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import pyarrow as pa

from pipeline.core.errors import BadObject
from pipeline.core.netcdf.formats import open_netcdf
from pipeline.core.netcdf.local_file import LocalFile
from pipeline.lake.files.netcdf_table import batches_of, table_of
from pipeline.lake.files.readers.typed_reader import TypedReader

_BYTES_A_VALUE = 8
UNITS = "sluice.units"
"""Of the Parquet file's metadata: the units of columns, as JSON by the file's names."""


class NetcdfReader(TypedReader):
    """Reads some of each variable at once, as much as a chunk of the file has."""

    def open(self) -> pa.Schema:
        """The variables that are columns; see `TypedReader.open`."""
        try:
            self._table = table_of(open_netcdf(LocalFile(self.source.spool())), self.settings.records)
        except BadObject as error:
            raise BadObject(
                error.message, hint=error.hint or "Say the right `format`, or send the file again."
            ) from None
        return self._table.schema()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Its points, some megabytes at a time; see `TypedReader.batches`."""
        width = _BYTES_A_VALUE * max(1, len(self._table.columns))
        yield from batches_of(self._table, max(1, self.limits.block // width))

    def notes(self) -> Mapping[str, str]:
        """The units of the columns; see `Reader.notes`."""
        return {UNITS: json.dumps(self._table.units(), ensure_ascii=False)}
