"""Avro container files. Rows are numbered from 1 in the file's order."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import fastavro
import pyarrow as pa
from fastavro.schema import SchemaParseException, UnknownType

from pipeline.core.errors import BadObject
from pipeline.lake.files.readers.avro_container import as_container, blocks_of, damaged, open_container
from pipeline.lake.files.readers.avro_schema import Kind, Kinds, without_logical_types
from pipeline.lake.files.readers.typed_reader import TypedReader

_UNREADABLE = (EOFError, IndexError, KeyError, MemoryError, OverflowError, TypeError, ValueError, StopIteration)
"""What the library raises for bytes that are no such records."""

_GROWTH = 4
"""How much larger records are in memory than in a block."""


class AvroReader(TypedReader):
    """Reads block after block, as they come."""

    def open(self) -> pa.Schema:
        """The columns of the header's schema; see `TypedReader.open`."""
        self._container = open_container(self.source, self.limits)
        try:
            schema: Any = fastavro.parse_schema(self._container.schema)
            if not isinstance(schema, dict) or schema.get("type") != "record":
                raise BadObject("the Avro file holds no records", hint="Its schema has to be that of a record.")
            kinds = Kinds()
            kinds.of(schema)
            self._kinds: dict[str, Kind] = {each["name"]: kinds.of(each["type"]) for each in schema["fields"]}
        except (SchemaParseException, UnknownType, KeyError, TypeError, ValueError, RecursionError) as error:
            raise damaged("its schema is none of Avro's") from error
        self._bare = without_logical_types(schema)
        return pa.schema([pa.field(name, kind.arrow) for name, kind in self._kinds.items()])

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Its records, of as many blocks at once as are some megabytes; see `TypedReader.batches`."""
        waiting: list[tuple[int, bytes]] = []
        size = 0
        for count, data in blocks_of(self.source, self._container, self.limits):
            waiting.append((count, data))
            size += len(data)
            if size >= self.limits.block // _GROWTH:
                yield self._batch(waiting)
                waiting, size = [], 0
        if waiting:
            yield self._batch(waiting)

    def _batch(self, blocks: list[tuple[int, bytes]]) -> pa.RecordBatch:
        data = as_container(self._bare, self._container.sync, blocks)
        expected = sum(count for count, _ in blocks)
        try:
            records: list[Any] = list(fastavro.reader(io.BytesIO(data)))
        except _UNREADABLE as error:
            raise damaged("a record is none of its schema") from error
        if len(records) != expected:
            raise damaged("a block holds another number of records than it says")
        return pa.record_batch(
            [self._column(records, name, kind) for name, kind in self._kinds.items()], names=list(self._kinds)
        )

    def _column(self, records: list[Any], name: str, kind: Kind) -> pa.Array:
        convert = kind.convert
        values = [record[name] for record in records]
        try:
            if convert:
                values = [None if value is None else convert(value) for value in values]
            return pa.array(values, kind.arrow)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
            raise damaged("a value is outside of the type that its schema says") from error
