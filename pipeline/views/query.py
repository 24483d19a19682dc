"""One SELECT over the curated tables, by DuckDB on what PyIceberg reads. It only reads, and no other data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any

from pipeline.errors import BadInput
from pipeline.views.tables import Snapshot, Tables

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


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


class Session:
    """A DuckDB in memory that can reach nothing but the tables that are put into it."""

    def __init__(self, tables: Tables) -> None:
        import duckdb

        self._tables = tables
        self._error = duckdb.Error
        self._db: DuckDBPyConnection = duckdb.connect(
            ":memory:", config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
        )

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def run(self, sql: str) -> list[str]:
        """Start the query; the columns' names, made unique. `BadInput` says in a line what is wrong with it."""
        try:
            named = self._named(sql)
            for number, (team, dataset) in enumerate(sorted(named)):
                self._add(number, team, dataset)
            self._db.execute("SET TimeZone = 'UTC'")
            self._db.execute("SET enable_external_access = false")
            self._db.execute("SET lock_configuration = true")
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

    def _named(self, sql: str) -> set[tuple[str, str]]:
        """Team and dataset of each table that the query names."""
        statements = self._db.extract_statements(sql)
        [(answer,)] = self._db.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
        tree = json.loads(answer)
        if len(statements) != 1 or tree.get("error"):
            raise BadInput("only one SELECT is run: this does not write, and has no other statements")
        return {_split(*names) for names in _tables_in(tree) if names[1]}

    def _add(self, number: int, team: str, dataset: str) -> None:
        found = self._tables.load(team, dataset)
        if found is None:
            raise self._wrong(f"there is no table {team}.{dataset}")
        self._db.register(f"sluice_{number}", Snapshot(found))
        schema, view = _quoted(team), _quoted(dataset)
        self._db.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        self._db.execute(f"CREATE VIEW {schema}.{view} AS SELECT * FROM sluice_{number}")

    def _wrong(self, message: str) -> BadInput:
        names = ", ".join(self._tables.names) or "none: no dataset is registered"
        return BadInput(" ".join(message.split()), hint=f"Tables: {names}.")


def _tables_in(node: Any) -> Iterator[tuple[str, str, str]]:
    """Catalog, schema and name of each table in a query as DuckDB's `json_serialize_sql` gives it."""
    if isinstance(node, dict):
        if node.get("type") == "BASE_TABLE":
            yield node.get("catalog_name", ""), node.get("schema_name", ""), node.get("table_name", "")
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from _tables_in(inner)


def _split(catalog: str, schema: str, table: str) -> tuple[str, str]:
    if catalog:
        raise BadInput(f"there is no table {catalog}.{schema}.{table}", hint="A table is named team.dataset.")
    # Names of teams and datasets are in lower case, and SQL does not mind.
    return schema.lower(), table.lower()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


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
