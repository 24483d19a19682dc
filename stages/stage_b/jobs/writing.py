"""Write a batch to a branch of its table: append, upsert or overwrite. Nobody reads the branch but the quality job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.batches.records import Written
from pipeline.datasets.types import Primitive, Type
from pipeline.errors import Inconsistent
from pipeline.tables.evolution import common
from pipeline.tables.names import branch_name
from stages.stage_b.jobs.alignment import quoted
from stages.stage_b.jobs.batch_manifest import Manifest, StagedFile
from stages.stage_b.jobs.branches import BranchedTable
from stages.stage_b.jobs.staged_rows import LINE, OBJECT, ORDER, POSITION, REASON, ROW, StagedRows, staged_rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_VIEW, _WINNING = "sluice_batch", "sluice_winning"


@dataclass(frozen=True, slots=True)
class Job:
    """What one run is about. `quarantine` is the s3:// folder for the rows of this run that cannot be loaded."""

    manifest: Manifest
    run: str
    table: str
    quarantine: str


def write_batch(spark: SparkSession, job: Job, files: Sequence[StagedFile]) -> Written:
    """Load `files` onto a new branch of the table and say what was written."""
    manifest, branch = job.manifest, branch_name(job.manifest.batch, job.run)
    table = BranchedTable(spark, job.table)
    filled = [file for file in files if file.object.rows]
    columns = table.add_columns(_wanted(filled, manifest)) if filled else {}
    good, bad = (None, 0) if not filled else _sort_out(staged_rows(spark, filled, columns, manifest.key), job)
    if good is None or bad == sum(file.object.rows for file in filled):
        return Written(job.run, branch, table.base, None, 0, bad)
    target = table.create_branch(branch)
    loadable = good.select(*(quoted(name) for name in dict.fromkeys((*columns, ORDER, POSITION))))
    superseded = _write(spark, loadable, columns, target, manifest)
    snapshot, rows = table.written(branch)
    _check_count(manifest, filled, rows, bad)
    lost = tuple(sorted(file.object.id for file in files if file.object.order in superseded))
    return Written(job.run, branch, table.base, snapshot if rows else None, rows, bad, lost)


def _check_count(manifest: Manifest, files: Sequence[StagedFile], written: int, bad: int) -> None:
    """Whatever went wrong, rows that are neither in the table nor in quarantine must not go unnoticed."""
    staged = sum(file.object.rows for file in files)
    if manifest.write == "append" and written + bad != staged:
        raise Inconsistent(f"of {staged} staged rows {written} were written and {bad} quarantined")


def _wanted(files: Sequence[StagedFile], manifest: Manifest) -> dict[str, Type]:
    """The columns that the files bring; where they differ, a type for all."""
    columns: dict[str, Type] = {}
    for name, kind in (column for file in files for column in file.columns):
        columns[name] = common(columns[name], kind) if name in columns else kind
    return columns if manifest.write == "append" else {**columns, ORDER: Primitive.STRING}


def _sort_out(staged: StagedRows, job: Job) -> tuple[DataFrame, int]:
    """The rows that can be loaded, and how many cannot; those go to the quarantine bucket as JSON lines."""
    if staged.all_fit:
        return staged.frame, 0
    bad = staged.frame.where(f"{REASON} is not null")
    # Only the columns that can fail are read for this.
    count = bad.count()
    if count:
        head = f"to_json(named_struct('object', {OBJECT}, 'line', {LINE}, 'reason', {REASON}))"
        lines = bad.selectExpr(f"concat(rtrim('}}', {head}), ',\"row\":', {ROW}, '}}') as value")
        quiet = {"mapreduce.fileoutputcommitter.marksuccessfuljobs": "false"}
        lines.write.mode("overwrite").options(**quiet).text(job.quarantine)
    return staged.frame.where(f"{REASON} is null"), count


