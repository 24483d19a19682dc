"""Write a batch to a branch of its table, which nobody reads but the quality job."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.lake.datasets.types import Primitive, Type
from pipeline.lake.messages.manifest import Manifest
from pipeline.lake.messages.written import Written
from pipeline.lake.tables.evolution import common
from pipeline.lake.tables.names import branch_name
from stages.stage_b.jobs.alignment import quoted
from stages.stage_b.jobs.batch_manifest import StagedFile
from stages.stage_b.jobs.branches import BatchTable, Branch, BranchedTable
from stages.stage_b.jobs.parquet_files import ParquetTable
from stages.stage_b.jobs.repeated_rows import repeated_rows
from stages.stage_b.jobs.replacement import replace_versions
from stages.stage_b.jobs.staged_rows import LINE, OBJECT, ORDER, POSITION, REASON, ROW, StagedRows, staged_rows
from stages.stage_b.jobs.tally import Counting, Tally, check_accounts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_VIEW, _WINNING = "sluice_batch", "sluice_winning"
_ADDING = "_sluice_adding"


@dataclass(frozen=True, slots=True)
class Job:
    """What one run is about. `quarantine` is the s3:// folder for the rows of this run that cannot be loaded, `home`
    that of the table, to which it is held if that is said."""

    manifest: Manifest
    run: str
    table: str
    quarantine: str
    home: str | None = None


def write_batch(
    spark: SparkSession, job: Job, files: Sequence[StagedFile], loaded: Sequence[StagedFile] = ()
) -> Written:
    """Load `files` onto a new branch of the table and say what was written; `loaded` are of the manifest's `loaded`.

    `Inconsistent` if a row is neither written nor set aside nor superseded by a newer one (PROTOCOL, Stage B 2).
    """
    manifest, branch = job.manifest, branch_name(job.manifest.batch, job.run)
    table = opened(spark, job)
    filled = [file for file in files if file.object.rows]
    if not filled:
        return Written(job.run, branch, table.base, None, 0)
    columns = table.add_columns(_wanted(filled, manifest))
    staged = staged_rows(spark, filled, columns, manifest.key)
    bad = set_aside(staged, job)
    if bad == sum(file.object.rows for file in filled):
        all_bad = {file.object.object.digest: file.object.rows for file in filled}
        return Written(job.run, branch, table.base, None, 0, bad, set_aside=all_bad)
    target = table.create_branch(branch)
    counting = Counting(staged.frame, filled)
    values = values_of(dict.fromkeys((*columns, ORDER, POSITION)), columns, manifest)
    done = write_rows(spark, _loadable(counting, staged.all_fit, values), columns, target, manifest)
    tally = counting.result()
    snapshot, rows = table.written(branch)
    expected = sum(tally.good.values()) if manifest.write == "append" else done.rows
    superseded = check_accounts(tally, bad, rows, expected)
    lost = tuple(sorted(file.object.object.versioned_path for file in files if file.object.order in done.superseded))
    appends = manifest.write == "append"
    return Written(
        job.run,
        branch,
        table.base,
        snapshot if rows else None,
        rows,
        bad,
        lost,
        superseded,
        can_move=appends and not manifest.judges_table,
        set_aside=whose(tally, filled),
        repeated=repeated_rows(spark, manifest, filled, loaded, columns) if appends else {},
    )


def opened(spark: SparkSession, job: Job) -> BatchTable:
    """The table that the job writes to, by what it is made of."""
    if job.manifest.format == "parquet":
        return ParquetTable(spark, job.table, job.manifest.partition_by)
    reads = job.manifest.was_transformed and job.manifest.write != "append"
    return BranchedTable(spark, job.table, job.home, reads=reads)


def whose(tally: Tally, files: Sequence[StagedFile]) -> dict[str, int]:
    """How many rows of each object were set aside, where there are any."""
    bad = {place: read - tally.good.get(place, 0) for place, read in tally.read.items()}
    return {files[place].object.object.digest: number for place, number in sorted(bad.items()) if number}


def columns_of(files: Sequence[StagedFile]) -> dict[str, Type]:
    """The columns that the files bring; where they differ, a type for all."""
    columns: dict[str, Type] = {}
    for name, kind in (column for file in files for column in file.columns):
        columns[name] = common(columns[name], kind) if name in columns else kind
    return columns


def _wanted(files: Sequence[StagedFile], manifest: Manifest) -> dict[str, Type]:
    """The columns that the table needs for them."""
    columns = columns_of(files)
    return columns if manifest.write == "append" else {**columns, ORDER: Primitive.STRING}


def set_aside(staged: StagedRows, job: Job) -> int:
    """Write the rows that cannot be loaded to the quarantine bucket as JSON lines, and say how many they are."""
    if staged.all_fit:
        return 0
    bad = staged.frame.where(f"{REASON} is not null")
    # Only the columns that can fail are read for this.
    count = bad.count()
    if count:
        head = f"to_json(named_struct('object', {OBJECT}, 'line', {LINE}, 'reason', {REASON}))"
        lines = bad.selectExpr(f"concat(rtrim('}}', {head}), ',\"row\":', {ROW}, '}}') as value")
        quiet = {"mapreduce.fileoutputcommitter.marksuccessfuljobs": "false"}
        lines.write.mode("overwrite").options(**quiet).text(job.quarantine)
    return count


@dataclass(frozen=True, slots=True)
class Loadable:
    """Rows with the table's columns, their object's order and their place in it: `counted` counts the staged rows in
    its first action, `good` are the same rows."""

    counted: DataFrame
    good: DataFrame


@dataclass(frozen=True, slots=True)
class Done:
    """What a write did: how many rows it had to write, where that is known before, and the orders of the objects
    that newer ones had replaced."""

    rows: int | None = None
    superseded: frozenset[str] = frozenset()


def values_of(names: Iterable[str], columns: Mapping[str, Type], manifest: Manifest) -> list[str]:
    """What is loaded of each column, as SQL.

    Spark writes an empty text into the name of a folder as no value: it has to be none before partitions are compared,
    or rows without a value are taken for those of another partition, and replaced.
    """
    folders = set(manifest.partition_by) if manifest.format == "parquet" else set()
    empty = {name for name in folders if columns.get(name) == Primitive.STRING}
    return [f"nullif({quoted(name)}, '') as {quoted(name)}" if name in empty else quoted(name) for name in names]


def _loadable(counting: Counting, all_fit: bool, values: Sequence[str]) -> Loadable:
    def loadable(frame: DataFrame) -> DataFrame:
        good = frame if all_fit else frame.where(f"{REASON} is null")
        return good.selectExpr(*values)

    return Loadable(loadable(counting.counted), loadable(counting.frame))


def write_rows(
    spark: SparkSession, rows: Loadable, columns: Mapping[str, Type], target: Branch, manifest: Manifest
) -> Done:
    """Write to the branch. The first action is on `rows.counted`."""
    counted, good = rows.counted, rows.good
    match manifest.write:
        case "upsert":
            upsert(spark, counted, columns, target.name, manifest.key)
            return Done()
        case "replace":
            parts = parts_of(manifest)
            return Done(*replace_versions(spark, counted, good, columns, target.name, parts))
        case "overwrite" if manifest.partition_by:
            return _overwrite_partitions(spark, counted, good, columns, target, manifest)
        case "overwrite":
            return _overwrite(spark, counted, good, columns, target, manifest)
    target.append(_only(counted, columns))
    return Done()


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


def _overwrite(
    spark: SparkSession,
    counted: DataFrame,
    good: DataFrame,
    columns: Mapping[str, Type],
    target: Branch,
    manifest: Manifest,
) -> Done:
    """Replace the table by the newest object, unless what is there is newer."""
    from pyspark.sql import functions as F

    by_order = counted.groupBy(ORDER).agg(F.count("*").alias("n"))
    newest, rows = _one(by_order.agg(F.max(ORDER), F.max_by("n", ORDER)))
    there = _one(spark.table(target.name).agg(F.max(ORDER)))[0] or ""
    orders = [found.order for found in manifest.objects]
    if newest is None or newest < there:
        return Done(0, frozenset(order for order in orders if order < there))
    chosen = _only(good.where(F.col(ORDER) == newest), columns)
    if newest == there and newest in parts_of(manifest):
        target.append(chosen)
    else:
        target.overwrite(chosen)
    return Done(rows, frozenset(order for order in orders if order < newest))


def parts_of(manifest: Manifest) -> frozenset[str]:
    """The orders of versions of which only rows come that were set aside before: the table keeps their others."""
    return frozenset(each.order for each in manifest.objects if each.object.is_part)


def _one(frame: DataFrame) -> Any:
    """The only row of an aggregate."""
    return frame.first()


def _overwrite_partitions(
    spark: SparkSession,
    counted: DataFrame,
    good: DataFrame,
    columns: Mapping[str, Type],
    target: Branch,
    manifest: Manifest,
) -> Done:
    """Replace the partitions that an object has rows in by the newest object that has them.

    An object is superseded that wrote nothing because newer ones, in the batch or in the table, have all of its.
    """
    from pyspark.sql import functions as F

    partition_by = manifest.partition_by
    parts = ", ".join(quoted(name) for name in partition_by)
    counted.createOrReplaceTempView(_VIEW)
    by_object = f"select {parts}, {ORDER}, count(*) n from {_VIEW} group by {parts}, {ORDER}"
    brought = f"select {parts}, max({ORDER}) brought, max_by(n, {ORDER}) n from ({by_object}) group by {parts}"
    there = f"select {parts}, max({ORDER}) there from {target.name} group by {parts}"
    winning = spark.sql(
        f"select b.*, there from ({brought}) b left join ({there}) t on {_same(partition_by, 'b')} "
        "where coalesce(there, '') <= brought"
    )
    late = parts_of(manifest)
    is_added = F.col("brought").isin(sorted(late)) & F.col("brought").eqNullSafe(F.col("there"))
    winning = winning.withColumn(_ADDING, is_added if late else F.lit(False)).persist()
    winning.createOrReplaceTempView(_WINNING)
    found = winning.groupBy("brought", _ADDING).sum("n").collect()
    if found:
        good.createOrReplaceTempView(_VIEW)
        chosen = spark.sql(
            f"select t.*, w.{_ADDING} from {_VIEW} t join {_WINNING} w "
            f"on {_same(partition_by, 'w')} and t.{ORDER} = w.brought"
        )
        if any(row[1] for row in found):
            # A part is added to what a partition has of its version; elsewhere what is there goes. All rows in one
            # snapshot, the last, for that is what is judged. What is cached is computed again after the deletion, which
            # changes nothing of what is chosen.
            gone = f"select 1 from {_WINNING} w where {_same(partition_by, 'w')} and not w.{_ADDING}"
            target.delete(f"exists ({gone})")
            target.append(_only(chosen, columns))
        else:
            target.overwrite_partitions(_only(chosen, columns))
    winners = {row[0] for row in found}
    losers = {row[0] for row in good.select(ORDER).distinct().collect()} - winners
    return Done(sum(row[2] for row in found), frozenset(losers))


def _same(partition_by: Sequence[str], other: str) -> str:
    # NULL is a partition too.
    return " and ".join(f"t.{quoted(name)} <=> {other}.{quoted(name)}" for name in partition_by)
