"""The first job of a new JVM: does once, on a folder of its own, what jobs do, so that the next one finds it loaded.

Run as a script with the folder as its argument. Against the embedded AWS it only asks for what is not there.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any


def main(folder: str) -> None:
    """Do on tables in `folder` once what jobs do."""
    from pyspark.sql import SparkSession

    spark: Any = SparkSession.builder.appName("warm-up").getOrCreate()
    spark.conf.set("spark.sql.catalog.warm", "org.apache.iceberg.spark.SparkCatalog")
    spark.conf.set("spark.sql.catalog.warm.type", "hadoop")
    spark.conf.set("spark.sql.catalog.warm.warehouse", f"{folder}/warm")
    _write_tables(spark, folder)
    # Every failure here is expected: nothing of that name exists. The clients are loaded and connected all the same.
    with contextlib.suppress(Exception):
        path = spark._jvm.org.apache.hadoop.fs.Path("s3://no-such-bucket/warm.parquet")
        path.getFileSystem(spark._jsc.hadoopConfiguration()).exists(path)
    with contextlib.suppress(Exception):
        spark.table("glue_catalog.no_such_database.no_such_table")
    spark.stop()


def _write_tables(spark: Any, folder: str) -> None:
    source = f"{folder}/warm.parquet"
    rows = "select id, cast(id as string) name, id % 2 part, timestamp '2026-01-01' moment from range(10)"
    spark.sql(rows).coalesce(1).write.mode("overwrite").parquet(source)
    spark.sql(
        "create table warm.db.t (id bigint, name string, part bigint, moment timestamp) using iceberg "
        "partitioned by (part) tblproperties('format-version'='2', 'write.merge.mode'='merge-on-read')"
    )
    spark.read.parquet(source).writeTo("warm.db.t").append()
    spark.sql("alter table warm.db.t create branch b")
    staged = spark.read.parquet(source).selectExpr("*", "_metadata.file_path file", "_metadata.row_index row")
    staged.createOrReplaceTempView("staged")
    spark.sql(
        "merge into warm.db.t.branch_b t using (select id, name, part, moment from (select *, row_number() "
        "over (partition by id order by row desc) newest from staged) where newest = 1) s on t.id = s.id "
        "when matched and t.part <= s.part then update set * when not matched then insert *"
    )
    spark.sql("select snapshot_id, summary from warm.db.t.snapshots").collect()


if __name__ == "__main__":
    main(sys.argv[1])
