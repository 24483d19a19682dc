"""Rows of data that say they are totals: whether they are none, only their reader knows. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from pipeline.lake.files.remarks import SUMS
from pipeline.lake.proposals.rows import Row

_SHOWN = 3
_SHARE = 0.5
"""Of rows that say so: of more, it is what the column tells apart."""


def doubts_of_sums(rows: Sequence[Row]) -> list[str]:
    """A doubt that names the rows with a word for a total and figures in all other columns, which are read as data."""
    summing = [place for place, row in enumerate(rows) if row.filled == len(row.cells) > 1 and _word(row)]
    if not summing or len(summing) > len(rows) * _SHARE:
        return []
    first = rows[summing[0]]
    lines = ", ".join(str(rows[place].line) for place in summing[:_SHOWN])
    more = ", …" if len(summing) > _SHOWN else ""
    reads = "is read as a row" if len(summing) == 1 else "are read as rows"
    adds_up = all(_adds_up(rows, place, summing) for place in summing)
    figures = ", though the figures are the sums of others" if adds_up else ""
    return [f"line{'' if len(summing) == 1 else 's'} {lines}{more} with {_word(first)!r} {reads}{figures}"]


def _word(row: Row) -> str:
    return next((cell.strip() for cell in row.cells if cell.strip().rstrip(":").lower() in SUMS), "")


def _adds_up(rows: Sequence[Row], place: int, summing: Sequence[int]) -> bool:
    """Whether each figure of the row is the sum of its column above, up to the total before, or else below."""
    before = max((other for other in summing if other < place), default=-1)
    groups = (rows[before + 1 : place], [row for other, row in enumerate(rows) if other not in summing])
    figures = {column: number for column, cell in enumerate(rows[place].cells) if (number := _figure(cell)) is not None}
    return bool(figures) and any(
        group and all(_sum(group, column) == number for column, number in figures.items()) for group in groups
    )


def _sum(rows: Sequence[Row], column: int) -> Decimal | None:
    numbers = [_figure(row.cells[column]) if column < len(row.cells) else None for row in rows]
    known = [number for number in numbers if number is not None]
    return sum(known, Decimal(0)) if len(known) == len(numbers) else None


def _figure(cell: str) -> Decimal | None:
    try:
        number = Decimal(cell.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
