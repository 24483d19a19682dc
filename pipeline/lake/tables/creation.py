"""Create a dataset's table, or bring an existing one up to a changed definition, which may add to it and widen it."""

from __future__ import annotations

import contextlib
from typing import Any, Literal

from pipeline.core.errors import BadDefinition, Inconsistent
from pipeline.lake.datasets.model import ORDER_COLUMN, Dataset
from pipeline.lake.datasets.types import Primitive, Type, parse_type
from pipeline.lake.tables.evolution import Addition, Widening, additions, conflicts, widenings
from pipeline.lake.tables.iceberg import IcebergTables
from pipeline.lake.tables.names import COMMIT_RETRIES, MAIN, split_table

PROPERTIES = {
    "format-version": "2",
    # With merge-on-read the data files that a snapshot adds hold exactly the rows of its batch.
    "write.merge.mode": "merge-on-read",
    "write.update.mode": "merge-on-read",
    "write.delete.mode": "merge-on-read",
    "write.parquet.compression-codec": "zstd",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    **COMMIT_RETRIES,
}

TableChange = Literal["create", "alter", "finish", "none"]
"""What bringing a table up to its definition takes."""


def table_columns(dataset: Dataset) -> dict[str, Type]:
    """The columns that a table of the dataset has from the start; what files bring beyond them is added by the job."""
    columns: dict[str, Type] = {name: parse_type(kind) for name, kind in dataset.table_contract.items()}
    return columns if dataset.table.write == "append" else {**columns, ORDER_COLUMN: Primitive.STRING}


def create_database(name: str, glue: Any) -> None:
    """Make sure that the Glue database is there."""
    with contextlib.suppress(glue.exceptions.AlreadyExistsException):
        glue.create_database(DatabaseInput={"Name": name})


def create_table(dataset: Dataset, table: str, location: str, tables: IcebergTables) -> None:
    """Make sure that `table` (`database.table`) is there, at the s3:// `location`, and has the dataset's columns.

    Doing it again is harmless. `BadDefinition` if the definition asks an existing table for more than new
    columns and wider types.
    """
    found = _load(tables.catalog, table)
    if found is None:
        found = _create(tables.catalog, dataset, table, location)
    _check_partitions(found, dataset, table)
    _change_columns(found, dataset, table)
    if MAIN not in found.metadata.refs:
        _commit_nothing(found)


def plan_table(dataset: Dataset, table: str, tables: IcebergTables) -> TableChange:
    """What `create_table` would do to `table`; changes nothing, and raises what that would raise.

    It finishes what broke off before the first snapshot.
    """
    found = _load(tables.looking, table)
    if found is None:
        return "create"
    _check_partitions(found, dataset, table)
    if any(_column_changes(found, dataset, table)):
        return "alter"
    return "none" if MAIN in found.metadata.refs else "finish"


def _load(catalog: Any, table: str) -> Any:
    from botocore.exceptions import ClientError
    from pyiceberg.exceptions import NoSuchIcebergTableError, NoSuchTableError, ValidationError

    try:
        return catalog.load_table(table)
    except NoSuchIcebergTableError:
        raise BadDefinition(
            f"{table} is no Iceberg table, and a table's format does not change",
            hint="Make a new dataset and load it from the raw objects.",
        ) from None
    except NoSuchTableError:
        return None
    except ValidationError as error:
        raise Inconsistent(
            f"the metadata of table {table} cannot be read: its newest metadata.json is none that Iceberg writes",
            hint="Bring that file back as it was, or let the table's metadata_location in Glue name the one before.",
        ) from error
    except ClientError as error:
        # Where Lake Formation guards a catalog, it denies what is not there to whom nothing in its database is granted.
        # Making a table that is there after all is refused.
        if error.response["Error"]["Code"] == "AccessDeniedException" and "Lake Formation" in str(error):
            return None
        raise


def _create(catalog: Any, dataset: Dataset, table: str, location: str) -> Any:
    from pyiceberg.exceptions import TableAlreadyExistsError
    from pyiceberg.partitioning import PartitionField, PartitionSpec
    from pyiceberg.transforms import IdentityTransform

    from pipeline.lake.tables.schema import iceberg_schema

    schema = iceberg_schema(table_columns(dataset))
    fields = [
        PartitionField(schema.find_field(name).field_id, 1000 + number, IdentityTransform(), name)
        for number, name in enumerate(dataset.table.partition_by)
    ]
    catalog.create_namespace_if_not_exists(split_table(table)[0])
    try:
        return catalog.create_table(
            table, schema, location=location, partition_spec=PartitionSpec(*fields), properties=PROPERTIES
        )
    except TableAlreadyExistsError:
        return catalog.load_table(table)


def _check_partitions(found: Any, dataset: Dataset, table: str) -> None:
    schema = found.schema()
    have = [f"{field.transform}({schema.find_column_name(field.source_id)})" for field in found.spec().fields]
    wanted = [f"identity({name})" for name in dataset.table.partition_by]
    if have != wanted:
        raise BadDefinition(
            f"{table} is partitioned by {', '.join(have) or 'nothing'} "
            f"and the definition says {', '.join(wanted) or 'nothing'}",
            hint="Partitions of a table do not change: make a new dataset and load it from the raw objects.",
        )


def _column_changes(found: Any, dataset: Dataset, table: str) -> tuple[list[Addition], list[Widening]]:
    from pipeline.lake.tables.schema import columns_of

    have, wanted = columns_of(found.schema()), table_columns(dataset)
    if dataset.table.write == "replace" and ORDER_COLUMN not in have and _has_rows(found):
        raise BadDefinition(
            f"of the rows in table {table} nothing says which object wrote them, so that none could be replaced",
            hint="Rows that `write: append` loaded stay so: make a new dataset and load it from the raw objects.",
        )
    if differences := conflicts(have, wanted):
        raise BadDefinition(
            f"the definition contradicts table {table}: {'; '.join(differences)}",
            hint="New columns and wider types can be applied: int to bigint, float to double, more digits before a "
            "decimal's point. For another type make a new dataset and load it from the raw objects.",
        )
    return additions(have, wanted), widenings(have, wanted)


def _has_rows(found: Any) -> bool:
    snapshot = found.current_snapshot()
    return snapshot is not None and any(found.scan().plan_files())


def _change_columns(found: Any, dataset: Dataset, table: str) -> None:
    from pipeline.lake.tables.schema import iceberg_type

    missing, wider = _column_changes(found, dataset, table)
    if missing or wider:
        with found.update_schema() as update:
            for addition in missing:
                update.add_column(addition.path, iceberg_type(addition.type))
            for widening in wider:
                update.update_column(widening.path, iceberg_type(widening.type))


def _commit_nothing(found: Any) -> None:
    """One empty snapshot on `main`: a branch of a table without any has no parent, and cannot be written to."""
    from pyiceberg.exceptions import CommitFailedException

    try:
        with found.transaction() as transaction, transaction.update_snapshot().fast_append():
            pass
    except CommitFailedException:
        # Two apply at once: the other's snapshot serves as well.
        found.refresh()
        if MAIN not in found.metadata.refs:
            raise
