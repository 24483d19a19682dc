"""What a snapshot of an Iceberg table holds, through Iceberg's Java API: Spark cannot say `what it added`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import Inconsistent

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

CATALOG = "glue_catalog"


def added_rows(spark: SparkSession, table: str, snapshot: int) -> DataFrame:
    """The rows of exactly the data files that the snapshot added.

    They are what the batch wrote: with merge-on-read a merge rewrites no row that it does not change. Reads only the
    manifests that the snapshot added, so that the calls do not grow with the table's history (the metadata table
    `all_entries` reads them all). `Inconsistent` if the table has no such snapshot.
    """
    from pyspark.sql.types import StructType

    loaded, found = _load(spark, table, snapshot)
    files = [str(file.path()) for file in found.addedDataFiles(loaded.io())]
    schema = loaded.schemas().get(found.schemaId())
    convert: Any = spark._jvm.org.apache.iceberg.spark.SparkSchemaUtil  # type: ignore[union-attr]
    spark_schema = StructType.fromJson(json.loads(convert.convert(schema).json()))
    if not files:
        return spark.createDataFrame([], spark_schema)
    # Spark takes `*` in a path, which may stand in a partition's value, for a pattern. It matches no other file, for
    # Iceberg gives each a name of its own; and with globbing off Spark reads the paths without `*` twice.
    # Days before 1582 in a file without Spark's mark could be of another calendar; Iceberg's are not.
    return spark.read.schema(spark_schema).option("datetimeRebaseMode", "CORRECTED").parquet(*files)


def whole_table(spark: SparkSession, table: str, snapshot: int) -> DataFrame:
    """The table as the snapshot has it."""
    return spark.read.option("snapshot-id", snapshot).table(f"{CATALOG}.{table}")


def _load(spark: SparkSession, table: str, snapshot: int) -> tuple[Any, Any]:
    spark3: Any = spark._jvm.org.apache.iceberg.spark.Spark3Util  # type: ignore[union-attr]
    loaded = spark3.loadIcebergTable(spark._jsparkSession, f"{CATALOG}.{table}")
    found = loaded.snapshot(snapshot)
    if found is None:
        raise Inconsistent(f"{table} has no snapshot {snapshot}, which the batch's row says its job wrote")
    return loaded, found
