"""Run a transform, of whichever kind it is, on a Spark session: a job's, or that of a test."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.lake.datasets.system_columns import ORDER_COLUMN
from pipeline.lake.datasets.types import Type
from pipeline.lake.transforms import batch
from pipeline.lake.transforms.code import STAGED, Code, TransformFailed
from pipeline.lake.transforms.python_code import executed, told
from pipeline.lake.transforms.python_run import POSITION, SAMPLE_ROWS, columns_given, mapped
from pipeline.lake.transforms.sql_run import select

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession


def run(
    spark: SparkSession,
    code: Code,
    staged: DataFrame,
    tables: Mapping[str, DataFrame],
    known: Mapping[str, Type],
) -> DataFrame:
    """The rows that `code` makes of `staged`, whose columns are those of the files and Sluice's own.

    `tables` are those that it may read, by what it calls them; `known` the columns that it is to give, if they are
    known. Nothing is computed yet but a sample for a function whose columns are not known. `TransformFailed` if it
    cannot be run.
    """
    if code.kind == "python":
        return _python(spark, code, staged, known)
    for name, frame in {**tables, STAGED: staged.drop(POSITION)}.items():
        frame.createOrReplaceTempView(name)
    if code.kind == "sql":
        return select(spark, code)
    return _script(spark, code, staged.drop(POSITION), tables)


def _python(spark: SparkSession, code: Code, staged: DataFrame, known: Mapping[str, Type]) -> DataFrame:
    # A worker on the driver's machine finds what the driver finds; on others Glue brings it.
    spark.sparkContext.environment.setdefault("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    rows = staged.select(*(name for name in staged.columns if not _is_of_ours(name)), ORDER_COLUMN, POSITION)
    columns = dict(code.columns) or {name: kind for name, kind in known.items() if name != ORDER_COLUMN}
    if not columns:
        # Of one object: so is each batch that the function gets later.
        first = rows.limit(SAMPLE_ROWS).drop(ORDER_COLUMN, POSITION)
        columns = columns_given(code, _arrow(first))
    return mapped(code, rows, columns)


def _is_of_ours(name: str) -> bool:
    return name.startswith("_sluice_")


def _arrow(frame: DataFrame) -> pa.Table:
    import pyarrow as pa
    from pyspark.sql.pandas.types import to_arrow_schema

    rows = [row.asDict(recursive=True) for row in frame.collect()]
    return pa.Table.from_pylist(rows, schema=to_arrow_schema(frame.schema))


def _script(spark: SparkSession, code: Code, staged: DataFrame, tables: Mapping[str, DataFrame]) -> DataFrame:
    named = {str(code.views[name]): frame for name, frame in tables.items() if name in code.views}
    batch.begin(spark, staged, {**tables, **named})
    try:
        executed(code, {})
    except TransformFailed as error:
        raise TransformFailed(f"{code.file}: {error.message}", hint=error.hint) from error
    except SystemExit as ended:
        if ended.code not in (None, 0):
            raise TransformFailed(told(code, ended)) from ended
    except BaseException as error:
        raise TransformFailed(told(code, error)) from error
    written = batch.end()
    if written is None:
        raise TransformFailed(f"{code.file} ended without batch.write", hint="Hand it the rows to load, once.")
    return written
