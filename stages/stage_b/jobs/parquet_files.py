"""A table of plain Parquet files as a job sees it: a folder for each run, which the catalog does not name yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.core.clients import client
from pipeline.core.errors import BadDefinition, Contended, Inconsistent
from pipeline.lake.datasets.types import Type, parse_type
from pipeline.lake.tables import parquet_names as names
from pipeline.lake.tables.attempts import ATTEMPTS
from pipeline.lake.tables.evolution import Columns, additions
from pipeline.lake.tables.names import split_table
from stages.stage_b.jobs.alignment import quoted, type_sql

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_THERE, _WRITTEN = "sluice_there", "sluice_written"

WRITING = {
    # Athena and DuckDB know instants of Parquet's own; Spark's default is a form of its own.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # Days before 1582 as they are: only Spark 2 counted them otherwise.
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
}


class ParquetTable:
    """A table (`database.table`) as one run sees it. `base` stands for what the batch before it left."""

    def __init__(self, spark: SparkSession, table: str, partition_by: Sequence[str]) -> None:
        self._spark = spark
        self._table = table
        self._partition_by = tuple(partition_by)
        self._found = find_table(table)
        self.base = names.state_of(self._found)

    def add_columns(self, wanted: Columns) -> dict[str, Type]:
        """Add what `wanted` has beyond the table's columns; names may show early, values never.

        Of a table that a crawler keeps, the crawler adds them. `BadDefinition` for a field more within a column: the
        files that are there could not be read with it.
        """
        for _ in range(ATTEMPTS):
            have = own_columns(self._found)
            missing = additions(have, wanted)
            if nested := [str(each) for each in missing if len(each.path) > 1]:
                raise BadDefinition(
                    f"{self._table} is of Parquet files, whose nested columns take no field more: {', '.join(nested)}",
                    hint="Declare the column's type, so that fields beyond it are bad values, or make a new dataset "
                    "with format: iceberg.",
                )
            columns = {**have, **{each.path[0]: each.type for each in missing}}
            if not missing or names.is_crawled(self._found) or self._widened(columns):
                return columns
            self._found = find_table(self._table)
        raise Contended(f"{self._table} was changed by others {ATTEMPTS} times")

    def _widened(self, columns: Mapping[str, Type]) -> bool:
        """Whether the table has the columns now; else somebody else changed it."""
        keys = {key["Name"] for key in self._found["PartitionKeys"]}
        listed = [{"Name": name, "Type": str(kind)} for name, kind in columns.items() if name not in keys]
        changed = names.table_input(self._found)
        changed["StorageDescriptor"] = {**changed["StorageDescriptor"], "Columns": listed}
        glue = client("glue")
        try:
            glue.update_table(
                DatabaseName=split_table(self._table)[0],
                TableInput=changed,
                SkipArchive=True,
                VersionId=self._found["VersionId"],
            )
        except glue.exceptions.ConcurrentModificationException:
            return False
        return True

    def create_branch(self, branch: str) -> ParquetFolder:
        """The folder of this run."""
        folder = names.rows_folder(names.root_of(self._found), branch)
        if not names.is_appended(self._found):
            there(self._spark, self._found).createOrReplaceTempView(_THERE)
        return ParquetFolder(_THERE, folder, self._partition_by, names.is_appended(self._found))

    def written(self, branch: str) -> tuple[int, int]:
        """What stands for the run's rows, and how many they are by the files themselves."""
        files = files_in(names.rows_folder(names.root_of(self._found), branch))
        rows = self._spark.read.parquet(*files).count() if files else 0
        return names.number_of(branch), rows


@dataclass(frozen=True, slots=True)
class ParquetFolder:
    """Where one run writes. `name` is a view of what readers have now."""

    name: str
    folder: str
    partition_by: tuple[str, ...]
    is_appended: bool

    def append(self, rows: DataFrame) -> None:
        """Write files: the commit adds them. `BadDefinition` where a commit replaces what is there."""
        if not self.is_appended:
            self.delete("true")
        self._write(rows)

    def delete(self, condition: str) -> None:
        """Refused: `BadDefinition`."""
        raise BadDefinition(
            "rows are not added to what an object has in a table of Parquet files that objects replace",
            hint="Mend the file and drop it again: its rows take the place of these.",
        )

    def overwrite(self, rows: DataFrame) -> None:
        """Write files: the commit puts them in the place of all that are there."""
        self._write(rows)

    def overwrite_partitions(self, rows: DataFrame) -> None:
        """Write files: the commit puts them in the place of those of the same partitions."""
        self._write(rows)

    def _write(self, rows: DataFrame) -> None:
        for name, value in WRITING.items():
            rows.sparkSession.conf.set(name, value)
        quiet = {"mapreduce.fileoutputcommitter.marksuccessfuljobs": "false"}
        # A folder that is there already is not this run's: it is an error.
        writer = rows.write.mode("error").option("compression", "zstd").options(**quiet)
        writer.partitionBy(*self.partition_by).parquet(self.folder)


