"""What a snapshot of an Iceberg table holds, through Iceberg's Java API: Spark cannot say `what it added`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import Inconsistent
from pipeline.lake.tables.homes import check_locations
from stages.stage_b.jobs.own_files import check_files, check_metadata

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

CATALOG = "glue_catalog"


def added_rows(spark: SparkSession, table: str, snapshot: int, home: str | None = None) -> DataFrame:
    """The rows of exactly the data files that the snapshot added.

    They are what the batch wrote: with merge-on-read a merge rewrites no row that it does not change. Reads only the
    manifests that the snapshot added, so that the calls do not grow with the table's history (the metadata table
    `all_entries` reads them all). `Inconsistent` if the table has no such snapshot, `OutsideTable` if the files are not
    all in its folder `home`, where that is said.
    """
    from pyspark.sql.types import StructType

    loaded, found = _load(spark, table, snapshot)
    if home is not None:
        home = check_metadata(spark, loaded, table, home)
        check_locations((str(each.path()) for each in found.allManifests(loaded.io())), table, home)
    files = [str(file.path()) for file in found.addedDataFiles(loaded.io())]
    if home is not None:
        check_locations(files, table, home)
    schema = loaded.schemas().get(found.schemaId())
    convert: Any = spark._jvm.org.apache.iceberg.spark.SparkSchemaUtil  # type: ignore[union-attr]
    spark_schema = StructType.fromJson(json.loads(convert.convert(schema).json()))
    if not files:
        return spark.createDataFrame([], spark_schema)
    # Spark takes `*` in a path, which may stand in a partition's value, for a pattern. It matches no other file, for
    # Iceberg gives each a name of its own; and with globbing off Spark reads the paths without `*` twice.
    # Days before 1582 in a file without Spark's mark could be of another calendar; Iceberg's are not.
    return spark.read.schema(spark_schema).option("datetimeRebaseMode", "CORRECTED").parquet(*files)


def whole_table(
    spark: SparkSession, table: str, snapshot: int, home: str | None = None, *, is_untrusted: bool = True
) -> DataFrame:
    """The table as the snapshot has it; errors as `added_rows`, but that files are looked at only if it `is_untrusted`,
    for the lake's own jobs name no others."""
    if home is not None:
        loaded, _ = _load(spark, table, snapshot)
        home = check_metadata(spark, loaded, table, home)
        if is_untrusted:
            check_files(spark, f"{CATALOG}.{table}", home, snapshot)
    return spark.read.option("snapshot-id", snapshot).table(f"{CATALOG}.{table}")


def _load(spark: SparkSession, table: str, snapshot: int) -> tuple[Any, Any]:
    spark3: Any = spark._jvm.org.apache.iceberg.spark.Spark3Util  # type: ignore[union-attr]
    loaded = spark3.loadIcebergTable(spark._jsparkSession, f"{CATALOG}.{table}")
    found = loaded.snapshot(snapshot)
    if found is None:
        raise Inconsistent(f"{table} has no snapshot {snapshot}, which the batch's row says its job wrote")
    return loaded, found
