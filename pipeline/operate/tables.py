"""The lake's tables as PyIceberg reads them; nothing is printed here and nothing is written to a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pipeline.core.clients import client
from pipeline.core.clock import iso
from pipeline.lake.datasets.model import ORDER_COLUMN
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.services import Lake
from pipeline.lake.tables.homes import Homes
from pipeline.lake.tables.iceberg import IcebergTables
from pipeline.lake.tables.names import MARKER, split_table
from pipeline.operate.arrow_rows import ArrowRows
from pipeline.operate.nested_nulls import keep_nested_nulls
from pipeline.operate.parquet_rows import ParquetRows
from pipeline.operate.quarantine_table import QuarantinedRows

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.table import DataScan, FileScanTask, Table


@dataclass(frozen=True, slots=True)
class TableFacts:
    """A dataset's table. `rows` counts what a reader sees; all but the name is None while there is no table."""

    name: str
    table: str
    rows: int | None = None
    files: int | None = None
    columns: int | None = None
    snapshot: str | None = None
    committed: str | None = None
    last_batch: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As programs get it."""
        return asdict(self)


def load_table(registration: Registration, tables: IcebergTables) -> Table | None:
    """The table of a registered dataset as it is now; None if it has none yet."""
    from pyiceberg.exceptions import NoSuchTableError

    try:
        found: Table = tables.catalog.load_table(registration.table)
    except NoSuchTableError:
        return None
    return found


class Tables:
    """Tables of the registered datasets, named `team.dataset`."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    @cached_property
    def registrations(self) -> dict[tuple[str, str], Registration]:
        """By team and dataset, in the order of names."""
        return {(r.name.team, r.name.dataset): r for r in self._lake.registry.all()}

    @property
    def names(self) -> list[str]:
        """`team.dataset` of each registered dataset."""
        return [f"{team}.{dataset}" for team, dataset in self.registrations]

    def load(self, team: str, dataset: str) -> Table | None:
        """The table of a dataset as it is now; None if nobody registered it or it has no table yet."""
        registration = self.registrations.get((team, dataset))
        return load_table(registration, self._lake.tables) if registration else None

    def parquet(self, team: str, dataset: str) -> ParquetRows | None:
        """The rows of a dataset whose table is of Parquet files; None if it is not, or there is no table yet."""
        registration = self.registrations.get((team, dataset))
        return parquet_rows(registration, self._lake.homes) if registration else None

    def quarantined(self, team: str, dataset: str) -> QuarantinedRows | None:
        """The rows that were set aside of a dataset; None if nobody registered it."""
        known = (team, dataset) in self.registrations
        return QuarantinedRows(self._lake, f"{team}/{dataset}") if known else None

    def facts(self) -> Iterator[TableFacts]:
        """The facts of each table, also of one that is not made yet."""
        for (team, dataset), registration in self.registrations.items():
            name = f"{team}.{dataset}"
            if registration.dataset.table.format == "parquet":
                files = parquet_rows(registration, self._lake.homes)
                yield _parquet_facts(name, registration.table, files) if files else TableFacts(name, registration.table)
                continue
            found = self.load(team, dataset)
            yield _facts(name, registration.table, found) if found else TableFacts(name, registration.table)


def parquet_rows(registration: Registration, homes: Homes) -> ParquetRows | None:
    """The rows of a registered dataset's table of Parquet files; None if it is otherwise, or not made yet."""
    if registration.dataset.table.format != "parquet":
        return None
    database, name = split_table(registration.table)
    glue = client("glue")
    try:
        found = glue.get_table(DatabaseName=database, Name=name)["Table"]
        return ParquetRows(found, glue, client("s3"), homes.of(registration.table))
    except glue.exceptions.EntityNotFoundException:
        return None


def _parquet_facts(name: str, identifier: str, found: ParquetRows) -> TableFacts:
    batch, committed = found.last_batch
    return TableFacts(
        name=name,
        table=identifier,
        rows=found.count(),
        files=len(found.files),
        columns=len(found.schema),
        committed=iso(committed) if committed else None,
        last_batch=batch,
    )


def _facts(name: str, identifier: str, table: Table) -> TableFacts:
    snapshot = table.current_snapshot()
    columns = [field.name for field in table.schema().fields if field.name != ORDER_COLUMN]
    scan = table.scan()
    return TableFacts(
        name=name,
        table=identifier,
        rows=_rows(scan, table),
        files=len({task.file.file_path for task in scan.plan_files()}),
        columns=len(columns),
        snapshot=str(snapshot.snapshot_id) if snapshot else None,
        committed=iso(datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC)) if snapshot else None,
        last_batch=table.properties.get(MARKER),
    )


def _rows(scan: DataScan, table: Table) -> int:
    """Exact. The snapshot's summary knows it without deletes; with them the files that have any are read."""
    snapshot = table.current_snapshot()
    summary = snapshot.summary if snapshot else None
    if summary and summary["total-delete-files"] == "0" and (total := summary["total-records"]) is not None:
        return int(total)
    return scan.count()


def _content(task: FileScanTask) -> tuple[str, frozenset[str]]:
    return task.file.file_path, frozenset(each.file_path for each in task.delete_files)


class Snapshot(ArrowRows):
    """A table's rows as of one snapshot.

    Deletes are applied by PyIceberg.
    Sluice's own column is left out. `snapshot_id` is that of an earlier one, with the columns that the table had then.
    """

    def __init__(self, table: Table, snapshot_id: int | None = None) -> None:
        every: DataScan = table.scan(snapshot_id=snapshot_id)
        names = tuple(field.name for field in every.projection().fields)
        own = ORDER_COLUMN in names
        self._scan = every.select(*(name for name in names if name != ORDER_COLUMN)) if own else every

    @cached_property
    def _tasks(self) -> list[FileScanTask]:
        return list(self._scan.plan_files())

    def leave_out_files_of(self, other: Snapshot) -> None:
        """Read no file that both have with the same deletes: its rows are no difference between the two."""
        both = set(map(_content, self._tasks)) & set(map(_content, other._tasks))
        for each in (self, other):
            each.__dict__["_tasks"] = [task for task in each._tasks if _content(task) not in both]

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns that reading it gives, as Arrow has them."""
        from pyiceberg.io.pyarrow import schema_to_pyarrow

        return schema_to_pyarrow(self._scan.projection(), include_field_ids=False)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        from pyiceberg.io.pyarrow import ArrowScan

        keep_nested_nulls()
        scan = self._scan
        reader = ArrowScan(scan.table_metadata, scan.io, scan.projection(), scan.row_filter, scan.case_sensitive)
        for batch in reader.to_record_batches(self._tasks):
            yield batch.cast(self.schema)
