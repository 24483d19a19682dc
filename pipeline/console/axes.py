"""Axes of charts: round values and dates at which ticks stand, and where a value is within its axis. Pure."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from pipeline.operate.formatting import duration
from pipeline.operate.metrics import figure

LARGEST = 1e307
"""Of a number beside which there is room for a step."""
_STEPS = (1, 2, 5, 10)
_SPANS_S = (0.1, 0.5, 1, 5, 15, 30, 60, 300, 900, 1800, 3600, 10_800, 21_600, 43_200, 86_400)
"""Steps between durations that people count in; longer ones are whole days."""
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Axis:
    """From `low` to `high`, with a tick and a label at each of `ticks`."""

    low: float
    high: float
    ticks: tuple[float, ...]
    label: Callable[[float], str]

    def share(self, value: float) -> float:
        """Where a value is, from 0 to 1."""
        # Halves first: the difference of two numbers may be more than a number holds.
        span = self.high / 2 - self.low / 2
        return (value / 2 - self.low / 2) / span if span else 0.5


def numbers(values: Sequence[float], *, most: int = 5, from_zero: bool = False) -> Axis:
    """An axis whose ends are round and which has all values."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        low, high = (low - abs(low) / 2, high + abs(high) / 2) if low else (0.0, 1.0)
        low, high = (min(low, 0.0), max(high, 0.0)) if from_zero else (low, high)
    step = _round_step(high / most - low / most)
    # Too far from nought, or too close together, for round steps to be told apart.
    if step and max(high, -low) < LARGEST and max(high / step, -low / step) < 1e15:
        axis = _stepped(low, high, step, brief)
    else:
        low, high = max(low, -sys.float_info.max), min(high, sys.float_info.max)
        axis = Axis(low, high, (low, high) if low != high else (low,), brief)
    return replace(axis, label=_telling_apart(axis.ticks))


def _telling_apart(ticks: Sequence[float]) -> Callable[[float], str]:
    """As short as has a label of its own for each tick."""
    if len(set(map(brief, ticks))) == len(ticks):
        return brief
    digits = next((each for each in range(3, 17) if len({f"{tick:.{each}g}" for tick in ticks}) == len(ticks)), 17)
    return lambda value: f"{value:.{digits}g}"


def durations(values: Sequence[float], *, most: int = 5) -> Axis:
    """An axis of seconds, from nought."""
    high = max(values, default=0.0) or 1.0
    step = next((each for each in _SPANS_S if high / each <= most), _DAY_S * math.ceil(high / _DAY_S / most))
    return _stepped(0.0, high, step, lambda value: duration(value) if value else "0")


def times(first: float, last: float, *, most: int = 5) -> Axis:
    """An axis of seconds since 1970, in UTC, with ticks at whole days, hours or minutes; of many years at years."""
    span = last - first
    if span > 70 * _DAY_S:
        return _calendar(first, last, most)
    steps = [*_SPANS_S, *(days * _DAY_S for days in (2, 7, 14))]
    step = next(each for each in steps if each >= 1 and span / each <= most)
    # Weeks begin on Mondays, and 1970 began on a Thursday.
    begin = 4 * _DAY_S if step >= 7 * _DAY_S else 0
    numbered = range(math.ceil((first - begin) / step), math.floor((last - begin) / step) + 1)
    form = (
        "%Y-%m-%d" if step >= _DAY_S else "%m-%d %H:%M" if span > _DAY_S / 2 else "%H:%M:%S" if step < 60 else "%H:%M"
    )
    return Axis(first, last, tuple(begin + number * step for number in numbered), lambda at: f"{_at(at):{form}}")


def _calendar(first: float, last: float, most: int) -> Axis:
    """With ticks at the first of months, or of round years."""
    began, ended = _at(first), _at(last)
    months = (ended.year - began.year) * 12 + ended.month - began.month
    step = next(
        (each for each in (1, 2, 3, 6) if months / each <= most), 12 * max(int(_round_step(months / 12 / most)), 1)
    )
    numbered = range((began.year * 12 + began.month - 1) // step * step, ended.year * 12 + ended.month, step)
    starts = (datetime(each // 12, each % 12 + 1, 1, tzinfo=UTC) for each in numbered if each >= 12)
    ticks = [(start - _at(0)).total_seconds() for start in starts]
    form = "%Y" if step >= 12 else "%Y-%m"
    return Axis(first, last, tuple(tick for tick in ticks if first <= tick <= last), lambda at: f"{_at(at):{form}}")


def _at(seconds: float) -> datetime:
    """Of any time that a `datetime` can have, also before 1970."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def _round_step(least: float) -> float:
    if least <= 0 or not math.isfinite(least):
        return 0.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * each for each in _STEPS if power * each >= least * (1 - 1e-9)) if power else 0.0


def _stepped(low: float, high: float, step: float, label: Callable[[float], str]) -> Axis:
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    # To twelve digits of the step: 3 * 0.1 is 0.3.
    digits = 12 - math.floor(math.log10(step))
    ticks = tuple(round(number * step, digits) for number in range(first, last + 1))
    return Axis(ticks[0], ticks[-1], ticks, label)


def brief(value: float) -> str:
    """A number as an axis has room for it: `1.5 M`."""
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size <= abs(value) < 1e15:
            return f"{figure(value / (1000 if unit == 'k' else size))} {unit}"
    return figure(value)
