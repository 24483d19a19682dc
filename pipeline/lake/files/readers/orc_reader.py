"""ORC, as Hive, Athena and Spark write it. Rows are numbered from 1 in the file's order. A stripe is read at once."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.orc as orc

from pipeline.core.errors import BadObject
from pipeline.lake.files.readers.orc_footer import check_timestamps
from pipeline.lake.files.readers.typed_reader import TypedReader, damage_of

_MAGIC = b"ORC"


class OrcReader(TypedReader):
    """Reads stripe after stripe."""

    def open(self) -> pa.Schema:
        """The columns of the footer; see `TypedReader.open`."""
        spooled = self.source.spool()
        first = spooled.read(len(_MAGIC))
        if not first:
            raise BadObject("the file is empty", hint="An ORC file has its footer even without rows.")
        if first != _MAGIC:
            raise BadObject("the file is not ORC", hint="Say the right `format` in the definition.")
        with damage_of("ORC", "its footer, which stands at its end, cannot be read"):
            self._file = orc.ORCFile(spooled)
            schema: pa.Schema = self._file.schema
            try:
                check_timestamps(spooled)
            except (ValueError, IndexError, zlib.error, RuntimeError, struct.error) as error:
                raise pa.ArrowInvalid("footer") from error
            return schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Its rows, some megabytes of a stripe at a time; see `TypedReader.batches`."""
        for number in range(self._file.nstripes):
            with damage_of("ORC", "rows of it cannot be read"):
                stripe = self._file.read_stripe(number)
            rows = max(1, stripe.num_rows * self.limits.block // max(1, stripe.nbytes))
            for first in range(0, stripe.num_rows, rows):
                yield stripe.slice(first, rows)
