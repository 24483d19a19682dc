"""What a team's PySpark script has of its batch: the staged rows, the tables that it may read, and where to write.

    from pipeline.lake.transforms import batch

    orders, customers = batch.staged(), batch.table("demo/customers")
    batch.write(orders.join(customers, "customer_id"))

What it hands to `write` goes to the branch of the batch, which nobody reads before the rules of quality have passed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.lake.transforms.code import TransformFailed

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(slots=True)
class _Batch:
    spark: SparkSession
    staged: DataFrame
    tables: Mapping[str, DataFrame]
    written: DataFrame | None = None


_current: list[_Batch] = []


def staged() -> DataFrame:
    """The batch's rows as Stage A staged them, with the columns of their files.

    `_sluice_order` says which object a row is from, and sorts as objects came in; `_sluice_object` names it, and
    `_sluice_row` the line.
    """
    return _now().staged


def table(dataset: str) -> DataFrame:
    """The table of a dataset that `transform.reads` names, by `team/dataset` or what it is called there.

    It is read at one snapshot, which the batch's row names.
    """
    now = _now()
    if dataset not in now.tables:
        named = sorted(name for name in now.tables if "/" in name)
        raise TransformFailed(
            f"the script reads {dataset}, which it was not granted",
            hint=f"Name it under transform.reads and apply; now there is {', '.join(named) or 'nothing'}.",
        )
    return now.tables[dataset]


def spark() -> SparkSession:
    """The session that the script runs in."""
    return _now().spark


def write(rows: DataFrame) -> None:
    """Hand over the rows that the batch is to load. Once: a batch becomes visible as one."""
    now = _now()
    if now.written is not None:
        raise TransformFailed("the script calls batch.write twice", hint="Unite the rows: one.unionByName(other).")
    now.written = rows


def begin(session: SparkSession, rows: DataFrame, tables: Mapping[str, DataFrame]) -> None:
    """Make what a script gets; whoever runs scripts calls it before each."""
    _current[:] = [_Batch(session, rows, tables)]


def end() -> DataFrame | None:
    """What the script wrote, if anything."""
    return _current.pop().written


def _now() -> _Batch:
    if not _current:
        raise TransformFailed("there is no batch: the script runs as a dataset's transform, or in `sluice test`")
    return _current[-1]
