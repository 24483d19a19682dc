"""The rows of a table of Parquet files, as its readers find them: by the catalog's entries, and by nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pipeline.lake.datasets.system_columns import BATCH_COLUMN, ORDER_COLUMN
from pipeline.lake.datasets.types import parse_type
from pipeline.lake.tables import parquet_names as names
from pipeline.lake.tables.homes import check_locations
from pipeline.lake.tables.names import MARKER
from pipeline.operate.arrow_rows import ArrowRows

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Part:
    """A place that the catalog leads readers to: its files, and the values of the columns that it stands for.

    A null in `values` is the partition of rows without a value.
    """

    location: str
    values: Mapping[str, str | None]
    made: datetime


class ParquetRows(ArrowRows):
    """A table's rows, each time of the same files.

    `table` is Glue's. Each batch that was appended is the column `batch_id`, as Athena and Spark show it; Sluice's own
    column is left out. `io` opens files, as PyIceberg does; `s3` lists them. Where the catalog leads out of the table's
    folder `home`, `OutsideTable` is raised.
    """

    def __init__(self, table: Mapping[str, Any], glue: Any, s3: Any, home: str, io: Any = None) -> None:
        self._home = home
        self._table = table
        self._glue = glue
        self._s3 = s3
        self.__dict__ |= {"_io": io} if io is not None else {}

    @cached_property
    def _io(self) -> Any:
        from pyiceberg.io import load_file_io

        from pipeline.core.clients import iceberg_properties

        return load_file_io(iceberg_properties(), "s3://")

    @cached_property
    def parts(self) -> list[Part]:
        """The places where rows are, as the catalog has them now."""
        found = self._parts()
        name = f"{self._table['DatabaseName']}.{self._table['Name']}"
        check_locations((part.location for part in found), name, self._home)
        return found

    def _parts(self) -> list[Part]:
        keys = [key["Name"] for key in self._table["PartitionKeys"]]
        if not keys:
            return [Part(self._table["StorageDescriptor"]["Location"], {}, self._table["UpdateTime"])]
        pages = self._glue.get_paginator("get_partitions").paginate(
            DatabaseName=self._table["DatabaseName"], TableName=self._table["Name"], ExcludeColumnSchema=True
        )
        nothing = names.empty_folder(names.root_of(self._table))
        found = [
            Part(each["StorageDescriptor"]["Location"], _values(keys, each["Values"]), each["CreationTime"])
            for page in pages
            for each in page["Partitions"]
        ]
        return [part for part in found if part.location != nothing]

    @property
    def columns(self) -> list[tuple[str, str]]:
        """Name and type of each column, as Glue has them; those that the table is partitioned by last."""
        fields = [*self._table["StorageDescriptor"]["Columns"], *self._table["PartitionKeys"]]
        return [(each["Name"], each["Type"]) for each in fields if each["Name"] != ORDER_COLUMN]

    @property
    def partition_columns(self) -> tuple[str, ...]:
        """The columns that the table is partitioned by."""
        return tuple(key["Name"] for key in self._table["PartitionKeys"])

    @property
    def last_batch(self) -> tuple[str | None, datetime | None]:
        """The batch that was committed last, and when."""
        if names.is_appended(self._table):
            last = max(self.parts, key=lambda part: str(part.values[BATCH_COLUMN]), default=None)
            return (last.values[BATCH_COLUMN], last.made) if last else (None, None)
        batch = self._table["Parameters"].get(MARKER)
        return batch, self._table.get("UpdateTime") if batch else None

    @cached_property
    def files(self) -> list[tuple[str, int, Mapping[str, str | None]]]:
        """URI and bytes of each file, with the values of its part."""
        return [(uri, size, part.values) for part in self.parts for uri, size in self._in(part.location)]

    def _in(self, location: str) -> Iterator[tuple[str, int]]:
        bucket, _, prefix = location.removeprefix("s3://").partition("/")
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for each in page.get("Contents", []):
                if each["Key"].endswith(".parquet"):
                    yield f"s3://{bucket}/{each['Key']}", each["Size"]

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns that reading it gives, as Arrow has them."""
        import pyarrow as pa

        from pipeline.lake.datasets.arrow import arrow_type

        return pa.schema({name: arrow_type(parse_type(kind)) for name, kind in self.columns})

    def rows_of(self, part: Part) -> tuple[int, int]:
        """How many rows and files a part has."""
        found = [uri for uri, _ in self._in(part.location)]
        return sum(self._opened(uri).metadata.num_rows for uri in found), len(found)

    def count(self) -> int:
        """How many rows there are, by what the ends of the files say."""
        return sum(self._opened(uri).metadata.num_rows for uri, _, _ in self.files)

    def table(self) -> pa.Table:
        """All rows at once."""
        import pyarrow as pa

        return pa.Table.from_batches(self._batches(), self.schema)

    def _opened(self, uri: str) -> Any:
        import pyarrow.parquet as pq

        return pq.ParquetFile(self._io.new_input(uri).open())

    def _batches(self) -> Iterator[pa.RecordBatch]:
        for uri, _, values in self.files:
            file = self._opened(uri)
            wanted = [name for name in self.schema.names if name in file.schema_arrow.names]
            for batch in file.iter_batches(columns=wanted):
                yield _aligned(batch, self.schema, values)


def _values(keys: list[str], values: list[str]) -> dict[str, str | None]:
    return {key: None if value == names.NULL else value for key, value in zip(keys, values, strict=True)}


def _aligned(batch: pa.RecordBatch, schema: pa.Schema, values: Mapping[str, str | None]) -> pa.RecordBatch:
    """A file's rows with the table's columns: those that it lacks are null, those of its partition one value."""
    import pyarrow as pa

    def column(field: pa.Field) -> pa.Array:
        if field.name in values:
            one = pa.array([values[field.name]], pa.string()).cast(field.type)[0]
            return pa.repeat(one, batch.num_rows)
        if field.name not in batch.schema.names:
            return pa.nulls(batch.num_rows, field.type)
        return batch.column(field.name).cast(field.type)

    return pa.RecordBatch.from_arrays([column(field) for field in schema], schema=schema)
