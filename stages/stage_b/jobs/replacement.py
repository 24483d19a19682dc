"""Write objects in place of their earlier versions: which rows those wrote, a table's order column tells."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from pipeline.core.objects import key_of
from stages.stage_b.jobs.alignment import quoted
from stages.stage_b.jobs.staged_rows import ORDER

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_KEYS = "sluice_keys"
KEY_SQL = f"regexp_replace({ORDER}, '^[^|]*[|][^|]*[|]|[|][^|]*$', '')"
"""The key of the object that wrote a row; `key_of` is the same rule."""


def replace_versions(
    spark: SparkSession,
    counted: DataFrame,
    good: DataFrame,
    columns: Iterable[str],
    target: str,
    parts: Collection[str] = (),
) -> tuple[int, frozenset[str]]:
    """Write the newest version of each object instead of what its earlier ones wrote, unless what is there is newer.

    Both steps are on the branch, so that readers see them at once. Returns how many rows had to be written, and the
    orders of the versions that newer ones had replaced. Only versions with a row that can be loaded count: others
    replace nothing. `parts` are the orders of versions of which only some rows come, those that were set aside before:
    they are added to what the version has in the table, and take the place of earlier ones only.
    """
    from pyspark.sql import functions as F

    # Rows of no known object have no order: whoever counts the rows finds them.
    rows = {row[0]: row[1] for row in counted.groupBy(ORDER).agg(F.count("*")).collect() if row[0]}
    newest: dict[str, str] = {}
    for order in rows:
        newest[key_of(order)] = max(order, newest.get(key_of(order), ""))
    if not newest:
        return 0, frozenset()
    _name_keys(spark, newest)
    of_keys = f"{KEY_SQL} in (select key from {_KEYS})"
    found = spark.sql(f"select {KEY_SQL}, max({ORDER}) from {target} where {of_keys} group by 1").collect()
    there: dict[str, str] = {row[0]: row[1] for row in found}
    winners = {key: order for key, order in newest.items() if order >= there.get(key, "")}
    adding = {key for key, order in winners.items() if order in parts and there.get(key) == order}
    if replaced := sorted((winners.keys() & there.keys()) - adding):
        _name_keys(spark, replaced)
        spark.sql(f"delete from {target} where {of_keys}")
    written = sorted(winners.values())
    if written:
        good.where(F.col(ORDER).isin(written)).select(*map(quoted, columns)).writeTo(target).append()
    return sum(rows[order] for order in written), frozenset(rows.keys() - set(written))


def _name_keys(spark: SparkSession, keys: Iterable[str]) -> None:
    """As a view and not as text of SQL: people name objects as they like."""
    from pyspark.sql import functions as F

    listed = F.from_json(F.lit(json.dumps(list(keys))), "array<string>")
    spark.range(1).select(F.explode(listed).alias("key")).createOrReplaceTempView(_KEYS)
