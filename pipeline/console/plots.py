"""Charts as `charts.html` draws them: where each bar, line, dot and label is, in pixels of the drawing. Pure.

Every chart is also told in words (`told`), and whoever shows it shows its numbers as a table, too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.console.axes import Axis, numbers
from pipeline.console.layout.texts import TICK, widest

LABELS = 6
"""Labels along the axis at the bottom of bars."""
LABEL_CELLS = 14
TO_LABEL = 6
"""Pixels between the axis at the left and its labels, and at least between two at the bottom."""
Drawing = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Frame:
    """A drawing's size, and the room for the labels of its axes, in pixels."""

    width: int = 400
    height: int = 180
    left: int = 52
    right: int = 10
    top: int = 12
    bottom: int = 24

    @property
    def across(self) -> int:
        """Of the part with values."""
        return self.width - self.left - self.right

    def x(self, axis: Axis, value: float) -> float:
        """Where a value of the axis at the bottom is."""
        return round(self.left + axis.share(value) * self.across, 1)

    def beside(self, axis: Axis) -> Frame:
        """The same with room for the labels of the axis at the left."""
        labels = widest([axis.label(tick) for tick in axis.ticks], TICK)
        return replace(self, left=max(self.left, math.ceil(labels) + TO_LABEL + 2))

    def y(self, axis: Axis, value: float) -> float:
        """Where a value of the axis at the left is."""
        return round(self.height - self.bottom - axis.share(value) * (self.height - self.top - self.bottom), 1)


WIDE = Frame()
SMALL = Frame(width=280, height=116, left=46, bottom=20, top=10)
"""For one of many charts beside each other."""


@dataclass(frozen=True, slots=True)
class Series:
    """Values by name, None where there is none. `kind` is the class that the page's style colours."""

    name: str
    values: Sequence[float | None]
    kind: str


def lines(
    xs: Sequence[float],
    x_axis: Axis,
    series: Sequence[Series],
    told: str,
    y_axis: Axis | None = None,
    frame: Frame = WIDE,
) -> Drawing:
    """A line a series over `xs`, which ascend. A value that is missing is a gap in its line."""
    y_axis = y_axis or numbers([value for each in series for value in each.values if value is not None])
    frame = frame.beside(y_axis)
    courses, dots = [], []
    for each in series:
        places = [
            None if value is None else (frame.x(x_axis, x), frame.y(y_axis, value))
            for x, value in zip(xs, each.values, strict=True)
        ]
        courses += [{"kind": each.kind, "points": part} for part in _parts(places) if len(part) > 1]
        alone = {id(part[0]) for part in _parts(places) if len(part) == 1}
        few = len(xs) <= 60
        dots += [
            {
                "x": place[0],
                "y": place[1],
                "kind": each.kind,
                "told": f"{each.name}, {x_axis.label(x)}: {y_axis.label(value)}",
            }
            for place, x, value in zip(places, xs, each.values, strict=True)
            if place is not None and value is not None and (few or id(place) in alone)
        ]
    ticks = _x_ticks(frame, [(frame.x(x_axis, tick), x_axis.label(tick)) for tick in x_axis.ticks])
    return {**_base(frame, y_axis, told, series), "x_ticks": ticks, "courses": courses, "dots": dots}


def bars(
    labels: Sequence[str],
    series: Sequence[Series],
    told: str,
    *,
    stacked: bool = False,
    unknown: Sequence[bool] = (),
    y_axis: Axis | None = None,
) -> Drawing:
    """A bar a label and series: beside each other, or `stacked`. Nothing is known of the labels that are `unknown`."""
    tops = _sums(series) if stacked else [v for each in series for v in each.values if v is not None]
    y_axis = y_axis or numbers(tops, from_zero=True)
    frame = WIDE.beside(y_axis)
    room = frame.across / max(len(labels), 1)
    drawn: list[dict[str, Any]] = []
    for place, label in enumerate(labels):
        left, base = frame.left + place * room, 0.0
        for number, each in enumerate(series):
            value = each.values[place]
            if value is None:
                continue
            start = base if stacked else 0.0
            base += value
            width = room * 0.8 / (1 if stacked else len(series))
            x = left + room * 0.1 + (0 if stacked else number * width)
            drawn.append(_bar(frame, y_axis, x, width, start, start + value, each, label, value))
    bands = [
        {"x": round(frame.left + place * room, 1), "width": round(room, 1), "told": f"{labels[place]}: not read"}
        for place, is_unknown in enumerate(unknown)
        if is_unknown
    ]
    every = max(math.ceil(len(labels) / LABELS), 1)
    cells = min(room * every / TICK.cell - 1, LABEL_CELLS)
    ticks = _x_ticks(
        frame,
        [
            (round(frame.left + (place + 0.5) * room, 1), _cut(label, cells))
            for place, label in enumerate(labels)
            if place % every == 0
        ],
    )
    return {**_base(frame, y_axis, told, series), "x_ticks": ticks, "bars": drawn, "bands": bands}


def _bar(
    frame: Frame, axis: Axis, x: float, width: float, start: float, end: float, series: Series, label: str, value: float
) -> dict[str, Any]:
    from_y, to_y = sorted((frame.y(axis, start), frame.y(axis, end)))
    # What is there is seen, however small it is beside others.
    high = max(to_y - from_y, 1.0 if value else 0.0)
    top = to_y - high if value >= 0 else from_y
    return {
        "x": round(x, 2),
        "y": round(top, 1),
        "width": round(max(width, 0.5), 2),
        "height": round(high, 1),
        "kind": series.kind,
        "told": f"{label}, {series.name}: {axis.label(value)}",
    }


def _sums(series: Sequence[Series]) -> list[float]:
    columns = zip(*(each.values for each in series), strict=True)
    return [sum(value for value in values if value is not None) for values in columns]


def _base(frame: Frame, y_axis: Axis, told: str, series: Sequence[Series]) -> Drawing:
    zero = frame.y(y_axis, 0.0) if y_axis.low <= 0 <= y_axis.high else None
    return {
        "width": frame.width,
        "height": frame.height,
        "left": frame.left,
        "right": frame.width - frame.right,
        "bottom": frame.height - frame.bottom,
        "top": frame.top,
        "zero": zero,
        "y_ticks": [{"y": frame.y(y_axis, tick), "label": y_axis.label(tick)} for tick in y_axis.ticks],
        "x_ticks": [],
        "bars": [],
        "bands": [],
        "courses": [],
        "dots": [],
        "limits": [],
        "legend": [{"kind": each.kind, "name": each.name} for each in series],
        "told": told,
    }


def _parts(places: Sequence[tuple[float, float] | None]) -> list[list[tuple[float, float]]]:
    """The stretches without a gap."""
    parts: list[list[tuple[float, float]]] = [[]]
    for place in places:
        if place is not None:
            parts[-1].append(place)
        elif parts[-1]:
            parts.append([])
    return [part for part in parts if part]


def _x_ticks(frame: Frame, places: Sequence[tuple[float, str]]) -> list[dict[str, Any]]:
    """The ticks at the bottom, of which the label has room beside those before it, `at` its middle."""
    ticks, reached = [], 0.0
    for x, label in places:
        room = widest([label], TICK)
        left = max(min(x - room / 2, frame.width - room), 0.0)
        if left >= reached:
            ticks.append({"x": x, "label": label, "at": round(left + room / 2, 1)})
            reached = left + room + TO_LABEL
    return ticks


def _cut(label: str, cells: float) -> str:
    return label if TICK.cells(label) <= cells else f"{TICK.cut(label, cells - TICK.cells('…'))}…"
