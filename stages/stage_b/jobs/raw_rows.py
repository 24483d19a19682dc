"""What rules compare a batch with: the rows of its files, as Stage A read them (`pipeline.lake.quality.references`)."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import BadDefinition
from pipeline.lake.datasets.types import Decimal, Primitive, Type
from pipeline.lake.messages.manifest import Manifest
from pipeline.lake.tables.evolution import common
from stages.stage_b.jobs.alignment import quoted, type_sql
from stages.stage_b.jobs.batch_manifest import StagedFile, inspect_staged
from stages.stage_b.jobs.staged_rows import staged_rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_NUMBERS = (Primitive.INT, Primitive.BIGINT, Primitive.FLOAT, Primitive.DOUBLE)


def raw_rows(spark: SparkSession, s3: Any, manifest: Manifest, set_aside: int, columns: Collection[str]) -> DataFrame:
    """As many rows as the files of the batch had, with `columns`; those that Stage A set aside have NULL in each.

    The files are read only for columns, and of them only those. `BadDefinition` if one has no numbers, `Gone` if a
    staged file is there no more.
    """
    if not columns:
        return spark.range(sum(each.rows for each in manifest.objects) + set_aside).toDF("n")
    files = [file for file in inspect_staged(s3, manifest) if file.object.rows]
    kinds = {name: _kind(files, name) for name in sorted(columns)}
    nulls = [f"cast(null as {type_sql(kind)}) as {quoted(name)}" for name, kind in kinds.items()]
    without_values = spark.range(set_aside).selectExpr(*nulls)
    if not files:
        return without_values
    staged = staged_rows(spark, files, kinds, ()).frame
    return staged.select(*(quoted(name) for name in kinds)).unionByName(without_values)


def _kind(files: Collection[StagedFile], name: str) -> Type:
    """The type for all values of a column; of one that no file has, any of numbers."""
    found: Type | None = None
    for kind in (kind for file in files for column, kind in file.columns if column == name):
        found = kind if found is None else common(found, kind)
    if found is None:
        return Primitive.BIGINT
    if not isinstance(found, Decimal) and found not in _NUMBERS:
        raise BadDefinition(f"the ruleset cannot be evaluated: {name} is {found} in the files, and no number")
    return found
