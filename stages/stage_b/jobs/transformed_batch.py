"""Write a batch whose rows go through a transform of the team's own: what that gives is what is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.core.errors import Inconsistent, SluiceError, Transient
from pipeline.lake.batches.results import may_move
from pipeline.lake.datasets.types import Primitive, Type, parse_type
from pipeline.lake.messages.manifest import Manifest
from pipeline.lake.messages.written import Written
from pipeline.lake.tables.names import branch_name
from pipeline.lake.transforms.code import Code, TransformFailed
from pipeline.lake.transforms.columns import agreed_columns
from pipeline.lake.transforms.python_code import brought
from pipeline.lake.transforms.run import run
from stages.stage_b.jobs.alignment import cast, quoted
from stages.stage_b.jobs.batch_manifest import StagedFile
from stages.stage_b.jobs.branch_writes import Job, Loadable, columns_of, set_aside, whose, write_rows
from stages.stage_b.jobs.branches import BranchedTable
from stages.stage_b.jobs.failure import was_lost
from stages.stage_b.jobs.repeated_rows import repeated_rows
from stages.stage_b.jobs.staged_rows import LINE, OBJECT, ORDER, POSITION, REASON, staged_rows
from stages.stage_b.jobs.tally import Counting

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def write_transformed(
    spark: SparkSession, job: Job, code: Code, files: Sequence[StagedFile], loaded: Sequence[StagedFile] = ()
) -> Written:
    """Load what `code` makes of `files` onto a new branch of the table and say what was written.

    `TransformFailed` for what is the team's to mend, `Inconsistent` for a staged row that it was not given or one of
    its own that was not written (PROTOCOL, Stage B 2).
    """
    manifest, branch = job.manifest, branch_name(job.manifest.batch, job.run)
    table = BranchedTable(spark, job.table, job.home)
    filled = [file for file in files if file.object.rows]
    if not filled:
        return Written(job.run, branch, table.base, None, 0, given=0, made=0)
    tables = _Tables.of(spark, job, code)
    staged = staged_rows(spark, filled, _staged_columns(filled, manifest), ())
    bad = set_aside(staged, job)
    tally = Counting(staged.frame, filled).alone()
    given = sum(tally.good.values())
    if given + bad != sum(tally.read.values()):
        raise Inconsistent(
            f"of {sum(tally.read.values())} staged rows {given} could be loaded and {bad} were set aside"
        )
    made = _made(spark, job, code, table, staged.frame, tables)
    written = Written(job.run, branch, table.base, None, 0, bad, set_aside=whose(tally, filled), given=given)
    written = replace(written, made=made.number, read=tables.snapshots)
    if not made.number:
        return written
    target = table.create_branch(branch)
    done = write_rows(spark, Loadable(made.rows, made.rows), made.columns, target, manifest)
    snapshot, rows = table.written(branch)
    expected = made.number if manifest.write == "append" else done.rows
    if expected is not None and rows != expected:
        raise Inconsistent(f"{expected} rows had to be written and {rows} were")
    appends = manifest.write == "append"
    return replace(
        written,
        snapshot=snapshot if rows else None,
        rows=rows,
        superseded=tuple(sorted(f.object.object.versioned_path for f in files if f.object.order in done.superseded)),
        superseded_rows=max(0, made.number - rows),
        can_move=may_move(code, manifest),
        repeated=repeated_rows(spark, manifest, filled, loaded, columns_of(filled)) if appends else {},
    )


@dataclass(frozen=True, slots=True)
class _Tables:
    """The tables that a transform reads, each at one snapshot."""

    frames: Mapping[str, DataFrame]
    snapshots: Mapping[str, str]

    @classmethod
    def of(cls, spark: SparkSession, job: Job, code: Code) -> _Tables:
        prefix = job.table.partition(".")[0].removesuffix(job.manifest.definition["team"])
        names = {view: f"{prefix}{dataset.team}.{dataset.dataset}" for view, dataset in code.views.items()}
        frames, snapshots = {}, {}
        for view, dataset in code.views.items():
            with _named(code, str(dataset)):
                read = BranchedTable(spark, names[view])
                frame = spark.read.option("snapshot-id", str(read.base)).table(read.name)
            frames[view] = frame.drop(ORDER)
            snapshots[str(dataset)] = str(read.base)
        return cls(frames, snapshots)


@contextmanager
def _named(code: Code, dataset: str) -> Iterator[None]:
    """An error of a table that cannot be read as the team's, with what to do: it has named the table."""
    try:
        yield
    except Exception as error:
        text = str(error)
        if was_lost(error):
            raise
        if "AccessDenied" in text:
            raise TransformFailed(
                f"{code.file} reads {dataset}, which it was not granted", hint="Run `sluice datasets apply`."
            ) from None
        if "NoSuchTableException" in text or "cannot be found" in text or "EntityNotFound" in text:
            raise TransformFailed(
                f"{code.file} reads {dataset}, whose table is not there", hint=f"Apply {dataset} first."
            ) from None
        raise


def _staged_columns(files: Sequence[StagedFile], manifest: Manifest) -> dict[str, Type]:
    """Those that the dataset declares, which files of an earlier definition may lack, and what files have beside."""
    said = manifest.definition["stage_a"].get("columns", {})
    declared = {
        name: parse_type(column if isinstance(column, str) else column["type"]) for name, column in said.items()
    }
    return {**declared, **{name: kind for name, kind in columns_of(files).items() if name not in declared}}


