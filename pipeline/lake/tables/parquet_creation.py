"""Make a dataset's table of Parquet files, through awswrangler, or add columns to one that is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.core.clients import client, session
from pipeline.core.errors import BadDefinition, Contended
from pipeline.lake.datasets.model import Dataset
from pipeline.lake.datasets.system_columns import BATCH_COLUMN
from pipeline.lake.datasets.types import Type, parse_type
from pipeline.lake.tables import parquet_names as names
from pipeline.lake.tables.attempts import ATTEMPTS
from pipeline.lake.tables.creation import TableChange, table_columns
from pipeline.lake.tables.evolution import additions, conflicts, widenings
from pipeline.lake.tables.names import split_table

ANEW = "Make a new dataset and load it from the raw objects."


def create_parquet_table(dataset: Dataset, table: str, location: str, glue: Any = None) -> None:
    """Make sure that `table` (`database.table`) is there, at the s3:// `location`, and has the dataset's columns.

    Doing it again is harmless. `BadDefinition` if the definition asks an existing table for more than new columns.
    """
    import awswrangler

    glue = glue or client("glue")
    database, name = split_table(table)
    if (found := _find(table, glue)) is not None:
        _widen(found, dataset, table, glue)
        return
    columns, partitions = _types(dataset)
    awswrangler.catalog.create_parquet_table(
        database=database,
        table=name,
        path=_first_location(dataset, location),
        columns_types=columns,
        partitions_types=partitions,
        compression="zstd",
        parameters={names.ROOT: location},
        # Of a table that somebody else makes meanwhile: leave it as it is.
        mode="append",
        catalog_versioning=False,
        boto3_session=session(),
    )


def _widen(found: dict[str, Any], dataset: Dataset, table: str, glue: Any) -> None:
    """Add the columns that a table lacks; `Contended` if others change it all the time.

    Not through awswrangler, which puts back the whole table as it has read it: with it the location and the marks of
    before a commit that came between.
    """
    for _ in range(ATTEMPTS):
        if not (missing := _missing(found, dataset, table)):
            return
        columns, _ = _types(dataset)
        changed, storage = names.table_input(found), found["StorageDescriptor"]
        new = [{"Name": each, "Type": columns[each]} for each in missing]
        changed["StorageDescriptor"] = {**storage, "Columns": [*storage["Columns"], *new]}
        try:
            glue.update_table(
                DatabaseName=found["DatabaseName"], TableInput=changed, SkipArchive=True, VersionId=found["VersionId"]
            )
        except glue.exceptions.ConcurrentModificationException:
            found = _find(table, glue) or {}
        else:
            return
    raise Contended(f"{table} was changed by others {ATTEMPTS} times")


def plan_parquet_table(dataset: Dataset, table: str, glue: Any = None) -> TableChange:
    """What `create_parquet_table` would do to `table`; changes nothing, and raises what that would raise."""
    found = _find(table, glue or client("glue"))
    if found is None:
        return "create"
    return "alter" if _missing(found, dataset, table) else "none"


def columns_of(table: Mapping[str, Any]) -> dict[str, Type]:
    """The columns of a table as Glue has it, those that it is partitioned by last."""
    fields = [*table["StorageDescriptor"]["Columns"], *table.get("PartitionKeys", [])]
    return {field["Name"]: parse_type(field["Type"]) for field in fields}


def _first_location(dataset: Dataset, location: str) -> str:
    if dataset.table.crawler:
        return names.crawled_folder(location)
    if dataset.table.is_replaced_whole:
        return names.empty_folder(location)
    return f"{location}/data/"


def _types(dataset: Dataset) -> tuple[dict[str, str], dict[str, str]]:
    """The columns that lie in files, and those that the table is partitioned by."""
    every = {name: str(kind) for name, kind in table_columns(dataset).items()}
    if dataset.table.write == "append":
        return every, {BATCH_COLUMN: "string"}
    by = dataset.table.partition_by
    return {name: kind for name, kind in every.items() if name not in by}, {name: every[name] for name in by}


def _find(table: str, glue: Any) -> dict[str, Any] | None:
    database, name = split_table(table)
    try:
        found: dict[str, Any] = glue.get_table(DatabaseName=database, Name=name)["Table"]
    except glue.exceptions.EntityNotFoundException:
        return None
    return found


def _missing(found: Mapping[str, Any], dataset: Dataset, table: str) -> list[str]:
    """The columns that the table lacks; `BadDefinition` for anything that a table of Parquet files cannot become."""
    if names.ROOT not in found.get("Parameters", {}):
        raise BadDefinition(f"{table} is no table of Parquet files, and a table's format does not change", hint=ANEW)
    _, partitions = _types(dataset)
    have = {key["Name"]: key["Type"] for key in found.get("PartitionKeys", [])}
    if have != partitions:
        raise BadDefinition(
            f"{table} is partitioned by {', '.join(have) or 'nothing'} and the definition says "
            f"{', '.join(partitions) or 'nothing'}",
            hint=f"Partitions of a table do not change, nor whether batches are added or replace it. {ANEW}",
        )
    location = found["StorageDescriptor"]["Location"]
    crawled = location == names.crawled_folder(names.root_of(found))
    if crawled != dataset.table.crawler:
        raise BadDefinition(f"a crawler finds the files of {table} elsewhere than a commit names them", hint=ANEW)
    columns, wanted = columns_of(found), table_columns(dataset)
    wanted |= {name: columns[name] for name in partitions}
    nested = [addition for addition in additions(columns, wanted) if len(addition.path) > 1]
    changed = [each.path for each in widenings(columns, wanted)] + [each.path for each in nested]
    contradicted = [f"{'.'.join(path)} is otherwise in the files that are there" for path in changed]
    if differences := [*conflicts(columns, wanted), *contradicted]:
        raise BadDefinition(
            f"the definition contradicts table {table}: {'; '.join(differences)}",
            hint=f"A table of Parquet files takes new columns only. {ANEW}",
        )
    return [addition.path[0] for addition in additions(columns, wanted)]
