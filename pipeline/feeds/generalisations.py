"""Coarser values: a date's month, an amount's band, a code's first characters."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any

from pipeline.feeds.definition import Generalisation


def generaliser(how: Generalisation) -> Callable[[Any], Any]:
    """What makes a value coarser: of a date its first day, of a timestamp its first moment, of the others a text."""
    if how.bands:
        return _bands(how.bands)
    if how.prefix:
        return lambda text: str(text).strip()[: how.prefix]
    start = _STARTS[how.to or "day"]
    if how.to == "hour":
        return lambda moment: moment.replace(minute=0, second=0, microsecond=0)
    return _days(start)


def _days(start: Callable[[Any], Any]) -> Callable[[Any], Any]:
    # Most records are of few days.
    known = lru_cache(maxsize=1_000)(start)
    return lambda moment: known(moment) if type(moment) is date else start(_midnight(moment))


def _midnight(moment: date | datetime) -> Any:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0) if isinstance(moment, datetime) else moment


_STARTS: dict[str, Callable[[Any], Any]] = {
    "day": lambda day: day,
    "week": lambda day: day - timedelta(days=day.weekday()),
    "month": lambda day: day.replace(day=1),
    "quarter": lambda day: day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
    "year": lambda day: day.replace(month=1, day=1),
    "hour": lambda day: day,
}


def band_names(ends: tuple[int, ...]) -> list[str]:
    """What the amounts below the first of the lower ends are called, then those from each on."""
    return [
        f"below {ends[0]}",
        *(f"{low} to below {high}" for low, high in pairwise(ends)),
        f"{ends[-1]} and more",
    ]


def _bands(ends: tuple[int, ...]) -> Callable[[Any], str]:
    names = band_names(ends)
    return lambda amount: names[bisect_right(ends, amount)]