@dataclass(frozen=True, slots=True)
class _Made:
    """What the transform gave: `number` rows, with the table's `columns`, their order and place."""

    rows: DataFrame
    number: int
    columns: Mapping[str, Type]


def _made(spark: SparkSession, job: Job, code: Code, table: BranchedTable, staged: DataFrame, tables: _Tables) -> _Made:
    own, known = (ORDER, OBJECT, LINE, POSITION, REASON), table.columns()
    names = [name for name in staged.columns if name in own or not name.startswith("_sluice_")]
    rows = staged.where(f"{REASON} is null").select(*map(quoted, names)).drop(REASON)
    with _blamed(code):
        made = run(spark, code, rows, tables.frames, {} if table.is_new else known)
    columns = [(field.name, parse_type(field.dataType.simpleString())) for field in made.schema.fields]
    given = [(name, kind) for name, kind in columns if name != POSITION]
    agreed_columns(code, given, known, table.is_new)
    _check_order(code, job.manifest.write, dict(given))
    wanted = {name: code.columns.get(name, kind) for name, kind in given if name != ORDER}
    if job.manifest.write != "append":
        wanted[ORDER] = Primitive.STRING
    wider = table.add_columns(wanted)
    aligned = _aligned(made, dict(columns), wider, _newest(job.manifest)).persist()
    with _blamed(code):
        # Kept from here on: what is counted and checked is what is written, however often it is read.
        number = aligned.count()
    _check_main(spark, code, table)
    _check_rows(code, job.manifest, aligned)
    return _Made(aligned, number, wider)


def _newest(manifest: Manifest) -> str:
    return max(staged.order for staged in manifest.objects)


def _check_order(code: Code, write: str, given: Mapping[str, Type]) -> None:
    if write in ("replace", "overwrite") and ORDER not in given:
        raise TransformFailed(
            f"{code.file} does not give {ORDER}, and write: {write} has to know which object a row is from",
            hint="Select it with the columns, and group by it too; or say write: upsert, with a key.",
        )
    if given.get(ORDER, Primitive.STRING) != Primitive.STRING:
        raise TransformFailed(f"{code.file} gives {ORDER} as {given[ORDER]}; hand on that of staged rows")


def _aligned(made: DataFrame, have: Mapping[str, Type], want: Mapping[str, Type], newest: str) -> DataFrame:
    """The rows with the columns of the table; one whose object is not known is of the batch's newest."""
    from pyspark.sql import functions as F

    kept = [name for name in (ORDER, POSITION) if name in have]
    values = {
        name: cast(quoted(name), have[name], kind).value if name in have else None
        for name, kind in want.items()
        if name != ORDER
    }
    columns = [
        F.expr(value).alias(name) if value else F.lit(None).cast(str(want[name])).alias(name)
        for name, value in values.items()
    ]
    frame = made.select(*columns, *kept)
    if ORDER not in have:
        frame = frame.withColumn(ORDER, F.lit(newest))
    return frame if POSITION in have else frame.withColumn(POSITION, F.lit(0).cast("bigint"))


def _check_rows(code: Code, manifest: Manifest, rows: DataFrame) -> None:
    """What rows of each way of writing have to be; values of rows are not told."""
    key = manifest.key
    if manifest.write == "upsert":
        lacking = rows.where(" or ".join(f"{quoted(name)} is null" for name in key)).count()
        if lacking:
            raise TransformFailed(f"{code.file} gives {lacking} rows without a value in the key {', '.join(key)}")
        twice = rows.groupBy(*key, ORDER, POSITION).count().where("count > 1").count()
        if twice:
            raise TransformFailed(
                f"{code.file} gives {twice} keys ({', '.join(key)}) several rows each, and not which of them counts",
                hint="Group by the key, or keep one row of each: row_number() over (partition by … order by …) = 1.",
            )
    if manifest.write in ("replace", "overwrite"):
        known = [staged.order for staged in manifest.objects]
        odd = rows.where(rows[ORDER].isNull() | ~rows[ORDER].isin(known)).count()
        if odd:
            raise TransformFailed(f"{code.file} gives {odd} rows whose {ORDER} is none of a staged row")


def _check_main(spark: SparkSession, code: Code, table: BranchedTable) -> None:
    """A team's program has the rights of its job, which may write the table: what moved `main` while it ran?

    SQL writes nothing; what moves `main` beside it is somebody else, whom the commit meets.
    """
    since = [] if code.kind == "sql" else table.since_base()
    own = spark.sparkContext.applicationId
    if mine := [snapshot for snapshot, application in since if application == own]:
        raise TransformFailed(
            f"{code.file} wrote to main of its table, past the rules of quality: snapshot {mine[0]}",
            hint=f"Hand rows to batch.write alone. Snapshot {table.base} is the table before that.",
        )
    if since:
        raise Transient(
            f"main of the table moved while {code.file} ran, to snapshot {since[0][0]}: by it, or by another writer"
        )


@contextmanager
def _blamed(code: Code) -> Iterator[None]:
    """What Spark brings of an error in the team's code as the team's; without values of rows."""
    try:
        yield
    except SluiceError:
        raise
    except Exception as error:
        if was_lost(error):
            raise
        if failed := brought(code, str(error)):
            raise failed from None
        condition = getattr(error, "getErrorClass", lambda: None)()
        if condition:
            raise TransformFailed(f"{code.file}: Spark failed while it computed: {condition}") from None
        raise
