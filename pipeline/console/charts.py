"""A metric over batches as a page draws it: a line with a dot a batch, and a dashed line for each constant. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pipeline.console import plots
from pipeline.console.axes import Axis, numbers
from pipeline.core import ulids
from pipeline.operate.metrics import Metric, Point, figure

ULID_CHARACTERS = 26
FRAME = plots.SMALL


def drawn(metric: Metric) -> dict[str, Any]:
    """Where the metric's points and constants are, and what is said of them to those who do not see it."""
    points, constants = metric.points, _near(metric)
    values = [point.value for point in points]
    y_axis = numbers([*values, *constants])
    x_axis, frame = _batches(points), FRAME.beside(y_axis)
    series = [plots.Series(metric.name, values, "good")]
    drawing = plots.lines(range(len(points)), x_axis, series, _told(metric), y_axis, frame)
    dots = [
        {
            "x": frame.x(x_axis, number),
            "y": frame.y(y_axis, point.value),
            "kind": "good" if point.counts else "held",
            "told": f"{point.batch}: {figure(point.value)}{'' if point.counts else f', {point.verdict.lower()}'}",
        }
        for number, point in enumerate(points)
    ]
    limits = [{"y": frame.y(y_axis, value), "told": f"a rule has {figure(value)}"} for value in constants]
    return {**drawing, "dots": dots, "limits": limits}


def _batches(points: Sequence[Point]) -> Axis:
    """One batch after the other, at equal distances, with the times of some."""
    times = [_made(point.batch) for point in points]
    known = [at for at in times if at]
    form = "%H:%M" if known and known[0].date() == known[-1].date() else "%Y-%m-%d"
    last = len(points) - 1
    ticks = sorted({0, last // 2, last}) if last > 3 else sorted({0, max(last, 0)})

    def label(number: float) -> str:
        at = times[int(number)] if int(number) < len(times) else None
        return f"{at:{form}}" if at else ""

    return Axis(0, max(last, 0), tuple(ticks), label)


def _made(batch: str) -> datetime | None:
    """When a batch was opened, by its id; None for one that no ULID is."""
    try:
        return ulids.made(batch) if len(batch) == ULID_CHARACTERS else None
    except ValueError:
        return None


def _near(metric: Metric) -> list[float]:
    """The constants that leave something to be seen of the values: not so far away that these become a flat line."""
    values = [point.value for point in metric.points]
    if not values:
        return []
    reach = 4 * max(max(values) - min(values), max(map(abs, values)) / 4)
    return [each for each in metric.constants if min(values) - reach <= each <= max(values) + reach]


def _told(metric: Metric) -> str:
    values = [point.value for point in metric.points]
    if not values:
        return f"{metric.name}: no batch yet"
    bad = sum(not point.counts for point in metric.points)
    of = "1 batch" if len(values) == 1 else f"{len(values)} batches"
    told = f"{metric.name} of {of}: {figure(values[-1])} at last"
    if len(values) > 1:
        told += f", {figure(min(values))} at least, {figure(max(values))} at most"
    return told + (f"; {bad} of them do not count for later ones" if bad else "")
