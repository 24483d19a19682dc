"""Runs the transform of a definition that is tried, here: its rows are then loaded as files of such rows would be.

A team's code runs on the lake under a role for its own table alone, which a trial does not write. Who tries a
definition has it in the checkout, and reads the tables that it reads by rights of their own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import Refused
from pipeline.lake.catalog import ObjectRow
from pipeline.lake.datasets import Dataset, DatasetName
from pipeline.lake.datasets.system_columns import ORDER_COLUMN, ROW_COLUMN
from pipeline.lake.datasets.types import Type, parse_type
from pipeline.lake.transforms.code import Code, TransformFailed
from pipeline.lake.transforms.columns import agreed_columns
from pipeline.lake.transforms.python_code import brought
from pipeline.lake.transforms.python_run import POSITION
from pipeline.lake.transforms.run import run
from pipeline.operate.tables import load_table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from pipeline.lake.services import Lake


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A raw object as Stage A would read it: its Parquet file, and how many rows that has."""

    row: ObjectRow
    parquet: Path
    rows: int


@dataclass(frozen=True, slots=True)
class Transformed:
    """What a transform gave: the files of its rows, by the object that they are of, and the definition of a dataset
    whose files have such rows."""

    dataset: Dataset
    files: tuple[ReadFile, ...]


def transformed(
    lake: Lake, spark: SparkSession, dataset: Dataset, files: Sequence[ReadFile], folder: Path
) -> Transformed:
    """Run the transform over rows of these files. `TransformFailed` as its job would, `Refused` for a table that it
    reads and that is not there."""
    code = Code.of(json.loads(dataset.to_json()))
    assert code
    spark.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
    published = _columns(lake, dataset.name)
    try:
        made = run(spark, code, _staged(spark, dataset, files), _tables(lake, spark, code, folder), published)
        columns = {f.name: parse_type(f.dataType.simpleString()) for f in made.schema.fields if f.name != POSITION}
        agreed_columns(code, list(columns.items()), published, not published)
        given = _given(code, made, max(file.row.order for file in files))
        _check(code, dataset, given, ORDER_COLUMN in columns)
        given.write.mode("error").parquet(str(folder / "made"))
    except TransformFailed:
        raise
    except Exception as error:
        if failed := brought(code, str(error)):
            raise failed from None
        raise
    wanted = {name: str(code.columns.get(name, kind)) for name, kind in columns.items() if name != ORDER_COLUMN}
    return Transformed(_of_rows(dataset, wanted), tuple(_by_object(code, files, folder)))


def _staged(spark: SparkSession, dataset: Dataset, files: Sequence[ReadFile]) -> DataFrame:
    """All rows of the files, with what a job would give each beside."""
    from functools import reduce

    from pyspark.sql import functions as F

    frames = [
        spark.read.parquet(str(file.parquet)).withColumns(
            {
                ORDER_COLUMN: F.lit(file.row.order),
                "_sluice_object": F.lit(file.row.id),
                POSITION: F.col(ROW_COLUMN),
            }
        )
        for file in files
    ]
    rows = reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), frames)
    declared = {name: column.type for name, column in dataset.contract.items() if name not in rows.columns}
    return rows.withColumns({name: F.lit(None).cast(kind) for name, kind in declared.items()}) if declared else rows


def _tables(lake: Lake, spark: SparkSession, code: Code, folder: Path) -> Mapping[str, DataFrame]:
    """The tables that it reads, as they are now."""
    import pyarrow.parquet as pq

    found = {}
    for view, name in code.views.items():
        registration = lake.registry.get(name)
        table = load_table(registration, lake.tables) if registration else None
        if table is None:
            raise Refused(f"{code.file} reads {name}, which has no table", hint=f"Apply {name} first.")
        path = folder / f"table-{view}.parquet"
        reader = table.scan().to_arrow_batch_reader()
        with pq.ParquetWriter(path, reader.schema) as writer:
            for batch in reader:
                writer.write_batch(batch)
        found[view] = spark.read.parquet(str(path)).drop(ORDER_COLUMN)
    return found


def _columns(lake: Lake, name: DatasetName) -> dict[str, Type]:
    """The columns of the dataset's own table, once a batch was published."""
    from pipeline.lake.tables.schema import columns_of

    registration = lake.registry.get(name)
    is_iceberg = registration is not None and registration.dataset.table.format == "iceberg"
    table = load_table(registration, lake.tables) if registration and is_iceberg else None
    is_used = table is not None and any(snapshot.summary for snapshot in table.metadata.snapshots[1:])
    return columns_of(table.schema()) if table is not None and is_used else {}


def _given(code: Code, made: DataFrame, newest: str) -> DataFrame:
    """Its rows with the types that are declared, each with its object and its place there; of rows that do not say it,
    the newest object is theirs."""
    from pyspark.sql import functions as F

    rows = made.withColumns({name: F.col(f"`{name}`").cast(str(kind)) for name, kind in code.columns.items()})
    if ORDER_COLUMN not in rows.columns:
        rows = rows.withColumn(ORDER_COLUMN, F.lit(newest))
    return rows if POSITION in rows.columns else rows.withColumn(POSITION, F.lit(0).cast("bigint"))


def _check(code: Code, dataset: Dataset, rows: DataFrame, says_order: bool) -> None:
    """What the job would refuse of rows, by how they are written (docs/transforms.md)."""
    from pyspark.sql import functions as F

    write, key = dataset.table.write, dataset.table.key
    if write in ("replace", "overwrite") and not says_order:
        raise TransformFailed(f"{code.file} does not give {ORDER_COLUMN}, which write: {write} needs")
    if write == "upsert":
        if lacking := rows.where(" or ".join(f"`{name}` is null" for name in key)).count():
            raise TransformFailed(f"{code.file} gives {lacking} rows without a value in the key {', '.join(key)}")
        if twice := rows.groupBy(*key, ORDER_COLUMN, POSITION).count().where(F.col("count") > 1).count():
            raise TransformFailed(f"{code.file} gives {twice} keys ({', '.join(key)}) several rows each")


def _by_object(code: Code, files: Sequence[ReadFile], folder: Path) -> list[ReadFile]:
    """A file of rows for each object that has any, in their order."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    made = pq.read_table(folder / "made")
    found = []
    for number, file in enumerate(files):
        mine = made.filter(pc.equal(made[ORDER_COLUMN], file.row.order)).sort_by(POSITION)
        if mine.num_rows:
            numbered = mine.drop_columns([ORDER_COLUMN, POSITION])
            numbered = numbered.append_column(ROW_COLUMN, pa.array(range(1, mine.num_rows + 1), pa.int64()))
            path = folder / f"made-{number}.parquet"
            pq.write_table(numbered, path)
            found.append(ReadFile(file.row, path, mine.num_rows))
    if astray := made.num_rows - sum(file.rows for file in found):
        raise TransformFailed(f"{code.file} gives {astray} rows whose {ORDER_COLUMN} is none of a staged row")
    return found


def _of_rows(dataset: Dataset, columns: Mapping[str, str]) -> Dataset:
    definition: dict[str, Any] = json.loads(dataset.to_json())
    del definition["transform"]
    optional = {name: {"type": kind, "optional": True} for name, kind in columns.items()}
    return Dataset.from_stored({**definition, "stage_a": {"format": "json", "columns": optional}})
