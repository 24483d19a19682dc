"""One SELECT over the curated tables, by DuckDB on what PyIceberg reads. It only reads, and no other data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import BadInput
from pipeline.lake.datasets import DatasetName
from pipeline.lake.datasets.system_columns import BATCH_COLUMN
from pipeline.operate.parquet_rows import ParquetRows
from pipeline.operate.quarantine_table import QuarantinedRows
from pipeline.operate.query_errors import Place, WrongQuery, no_table, of_duckdb
from pipeline.operate.query_guard import QUARANTINE, UnknownTable, tables_of
from pipeline.operate.query_types import Column, quoted, storable
from pipeline.operate.tables import Snapshot, Tables

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection
    from pyiceberg.table import Table

_EXPLAIN = "EXPLAIN "
NAMED = 100
"""Tables that a hint lists."""


def plain(value: Any) -> Any:
    """A value as JSON holds it without loss: decimals, times and binary as text, what JSON has no number for too."""
    match value:
        case bool() | int() | str() | None:
            return value
        case float():
            return value if isfinite(value) else str(value)
        case Decimal():
            return format(value, "f")
        case datetime():
            return _iso(value)
        case date() | time():
            return value.isoformat()
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex()
        case dict():
            return {str(plain(key)): plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [plain(inner) for inner in value]
    return str(value)


def _iso(value: datetime) -> str:
    if value.tzinfo is None:
        return value.isoformat()
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query answers: `schema` is that of the batches."""

    columns: list[Column]
    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]


