"""A metric over batches as a page draws it: a line with a dot a batch, and a dashed line for each constant. Pure."""

from __future__ import annotations

from typing import Any

from pipeline.operate.metrics import Metric, figure

WIDTH, HEIGHT, MARGIN = 320, 80, 8
"""Pixels, of which the margin is free on each side for dots."""


def drawn(metric: Metric) -> dict[str, Any]:
    """Where the metric's points and constants are, and what is said of them to those who do not see it."""
    points, constants = metric.points, _near(metric)
    values = [*(point.value for point in points), *constants]
    low, high = (min(values), max(values)) if values else (0.0, 0.0)

    def y(value: float) -> float:
        # Halves first: the difference of two numbers may be more than a number holds.
        span = high / 2 - low / 2
        share = (value / 2 - low / 2) / span if span else 0.5
        return round(HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN), 1)

    step = (WIDTH - 2 * MARGIN) / max(len(points) - 1, 1)
    dots = [
        {
            "x": round(MARGIN + number * step, 1) if len(points) > 1 else WIDTH / 2,
            "y": y(point.value),
            "counts": point.counts,
            "told": f"{point.batch}: {figure(point.value)}{'' if point.counts else f', {point.verdict.lower()}'}",
        }
        for number, point in enumerate(points)
    ]
    lines = [{"y": y(value), "told": f"a rule has {figure(value)}"} for value in constants]
    return {"width": WIDTH, "height": HEIGHT, "dots": dots, "lines": lines, "told": _told(metric)}


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
