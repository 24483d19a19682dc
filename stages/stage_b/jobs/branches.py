"""A table and the branch that one job run writes to, through Iceberg's Java API, which costs no Spark jobs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from pipeline.core.errors import BadDefinition, Inconsistent
from pipeline.lake.datasets.types import Type, parse_type
from pipeline.lake.tables.evolution import Addition, Columns, additions
from pipeline.lake.tables.names import COMMIT_RETRIES, MAIN
from stages.stage_b.jobs.alignment import quoted, type_sql
from stages.stage_b.jobs.contention import despite_others
from stages.stage_b.jobs.own_files import check_files, check_metadata

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

CATALOG = "glue_catalog"
ATTEMPTS = 3


class Branch(Protocol):
    """Where one run of a job writes its rows, of whatever a table is made. Nobody reads it but the quality job."""

    @property
    def name(self) -> str:
        """The table as it is with what was written so far, as SQL names it."""
        ...

    def append(self, rows: DataFrame) -> None:
        """Add rows."""
        ...

    def overwrite(self, rows: DataFrame) -> None:
        """Put rows in the place of all that are there."""
        ...

    def overwrite_partitions(self, rows: DataFrame) -> None:
        """Put rows in the place of those of the same partitions."""
        ...

    def delete(self, condition: str) -> None:
        """Remove the rows, which the condition calls `t`, of which it is true."""
        ...


class BatchTable(Protocol):
    """A table as one run of a job sees it; `base` is what its branch starts from."""

    base: int

    def add_columns(self, wanted: Columns) -> dict[str, Type]:
        """Add what `wanted` has beyond the table's columns; returns the columns as they are then."""
        ...

    def create_branch(self, branch: str) -> Branch:
        """Make `branch` as of `base`; returns what to write to."""
        ...

    def written(self, branch: str) -> tuple[int, int]:
        """What the branch is now, as a number, and the rows that were written to it."""
        ...


class IcebergBranch:
    """A branch of an Iceberg table."""

    def __init__(self, spark: SparkSession, name: str) -> None:
        self._spark = spark
        self.name = name

    def append(self, rows: DataFrame) -> None:
        """Add rows."""
        rows.writeTo(self.name).append()

    def overwrite(self, rows: DataFrame) -> None:
        """Put rows in the place of all that are there."""
        from pyspark.sql import functions as F

        rows.writeTo(self.name).overwrite(F.lit(True))

    def overwrite_partitions(self, rows: DataFrame) -> None:
        """Put rows in the place of those of the same partitions."""
        rows.writeTo(self.name).overwritePartitions()

    def delete(self, condition: str) -> None:
        """Remove the rows, which the condition calls `t`, of which it is true."""
        self._spark.sql(f"delete from {self.name} t where {condition}")


class BranchedTable:
    """A table (`database.table`) as one run sees it: `base` is the snapshot of `main` that its branch starts from.

    Where the table's folder `home` is said, `OutsideTable` is raised for metadata that names what is not in it, and
    where the run `reads` rows that a team's code may have forged, for files that are not.
    """

    def __init__(self, spark: SparkSession, table: str, home: str | None = None, *, reads: bool = False) -> None:
        self._spark = spark
        self.name = f"{CATALOG}.{'.'.join(quoted(part) for part in table.split('.'))}"
        self._table = self._load()
        if home is not None:
            home = check_metadata(spark, self._table, table, home)
        self.base = self._head(MAIN)
        if home is not None and reads:
            check_files(spark, self.name, home, self.base)

    @property
    def is_new(self) -> bool:
        """Whether nothing was published to it yet: its first snapshot, which has no parent, is empty."""
        return self._table.snapshot(self.base).parentId() is None

    def since_base(self) -> list[tuple[int, str]]:
        """What was written to `main` since `base`: snapshots, newest first, and the Spark application of each."""
        self._table = self._load()
        found, head = [], self._head(MAIN)
        while head is not None and head != self.base:
            snapshot = self._table.snapshot(head)
            if snapshot is None:
                break
            found.append((head, str(snapshot.summary().get("spark.app.id") or "")))
            head = snapshot.parentId()
        return found

    def columns(self) -> dict[str, Type]:
        """The table's columns as they are now. `BadDefinition` for a type that no dataset can have."""
        return {field.name: _type_of(field) for field in self._spark.table(self.name).schema.fields}

    def add_columns(self, wanted: Columns) -> dict[str, Type]:
        """Add what `wanted` has beyond the table's columns, at any depth; returns the columns as they are then.

        Names may show early, values never: this happens on the table and not on a branch. Another writer may add the
        same columns at the same time.
        """
        for attempt in range(ATTEMPTS):
            have = self.columns()
            missing = additions(have, wanted)
            if not missing:
                return have
            alter = f"alter table {self.name} add columns ({', '.join(map(_definition, missing))})"
            try:
                despite_others(partial(self._spark.sql, alter))
            except Exception:
                if attempt == ATTEMPTS - 1:
                    raise
            self._spark.catalog.refreshTable(self.name)
        return self.columns()

    def create_branch(self, branch: str) -> IcebergBranch:
        """Make `branch` as of `base`; returns what to write to."""
        # The table that Spark's catalog has: where it caches tables, it must learn of the branch.
        self._table = self._load()
        self._try_commits_again()
        despite_others(lambda: self._table.manageSnapshots().createBranch(branch, self.base).commit())
        return IcebergBranch(self._spark, f"{self.name}.{quoted(f'branch_{branch}')}")

    def _try_commits_again(self) -> None:
        """Have Spark's writes repeated as often as those to a table that was made with these properties."""
        have, change = self._table.properties(), self._table.updateProperties()
        missing = {name: value for name, value in COMMIT_RETRIES.items() if have.get(name) is None}
        for name, value in missing.items():
            change.set(name, value)
        if missing:
            despite_others(change.commit)

    def written(self, branch: str) -> tuple[int, int]:
        """The branch's snapshot, and the number of rows that it added."""
        self._table = self._load()
        head = self._head(branch)
        if head == self.base:
            return head, 0
        summary = self._table.snapshot(head).summary()
        return head, int(summary.get("added-records") or 0)

    def _head(self, ref: str) -> int:
        found = self._table.refs().get(ref)
        if found is None:
            raise Inconsistent(f"{self.name} has no branch {ref}", hint="Run `sluice datasets apply`.")
        return int(found.snapshotId())

    def _load(self) -> Any:
        spark3: Any = self._spark._jvm.org.apache.iceberg.spark.Spark3Util  # type: ignore[union-attr]
        return spark3.loadIcebergTable(self._spark._jsparkSession, self.name)


def _type_of(field: Any) -> Type:
    try:
        return parse_type(field.dataType.simpleString())
    except ValueError as error:
        raise BadDefinition(f"column {field.name} of the table: {error}") from None


def _definition(addition: Addition) -> str:
    return f"{'.'.join(quoted(part) for part in addition.path)} {type_sql(addition.type)}"
