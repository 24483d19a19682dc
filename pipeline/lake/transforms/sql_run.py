"""Run a team's SQL: one SELECT over the staged rows and the tables that it may read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.lake.transforms.code import Code, TransformFailed

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def select(spark: SparkSession, code: Code) -> DataFrame:
    """What the statement gives; its views are there. `TransformFailed` with Spark's own words, which name the place."""
    from pyspark.errors import AnalysisException

    try:
        return spark.sql(code.text.strip().rstrip(";"))
    except AnalysisException as error:
        said = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise TransformFailed(f"{code.file}: {said.strip().rstrip(';')}") from None