class Session:
    """A DuckDB in memory that can reach nothing but the tables that are put into it, and writes nothing to disk.

    `memory` bounds what it holds, as DuckDB writes sizes ("1GB"); what does not fit is an error, as nothing is spilled.
    `snapshot_of` says which snapshot of a table is read; unsaid, the current one.
    """

    def __init__(
        self,
        tables: Tables,
        *,
        memory: str | None = None,
        snapshot_of: Callable[[DatasetName, Table], int] | None = None,
    ) -> None:
        import duckdb

        self._tables = tables
        self._snapshot_of = snapshot_of
        self._error = duckdb.Error
        self._sql = ""
        config: dict[str, str | bool | int | float | list[str]] = {
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "python_enable_replacements": "false",
            # With a folder for what does not fit, DuckDB lets queries read that folder.
            "temp_directory": "",
            # Which say the place.
            "errors_as_json": "true",
        }
        if memory:
            config["memory_limit"] = memory
        self._db: DuckDBPyConnection = duckdb.connect(":memory:", config=config)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def run(self, sql: str) -> list[str]:
        """Start the query; the columns' names, made unique. `WrongQuery` says in a line what is wrong with it."""
        try:
            self._prepare(sql)
            self._db.execute(sql)
        except self._error as error:
            raise self._wrong(str(error)) from None
        return _unique([column[0] for column in self._db.description or ()])

    def rows(self, limit: int | None = None) -> Iterator[tuple[Any, ...]]:
        """The answer's rows, a chunk at a time."""
        left = limit
        try:
            while chunk := self._db.fetchmany(1000 if left is None else min(left, 1000)):
                yield from chunk
                left = None if left is None else left - len(chunk)
                if left == 0:
                    return
        except self._error as error:
            raise self._wrong(str(error)) from None

    def explain(self, sql: str) -> str:
        """How the query would be run, as DuckDB draws it; nothing is read. `WrongQuery` as `run` has it."""
        try:
            self._prepare(sql)
            return str(self._db.sql(sql).explain())
        except self._error as error:
            raise self._wrong(str(error)) from None

    def stream(self, sql: str, rows: int) -> Answer:
        """Run the query for Parquet, in batches of at most so many rows.

        `BadInput` as `run` has it, also while the batches are read.
        """
        try:
            self._prepare(sql)
            found = self._db.sql(sql)
            names = _unique(found.columns)
            columns = [Column(name, str(kind), storable(kind)) for name, kind in zip(names, found.types, strict=True)]
            chosen = (f"CAST(#{at} AS {c.stored}) AS {quoted(c.name)}" for at, c in enumerate(columns, 1))
            reader = found.project(", ".join(chosen)).to_arrow_reader(rows)
        except self._error as error:
            raise self._wrong(str(error)) from None
        return Answer(columns, reader.schema, self._batches(reader))

    def _batches(self, reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        try:
            yield from reader
        except (self._error, pa.ArrowException) as error:
            raise self._wrong(str(error)) from None

    def _prepare(self, sql: str) -> None:
        """Put in the tables that the query names, and lock everything else."""
        self._sql = sql
        try:
            named = tables_of(self._db, sql)
        except BadInput as error:
            hint = " ".join(filter(None, (error.hint, self._there())))
            if isinstance(error, UnknownTable):
                raise no_table(error.message, error.table, sql, self._tables.names, hint) from None
            raise WrongQuery(error.message, hint=hint) from None
        if any(len(name) == 3 for name in named):
            self._db.execute(f"ATTACH ':memory:' AS {QUARANTINE}")
        for number, (*schema, dataset) in enumerate(sorted(named)):
            self._add(f"sluice_{number}", schema, dataset)
        for setting in ("TimeZone = 'UTC'", "enable_external_access = false", "lock_configuration = true"):
            self._db.execute(f"SET {setting}")

    def _add(self, source: str, schema: Sequence[str], dataset: str) -> None:
        rows = self._rows(schema, dataset)
        if rows is None:
            name = ".".join((*schema, dataset))
            raise no_table(f"there is no table {name}", name, self._sql, self._tables.names, self._there())
        self._db.register(source, rows)
        place = ".".join(map(quoted, schema))
        self._db.execute(f"CREATE SCHEMA IF NOT EXISTS {place}")
        self._db.execute(f"CREATE VIEW {place}.{quoted(dataset)} AS SELECT * FROM {source}")

    def _rows(self, schema: Sequence[str], dataset: str) -> Snapshot | ParquetRows | QuarantinedRows | None:
        team = schema[-1]
        if len(schema) > 1:
            return self._tables.quarantined(team, dataset)
        if (files := self._tables.parquet(team, dataset)) is not None:
            if self._snapshot_of:
                raise BadInput(
                    f"{team}.{dataset} is of Parquet files, which have no earlier state to look at",
                    hint=f"Where batches are added, `where {BATCH_COLUMN} <= 'BATCH'` has the rows up to one.",
                )
            return files
        found = self._tables.load(team, dataset)
        if found is None:
            return None
        read = self._snapshot_of(DatasetName(team, dataset), found) if self._snapshot_of else None
        return Snapshot(found, read)

    def _wrong(self, message: str) -> WrongQuery:
        told = of_duckdb(message, self._sql, self._there())
        return told if told.place else self._located(told)

    def _located(self, told: WrongQuery) -> WrongQuery:
        """The same with its place: a relation that is made of a query does not tell it, but a statement does."""
        try:
            self._db.execute(f"{_EXPLAIN}{self._sql}")
        except self._error as error:
            again = of_duckdb(str(error), f"{_EXPLAIN}{self._sql}", self._there())
            if again.message == told.message and again.place and again.place.start >= len(_EXPLAIN):
                place = Place.of(self._sql, again.place.start - len(_EXPLAIN), again.place.length)
                return WrongQuery(told.message, hint=told.hint, place=place, meant=told.meant)
        return told

    def _there(self) -> str:
        names = self._tables.names
        more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
        return f"Tables: {', '.join(names[:NAMED]) or 'none: no dataset is registered'}{more}."


def _unique(names: Sequence[str]) -> list[str]:
    """Equal names get `_1`, `_2`, … so that no value is lost in a JSON object."""
    taken: set[str] = set()
    found = []
    for name in names:
        fresh, number = name, 0
        while fresh in taken or (number and fresh in names):
            number += 1
            fresh = f"{name}_{number}"
        taken.add(fresh)
        found.append(fresh)
    return found
