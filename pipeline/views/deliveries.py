"""What else of a file is in an `append` table, where each version of a key is a delivery of its own. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.catalog import ObjectRow, Status
from pipeline.datasets.model import Table
from pipeline.views.texts import counted


def beside(row: ObjectRow, versions: Iterable[ObjectRow], table: Table) -> int:
    """How many rows of other `versions` of its key are in the table beside those of `row`; 0 unless it is loaded.

    Whether they are the same rows is not known from that: a version that was mended and dropped again has most of
    them, one that goes on where the last ended has none.
    """
    if table.write != "append" or row.status is not Status.COMMITTED or not row.rows_out:
        return 0
    others = (each for each in versions if each.object != row.object and each.status is Status.COMMITTED)
    return sum(each.rows_out or 0 for each in others)


def in_words(rows: int) -> str | None:
    """What to watch for, where there are any."""
    if not rows:
        return None
    return (
        f"{counted(rows, 'row')} of other versions of its key in the table, too: append adds what each brings, and "
        "what two bring stands there twice"
    )
