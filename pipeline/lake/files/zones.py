"""From clocks on a wall to instants: the time zones of timestamps that say none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

_DAY, _HOUR = 86_400_000_000, 3_600_000_000
_EPOCH = datetime(1970, 1, 1)

Micros = NDArray[np.int64]
"""Microseconds since 1970."""


def to_utc(local: datetime, zone: str) -> datetime:
    """The instant that clocks in `zone` show as `local`. ValueError where they never do, or do so twice."""
    if zone == "UTC":
        return local.replace(tzinfo=UTC)
    place = _zone(zone)
    first, second = local.replace(tzinfo=place), local.replace(tzinfo=place, fold=1)
    before, after = first.utcoffset(), second.utcoffset()
    assert before is not None and after is not None  # noqa: PT018
    if before < after:
        raise ValueError(f"clocks in {zone} skip that time: write it with its offset from UTC")
    if before > after:
        raise ValueError(f"clocks in {zone} show that time twice: write it with its offset from UTC")
    try:
        return first.astimezone(UTC)
    except OverflowError:
        raise ValueError("in UTC it lies outside the years 1 to 9999") from None


def to_utc_all(local: Micros, zone: str) -> tuple[Micros, NDArray[np.bool_]]:
    """The same for many at once, and which of them are known: not those of hours in which clocks are changed."""
    if zone == "UTC":
        return local, np.ones(len(local), dtype=bool)
    ahead, known = _offsets(local, zone, _DAY)
    if not known.all():
        rows = np.flatnonzero(~known)
        ahead[rows], known[rows] = _offsets(local[rows], zone, _HOUR)
    return local - ahead, known


def _offsets(local: Micros, zone: str, length: int) -> tuple[Micros, NDArray[np.bool_]]:
    parts, which = np.unique(local // length, return_inverse=True)
    offsets = [_offset(int(part), length, zone) for part in parts]
    known = np.array([offset is not None for offset in offsets], dtype=bool)
    micros = np.array([offset or 0 for offset in offsets], dtype=np.int64)
    return micros[which], known[which]


@lru_cache(maxsize=20_000)
def _offset(part: int, length: int, zone: str) -> int | None:
    """Microseconds by which clocks in `zone` are ahead of UTC all through a day or an hour, None if that changes.

    `part` counts days or hours of so many microseconds since 1970. No zone is changed twice within a day and back.
    """
    try:
        start = (_EPOCH + timedelta(microseconds=part * length)).replace(tzinfo=_zone(zone))
        end = start + timedelta(microseconds=length - 1)
        found = {moment.utcoffset() for each in (start, end) for moment in (each, each.replace(fold=1))}
        start.astimezone(UTC), end.astimezone(UTC)
    except OverflowError:
        return None
    (offset,) = found if len(found) == 1 else (None,)
    return None if offset is None else offset // timedelta(microseconds=1)


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
