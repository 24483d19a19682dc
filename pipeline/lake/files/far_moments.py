"""The text of dates and timestamps in years that are not 1 to 9999, in which Arrow writes none or wrong ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.lake.files.moments import FIRST_DAY, LAST_DAY

_SECONDS = 24 * 60 * 60
_PER_SECOND = {"s": 1, "ms": 1000, "us": 10**6, "ns": 10**9}
_CYCLE_DAYS, _CYCLE_YEARS = 146_097, 400
"""After so many days the calendar is the same."""


def far_days(days: pa.Array) -> list[str | None] | None:
    """The texts of a column of date32 if one of them is far."""
    return _if_far(days.cast(pa.int32()), 1, day_text)


def far_instants(column: pa.Array) -> list[str | None] | None:
    """The texts of a column of timestamps if one of them is far. Those with a zone end in Z."""
    per_second = _PER_SECOND[column.type.unit]
    zone = "Z" if column.type.tz else ""

    def text(value: int) -> str:
        days, rest = divmod(value, _SECONDS * per_second)
        seconds, fraction = divmod(rest, per_second)
        digits = f".{fraction:0{len(str(per_second)) - 1}}" if fraction else ""
        return f"{day_text(days)}T{timedelta(seconds=seconds)!s:0>8}{digits}{zone}"

    return _if_far(column.cast(pa.int64()), _SECONDS * per_second, text)


def day_text(days: int) -> str:
    """A day by its distance from 1970, as ISO 8601 has it; years of more digits than four as they are."""
    cycles, rest = divmod(days, _CYCLE_DAYS)
    near = date(1970, 1, 1) + timedelta(days=rest)
    year = near.year + cycles * _CYCLE_YEARS
    return f"{'-' if year < 0 else ''}{abs(year):04}-{near:%m-%d}"


def _if_far(values: pa.Array, per_day: int, text: Callable[[int], str]) -> list[str | None] | None:
    extremes = pc.min_max(values)
    low, high = extremes["min"].as_py(), extremes["max"].as_py()
    if low is None or FIRST_DAY * per_day <= low <= high < (LAST_DAY + 1) * per_day:
        return None
    return [None if value is None else text(value) for value in values.to_pylist()]