def _write(
    spark: SparkSession, good: DataFrame, columns: Mapping[str, Type], target: str, manifest: Manifest
) -> set[str]:
    """Write to the branch; returns the orders of objects that newer ones had replaced."""
    match manifest.write:
        case "upsert":
            upsert(spark, good, columns, target, manifest.key)
            return set()
        case "overwrite":
            orders = [found.order for found in manifest.objects]
            return overwrite(spark, good, columns, target, manifest.partition_by, orders)
    _only(good, columns).writeTo(target).append()
    return set()


def _only(frame: DataFrame, columns: Mapping[str, Type]) -> DataFrame:
    return frame.select(*(quoted(name) for name in columns))


def upsert(spark: SparkSession, good: DataFrame, columns: Mapping[str, Type], target: str, key: Sequence[str]) -> None:
    """Insert rows of new keys, and replace rows whose order is not greater; of one key the newest row counts.

    Rows that were written before there was an order have NULL, which is older than anything.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    latest = Window.partitionBy(*key).orderBy(F.col(ORDER).desc(), F.col(POSITION).desc())
    newest = good.withColumn("_sluice_rank", F.row_number().over(latest)).where("_sluice_rank = 1")
    _only(newest, columns).createOrReplaceTempView(_VIEW)
    same = " and ".join(f"t.{quoted(name)} = s.{quoted(name)}" for name in key)
    spark.sql(
        f"merge into {target} t using {_VIEW} s on {same} "
        f"when matched and coalesce(t.{ORDER}, '') <= s.{ORDER} then update set * when not matched then insert *"
    )


def overwrite(
    spark: SparkSession,
    good: DataFrame,
    columns: Mapping[str, Type],
    target: str,
    partition_by: Sequence[str],
    orders: Sequence[str],
) -> set[str]:
    """Replace the table, or the partitions that an object has rows in, by the newest object that has them.

    Returns the orders of the objects that wrote nothing because newer ones, in the batch or in the table, had
    replaced them before.
    """
    if partition_by:
        return _overwrite_partitions(spark, good, columns, target, partition_by)
    from pyspark.sql import functions as F

    newest = _newest(good)
    there = _newest(spark.table(target)) or ""
    if newest is None or newest < there:
        return {order for order in orders if order < there}
    _only(good.where(F.col(ORDER) == newest), columns).writeTo(target).overwrite(F.lit(True))
    return {order for order in orders if order < newest}


def _newest(frame: DataFrame) -> str | None:
    from pyspark.sql import functions as F

    found: Any = frame.agg(F.max(ORDER)).first()
    return found[0]  # type: ignore[no-any-return]


def _overwrite_partitions(
    spark: SparkSession, good: DataFrame, columns: Mapping[str, Type], target: str, partition_by: Sequence[str]
) -> set[str]:
    parts = ", ".join(quoted(name) for name in partition_by)
    good.createOrReplaceTempView(_VIEW)
    brought = f"select {parts}, max({ORDER}) brought from {_VIEW} group by {parts}"
    there = f"select {parts}, max({ORDER}) there from {target} group by {parts}"
    winning = spark.sql(
        f"select b.* from ({brought}) b left join ({there}) t on {_same(partition_by, 'b')} "
        "where coalesce(there, '') <= brought"
    ).persist()
    winning.createOrReplaceTempView(_WINNING)
    winners = {row[0] for row in winning.select("brought").distinct().collect()}
    if winners:
        chosen = spark.sql(
            f"select t.* from {_VIEW} t left semi join {_WINNING} w "
            f"on {_same(partition_by, 'w')} and t.{ORDER} = w.brought"
        )
        _only(chosen, columns).writeTo(target).overwritePartitions()
    return {row[0] for row in good.select(ORDER).distinct().collect()} - winners


def _same(partition_by: Sequence[str], other: str) -> str:
    # NULL is a partition too.
    return " and ".join(f"t.{quoted(name)} <=> {other}.{quoted(name)}" for name in partition_by)
