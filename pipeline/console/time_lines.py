"""The times that variables have, as a page draws them: a line a variable, a mark a time, and gaps between. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from pipeline.core.clock import parse_iso

WIDTH, ROW = 900, 36
"""Pixels: of the whole, and of a variable's line with its name above it."""
LEAST = 1.5
"""Pixels of a gap, however short it is."""
SHOWN = timedelta(days=10)
"""Before the last time of all: what is older is not drawn."""


def drawn(coverage: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Where marks and gaps are, from the first time that is drawn to the last; None where nothing can be drawn.

    `coverage` has of each variable its `times` and its `gaps`, as `operate.forecasts.coverage` counts them.
    """
    lines = [each for each in coverage if each["gaps"] is not None and each["times"]]
    if not lines:
        return None
    last = max(each["times"][-1] for each in lines)
    oldest = f"{parse_iso(last) - SHOWN:%Y-%m-%dT%H:%M:%SZ}"
    shown = [(each, [time for time in each["times"] if time >= oldest]) for each in lines]
    shown = [(each, times) for each, times in shown if times]
    first = min(times[0] for _, times in shown)
    began = parse_iso(first).timestamp()
    span = (parse_iso(last).timestamp() - began) or 1.0

    def x(time: str) -> float:
        return round((parse_iso(time).timestamp() - began) / span * (WIDTH - 8) + 4, 1)

    rows = [
        {
            "y": number * ROW,
            "variable": each["variable"],
            "marks": [x(time) for time in times],
            "gaps": [
                {"x": x(gap["after"]), "width": max(LEAST, round(x(gap["before"]) - x(gap["after"]), 1)), **gap}
                for gap in each["gaps"]
                if gap["after"] >= times[0]
            ],
        }
        for number, (each, times) in enumerate(shown)
    ]
    return {"width": WIDTH, "height": ROW * len(rows), "row": ROW, "first": first, "last": last, "rows": rows}
