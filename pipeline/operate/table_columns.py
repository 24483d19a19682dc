"""The tables that a query may name, with their columns as Glue has them: one call a team, and no table is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.core.clients import client
from pipeline.lake.datasets.model import ORDER_COLUMN
from pipeline.lake.services import Lake

MOST_TEAMS = 20


@dataclass(frozen=True, slots=True)
class Described:
    """A table and its columns, (name, type); `columns` is None where nobody looked, or there is no table yet."""

    name: str
    columns: tuple[tuple[str, str], ...] | None


def described(lake: Lake) -> list[Described]:
    """The tables of the registered datasets, in the order of names; columns of the first MOST_TEAMS teams."""
    names = {f"{r.name.team}.{r.name.dataset}": r.table for r in lake.registry.all()}
    databases = list(dict.fromkeys(table.rpartition(".")[0] for _, table in sorted(names.items())))
    columns = {table: found for database in databases[:MOST_TEAMS] for table, found in _columns(database)}
    return [Described(name, columns.get(table)) for name, table in sorted(names.items())]


def _columns(database: str) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    glue = client("glue")
    try:
        for page in glue.get_paginator("get_tables").paginate(DatabaseName=database):
            for table in page["TableList"]:
                yield f"{database}.{table['Name']}", tuple(_of(table))
    except glue.exceptions.EntityNotFoundException:
        return


def _of(table: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for column in table.get("StorageDescriptor", {}).get("Columns", []):
        gone = column.get("Parameters", {}).get("iceberg.field.current") == "false"
        if column["Name"] != ORDER_COLUMN and not gone:
            yield column["Name"], column.get("Type", "")
