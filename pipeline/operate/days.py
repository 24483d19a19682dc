"""A dataset day by day: rows in and out and bad by the day their object was dropped, and how long each took to its
table. Days are UTC's."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pipeline.core.clock import parse_iso
from pipeline.lake.catalog import ObjectRow, Status
from pipeline.lake.datasets import DatasetName
from pipeline.lake.services import Lake
from pipeline.operate.object_filter import ObjectFilter
from pipeline.operate.object_search import search

OBJECTS = 10_000
"""Objects that are read, those that changed last first: what one look asks of the catalog stays bounded."""


@dataclass(frozen=True, slots=True)
class Day:
    """What was dropped on a day. `rows_in` were read; of them `rows_out` are in the table, `rows_bad` were set aside,
    and `rows_elsewhere` wait, are held back or were taken the place of.

    `median_s` and `slow_s`: in how many seconds half, and 90 %, of the objects that were loaded came from their drop
    into the table; None where none was. `is_read` is False of a day of which not all objects were read.
    """

    day: str
    is_read: bool = True
    objects: int = 0
    loaded: int = 0
    rows_in: int = 0
    rows_out: int = 0
    rows_bad: int = 0
    rows_elsewhere: int = 0
    median_s: float | None = None
    slow_s: float | None = None

    def to_json(self) -> dict[str, Any]:
        """As programs get it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Days:
    """Days, the oldest first, those without objects too. `read` objects were looked at; `is_all` that have changed."""

    days: tuple[Day, ...]
    read: int
    is_all: bool


def days_of(lake: Lake, dataset: DatasetName, number: int, now: datetime) -> Days:
    """The last `number` days of a dataset."""
    first = now.astimezone(UTC).date() - timedelta(days=number - 1)
    since = datetime(first.year, first.month, first.day, tzinfo=UTC)
    found = search(lake, ObjectFilter(dataset=dataset, since=since), OBJECTS)
    # All that changed after this moment was read, so all that was dropped after it.
    reached = parse_iso(found.after.partition("#")[0]).date() if found.after else None
    return Days(summarized(found.rows, first, number, reached), len(found.rows), found.after is None)


def summarized(rows: Iterable[ObjectRow], first: date, number: int, reached: date | None) -> tuple[Day, ...]:
    """The days from `first` on; not all objects were read of those until `reached`."""
    by_day: dict[date, list[ObjectRow]] = defaultdict(list)
    for row in rows:
        # Parts are rows of an object that has them in its own numbers; delete markers and deliveries have none.
        if row.selection is None and row.control is None and row.status is not Status.DELETE_MARKER:
            by_day[datetime.fromtimestamp(row.event_ms / 1000, UTC).date()].append(row)
    days = [first + timedelta(days=place) for place in range(number)]
    return tuple(
        Day(str(day), is_read=False) if reached and day <= reached else _day(str(day), by_day[day]) for day in days
    )


def _day(day: str, rows: Sequence[ObjectRow]) -> Day:
    rows_in = sum(row.rows_in or 0 for row in rows)
    rows_out = sum(row.good or 0 for row in rows if row.status is Status.COMMITTED)
    rows_bad = sum(row.bad for row in rows)
    took = sorted(seconds for row in rows if (seconds := seconds_to_table(row)) is not None)
    return Day(
        day,
        objects=len(rows),
        loaded=len(took),
        rows_in=rows_in,
        rows_out=rows_out,
        rows_bad=rows_bad,
        rows_elsewhere=max(rows_in - rows_out - rows_bad, 0),
        median_s=_quantile(took, 0.5),
        slow_s=_quantile(took, 0.9),
    )


def seconds_to_table(row: ObjectRow) -> float | None:
    """From an object's drop until its rows were in the table for the first time; None if they never were."""
    loaded = next((at for status, at in row.history if status == Status.COMMITTED), None)
    if loaded is None:
        if row.status is not Status.COMMITTED:
            return None
        loaded = row.since
    return max(parse_iso(loaded).timestamp() - row.event_ms / 1000, 0.0)


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    """The nearest-rank quantile: a value that was measured."""
    return round(ordered[max(math.ceil(len(ordered) * share), 1) - 1], 3) if ordered else None
