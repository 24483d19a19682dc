"""Rows that a delivery repeats: an `append` table has them from an earlier version of its key.

Nothing is held back for it: a person may have meant it so, and is told how many they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pipeline.lake.datasets.types import Type
from pipeline.lake.messages.manifest import Manifest
from stages.stage_b.jobs.alignment import quoted
from stages.stage_b.jobs.batch_manifest import StagedFile
from stages.stage_b.jobs.staged_rows import NUMBER, ORDER, REASON, staged_rows

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_VIEW = "sluice_deliveries"
_TO_THE_MICROSECOND = "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX"


def repeated_rows(
    spark: SparkSession,
    manifest: Manifest,
    files: Sequence[StagedFile],
    loaded: Sequence[StagedFile],
    columns: Mapping[str, Type],
) -> dict[str, int]:
    """How many rows of each object of `files` are equal, in all `columns`, to one that came before under its key.

    By the object's digest; an object is not in it that is alone with its key, or one of whose earlier versions is not
    in `loaded`: of that it is not known. What came before is `loaded`, and of `files` those of a smaller order. Rows
    that one file has twice are no repetition.
    """
    compared = _compared(manifest, files, loaded)
    if not compared:
        return {}
    keys = {path: number for number, path in enumerate(dict.fromkeys(file.object.object.path for file in compared))}
    numbers = ", ".join(str(keys[file.object.object.path]) for file in compared)
    # As text: a map is equal to nothing, to Spark.
    options = f"map('ignoreNullFields', 'false', 'timestampFormat', \"{_TO_THE_MICROSECOND}\")"
    row = f"to_json(struct({', '.join(quoted(name) for name in columns if name != ORDER)}), {options})"
    frame = staged_rows(spark, compared, columns, manifest.key).frame
    # A gathered file has rows of files that are not compared, too.
    frame.where(f"{NUMBER} is not null and {REASON} is null").selectExpr(
        f"array({numbers})[{NUMBER}] as key", f"{NUMBER} as place", f"sha2({row}, 256) as row"
    ).createOrReplaceTempView(_VIEW)
    first = "min(place) over (partition by key, row)"
    counted = f"select place, count(*) n, {first} first from {_VIEW} group by key, row, place"
    found = spark.sql(f"select place, sum(if(place > first, n, 0)) from ({counted}) group by place").collect()
    counts = {row[0]: row[1] for row in found}
    # Equal rows of one version are no repetition, and a part is the rest of its version.
    mine = {file.object.object for file in files if not file.object.object.is_part}
    objects = [file.object.object for file in compared]
    return {obj.digest: counts.get(place, 0) for place, obj in enumerate(objects) if obj in mine}


def _compared(manifest: Manifest, files: Sequence[StagedFile], loaded: Sequence[StagedFile]) -> list[StagedFile]:
    """The files of keys that have several, in the order in which they come to the table."""
    there = {file.object.object for file in loaded}
    lost = {one.object.path for one in manifest.loaded if one.object not in there}
    found = [*_in_order(loaded), *_in_order(files)]
    number = Counter(file.object.object.path for file in found)
    return [file for file in found if number[file.object.object.path] > 1 and file.object.object.path not in lost]


def _in_order(files: Iterable[StagedFile]) -> list[StagedFile]:
    return sorted((file for file in files if file.object.rows), key=lambda file: file.object.order)