def find_table(table: str) -> dict[str, Any]:
    """The table as Glue has it. `Inconsistent` if there is none of Parquet files."""
    database, name = split_table(table)
    glue = client("glue")
    try:
        found: dict[str, Any] = glue.get_table(DatabaseName=database, Name=name)["Table"]
    except glue.exceptions.EntityNotFoundException:
        found = {}
    if names.ROOT not in found.get("Parameters", {}):
        raise Inconsistent(f"there is no table {table} of Parquet files", hint="Run `sluice datasets apply`.")
    return found


def own_columns(table: Mapping[str, Any]) -> dict[str, Type]:
    """A table's columns without the partition that each batch is. `table` is Glue's."""
    fields = [*table["StorageDescriptor"]["Columns"], *table["PartitionKeys"]]
    return {field["Name"]: parse_type(field["Type"]) for field in fields if field["Name"] != names.BATCH_COLUMN}


def written_rows(spark: SparkSession, table: str, branch: str) -> DataFrame:
    """The rows that one run wrote, with the table's columns and those that its files have beside them."""
    found = find_table(table)
    folder = names.rows_folder(names.root_of(found), branch)
    files = files_in(folder)
    if not files:
        raise Inconsistent(f"there are no files in {folder}, which the batch's row says its job wrote")
    columns = own_columns(found)
    fields = spark.read.parquet(files[0]).schema.fields
    more = {field.name: parse_type(field.dataType.simpleString()) for field in fields if field.name not in columns}
    return _read(spark, folder, [folder], {**columns, **more})


def table_rows(spark: SparkSession, table: str, branch: str, partition_by: Sequence[str]) -> DataFrame:
    """The table as it would be if the batch whose run is `branch` were committed."""
    found, mine = find_table(table), written_rows(spark, table, branch)
    if names.is_appended(found):
        return there(spark, found).unionByName(mine, allowMissingColumns=True)
    if not partition_by:
        return mine
    conditions = " and ".join(f"t.{quoted(name)} <=> w.{quoted(name)}" for name in partition_by)
    there(spark, found).createOrReplaceTempView(_THERE)
    mine.createOrReplaceTempView(_WRITTEN)
    kept = spark.sql(f"select t.* from {_THERE} t left anti join {_WRITTEN} w on {conditions}")
    return kept.unionByName(mine, allowMissingColumns=True)


def locations(table: Mapping[str, Any]) -> list[str]:
    """Where the rows of a table lie that readers have."""
    if not table["PartitionKeys"]:
        return [table["StorageDescriptor"]["Location"]]
    pages = client("glue").get_paginator("get_partitions")
    found = pages.paginate(DatabaseName=table["DatabaseName"], TableName=table["Name"], ExcludeColumnSchema=True)
    return [each["StorageDescriptor"]["Location"] for page in found for each in page["Partitions"]]


def files_in(folder: str) -> list[str]:
    """The Parquet files in an s3:// folder, however deep."""
    bucket, _, prefix = folder.removeprefix("s3://").partition("/")
    pages = client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    found = [each["Key"] for page in pages for each in page.get("Contents", [])]
    return [f"s3://{bucket}/{key}" for key in found if key.endswith(".parquet")]


def there(spark: SparkSession, table: Mapping[str, Any]) -> DataFrame:
    """The rows that readers have now."""
    columns, root = own_columns(table), names.root_of(table)
    frame = spark.createDataFrame([], _ddl(columns))
    folders: dict[str, list[str]] = defaultdict(list)
    for location in locations(table):
        branch = names.branch_of(location)
        if location != names.empty_folder(root):
            folders[names.rows_folder(root, branch) if branch else location].append(location)
    for base, paths in sorted(folders.items()):
        frame = frame.unionByName(_read(spark, base, paths, columns))
    return frame


def _read(spark: SparkSession, base: str, paths: Sequence[str], columns: Mapping[str, Type]) -> DataFrame:
    """The rows in `paths`, which lie in `base`: below it the names of folders are values of columns."""
    reader = spark.read.schema(_ddl(columns)).option("datetimeRebaseMode", "CORRECTED")
    return reader.option("basePath", base).parquet(*paths)


def _ddl(columns: Mapping[str, Type]) -> str:
    return ", ".join(f"{quoted(name)} {type_sql(kind)}" for name, kind in columns.items())
