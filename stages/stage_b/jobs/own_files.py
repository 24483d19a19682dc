"""Holds an Iceberg table, as a job of the lake sees it, to the files in its own folder.

Jobs have rights on all tables, and a team's transform writes the metadata of its own: what that names elsewhere would
be read, written or removed with the job's rights.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipeline.lake.tables.homes import check_locations, check_properties, home_of, locations_of
from stages.stage_b.jobs.batch_manifest import parts

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_WAREHOUSE = "spark.sql.catalog.glue_catalog.warehouse"


def home_in(spark: SparkSession, team: str, table: str) -> str:
    """The folder of `database.table`, which is of `team`. `OutsideTable` if the database is another team's.

    The bucket is the catalog's; where a session was told none, that of the table's own metadata, which
    leaves the team and the dataset as they are.
    """
    warehouse = spark.conf.get(_WAREHOUSE, None)
    return home_of(parts(warehouse)[0] if warehouse else None, team, table)


def check_metadata(spark: SparkSession, loaded: Any, table: str, home: str) -> str:
    """`OutsideTable` if the metadata of `loaded`, Iceberg's table, names what is not in `home`; returns `home` with
    its bucket."""
    jvm: Any = spark._jvm
    metadata = loaded.operations().current()
    found = json.loads(jvm.org.apache.iceberg.TableMetadataParser.toJson(metadata))
    home = home if home.startswith("s3://") else f"s3://{parts(str(loaded.location()))[0]}/{home}"
    check_properties(found.get("properties", {}), table, home)
    check_locations([str(metadata.metadataFileLocation()), *locations_of(found)], table, home)
    return home


def check_files(spark: SparkSession, name: str, home: str, snapshot: int | None = None) -> None:
    """`OutsideTable` if a snapshot of the table `name`, as SQL calls it, has a manifest or a file that is not in
    `home`; unsaid, any snapshot, also files that one removed."""
    every = "all_" if snapshot is None else ""
    for table, path in ((f"{every}manifests", "path"), (f"{every}entries", "data_file.file_path")):
        reader = spark.read if snapshot is None else spark.read.option("snapshot-id", str(snapshot))
        plain = f"regexp_replace({path}, '^s3[an]://', 's3://')"
        astray = f"not startswith({plain}, '{home}') or contains({path}, '/../')"
        found = reader.table(f"{name}.{table}").selectExpr(f"{path} as path", f"{astray} as astray").where("astray")
        check_locations((str(row.path) for row in found.limit(1).collect()), name, home)
