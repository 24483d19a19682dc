"""What else of a file is in an `append` table, where each version of a key is a delivery of its own. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pipeline.lake.catalog import ObjectRow, Status
from pipeline.operate.formatting import counted

if TYPE_CHECKING:
    from pipeline.lake.datasets.model import Table


def beside(row: ObjectRow, versions: Iterable[ObjectRow], table: Table) -> int:
    """How many rows of earlier `versions` of its key are in the table beside those of `row`, of which it is not known
    whether they are the same; 0 where its batch compared them, and where `row` is not loaded."""
    if table.write != "append" or row.status is not Status.COMMITTED or not row.good or row.rows_repeated is not None:
        return 0
    earlier = (each for each in versions if each.order < row.order and each.status is Status.COMMITTED)
    return sum(each.good or 0 for each in earlier)


def repeated(row: ObjectRow) -> str | None:
    """How many of its rows earlier versions of its key had brought, where there are any."""
    if not row.rows_repeated:
        return None
    verb = "repeats a row" if row.rows_repeated == 1 else "repeat rows"
    return f"{row.rows_repeated:,} of its {counted(row.good or 0, 'row')} {verb} of an earlier version of this key"


def in_words(row: ObjectRow, versions: Iterable[ObjectRow], table: Table) -> str | None:
    """What to watch for in the table, if there is anything."""
    if told := repeated(row):
        return told
    rows = beside(row, versions, table)
    if not rows:
        return None
    return (
        f"{counted(rows, 'row')} of earlier versions of this key in the table, too; whether its own are the same was "
        "not found out: what was staged of those had expired"
    )
