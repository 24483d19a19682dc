"""The rows of a batch's staged files as one DataFrame with the table's columns, each with where it came from."""

from __future__ import annotations

import functools
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.lake.datasets.system_columns import ORDER_COLUMN, ROW_COLUMN
from pipeline.lake.datasets.types import Type
from stages.stage_b.jobs.alignment import Cast, cast, quoted, type_sql
from stages.stage_b.jobs.batch_manifest import StagedFile
from stages.stage_b.jobs.printed_paths import SCHEME, by_spelling
from stages.stage_b.jobs.small_files import PATH, PLACE

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ORDER, LINE = ORDER_COLUMN, ROW_COLUMN
OBJECT, POSITION, REASON, ROW = "_sluice_object", "_sluice_position", "_sluice_reason", "_sluice_raw"
"""The row's object, its place in the staged file, why it cannot be loaded, and the row itself as JSON."""
NUMBER = "_sluice_number"
"""The place of the row's file among the files; NULL for a row that no file was found for."""

_FILE = "_sluice_file"


@dataclass(frozen=True, slots=True)
class StagedRows:
    """`frame` has the table's columns and the seven above; `all_fit` says that no row can have a reason."""

    frame: DataFrame
    all_fit: bool


def staged_rows(
    spark: SparkSession, files: Sequence[StagedFile], table: Mapping[str, Type], required: Iterable[str]
) -> StagedRows:
    """Read `files`, which are not empty, and bring them to the columns of `table`; `required` must not be NULL.

    A file's rows keep their place in it (the row index that Spark tells), however Spark splits it.
    """
    required = tuple(required)
    alike: dict[tuple[tuple[tuple[str, Type], ...], str | None], list[StagedFile]] = defaultdict(list)
    for file in files:
        alike[file.columns, file.gathered].append(file)
    frames, conditions = [], 0
    for (columns, _), group in alike.items():
        casts = casts_of(columns, table)
        reasons = reasons_sql(casts, columns, table, required)
        conditions += len(reasons)
        frames.append(_read(spark, group, casts, reasons))
    united = functools.reduce(lambda one, other: one.unionByName(other), frames)
    return StagedRows(_with_objects(spark, united, files), conditions == 0)


def casts_of(columns: Sequence[tuple[str, Type]], table: Mapping[str, Type]) -> dict[str, Cast]:
    """How each column of the table comes from a file with `columns`; one that the file lacks is NULL."""
    have = dict(columns)
    return {
        name: cast(quoted(name), have[name], want) if name in have else Cast(f"cast(null as {type_sql(want)})")
        for name, want in table.items()
        if name != ORDER
    }


def reasons_sql(
    casts: Mapping[str, Cast],
    columns: Sequence[tuple[str, Type]],
    table: Mapping[str, Type],
    required: Iterable[str],
) -> list[str]:
    """WHEN clauses that say why a row cannot be loaded; of several the first counts."""
    have = dict(columns)
    null_keys = [f"when {casts[name].value} is null then 'key column {name} is null'" for name in required]
    misfits = [
        f"when not {one.fits} then 'column {name}: a {have[name]} that is no {table[name]} without loss'"
        for name, one in casts.items()
        if one.fits
    ]
    # A key that does not fit its type becomes NULL: the misfit is the reason to give.
    return [*misfits, *null_keys]


def _read(spark: SparkSession, group: Sequence[StagedFile], casts: Mapping[str, Cast], reasons: list[str]) -> DataFrame:
    """The rows of files that are alike: each read for itself, or all of them where they were gathered."""
    columns, source = group[0].columns, group[0].gathered
    hidden = _hidden(columns)
    file, position = f"regexp_replace({hidden}.file_path, '{SCHEME}', '')", f"{hidden}.row_index"
    schema = [*(f"{quoted(name)} {type_sql(kind)}" for name, kind in columns), f"{LINE} bigint"]
    if source:
        file, position = PATH, PLACE
        schema += [f"{PATH} string", f"{PLACE} bigint"]
    # Days before 1582 in a file without Spark's mark could be of another calendar; staged ones are not.
    reader = spark.read.schema(", ".join(schema)).option("datetimeRebaseMode", "CORRECTED")
    raw = reader.parquet(*([source] if source else [one.object.staged for one in group]))
    reason = f"case {' '.join(reasons)} end" if reasons else "cast(null as string)"
    parts = ", ".join(quoted(name) for name, _ in columns)
    return raw.selectExpr(
        *(f"{one.value} as {quoted(name)}" for name, one in casts.items()),
        LINE,
        f"{reason} as {REASON}",
        f"to_json(struct({parts}), map('ignoreNullFields', 'false')) as {ROW}",
        f"{file} as {_FILE}",
        f"{position} as {POSITION}",
    )


def _hidden(columns: Sequence[tuple[str, Type]]) -> str:
    """What Spark calls its column about the file: where a file has a column of that name, it puts underscores before.

    A name of the file's instead would lose rows: no file is found at what stands there.
    """
    names = {name for name, _ in columns}
    hidden = "_metadata"
    while hidden in names:
        hidden = f"_{hidden}"
    return hidden


def _with_objects(spark: SparkSession, frame: DataFrame, files: Sequence[StagedFile]) -> DataFrame:
    """Add the file's number, and the object's order and id: as literals for one file, else by the path's spelling.

    A row of a path that is spelled in no known way stays, without them: whoever counts the rows finds it.
    """
    from pyspark.sql import functions as F

    if len(files) == 1:
        only = files[0].object
        return frame.drop(_FILE).withColumns(
            {NUMBER: F.lit(0), ORDER: F.lit(only.order), OBJECT: F.lit(only.object.versioned_path)}
        )
    places = by_spelling([file.object.staged for file in files])
    objects = [(file.object.order, file.object.object.versioned_path) for file in files]
    known = json.dumps([[spelled, place, *objects[place]] for spelled, place in places.items()])
    entries = spark.range(1).select(F.explode(F.from_json(F.lit(known), "array<array<string>>")).alias("entry"))
    lookup = entries.selectExpr(
        f"entry[0] as {_FILE}", f"int(entry[1]) as {NUMBER}", f"entry[2] as {ORDER}", f"entry[3] as {OBJECT}"
    )
    return frame.join(F.broadcast(lookup), _FILE, "left").drop(_FILE)
