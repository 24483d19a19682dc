"""A query's answer as a chart, where the types of its columns say which: bars for labels, a line over dates or numbers.

What cannot be told is not drawn; then `why_not` says what a chart would need.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from pipeline.console import axes, plots
from pipeline.console.cells import is_numeric
from pipeline.console.plots import Series
from pipeline.operate.formatting import visible

BARS = 40
"""Rows that are drawn as bars."""
POINTS = 1000
"""Rows that are drawn as a line."""
LONGEST_LABEL = 200
"""Characters of a bar's label; the rows below have all of it."""
SERIES = 6
"""Columns of numbers that are drawn."""
_LABEL = re.compile(r"(VARCHAR|TEXT|STRING|ENUM.*|BOOLEAN|UUID)", re.IGNORECASE)
_TIME = re.compile(r"(DATE|(TIMESTAMP|DATETIME).*)", re.IGNORECASE)
_NEEDS = "A chart needs a label, a date or a number in the first column and numbers in the others"

Column = dict[str, str]
Rows = Sequence[Sequence[str | None]]
_NONE: dict[str, Any] = {"kind": None, "drawing": None, "why_not": None, "notes": []}


@dataclass(frozen=True, slots=True)
class _Plan:
    """Which chart: `bars`, `times` or `numbers` along the first column, whose name is `along`; `drawn` columns."""

    kind: str
    along: str
    drawn: tuple[Column, ...]
    left_out: int


def chart_of(columns: Sequence[Column], read: Callable[[int, int], Rows], total: int) -> dict[str, Any]:
    """The chart of an answer of `total` rows; `read` gives its first rows and columns, as many as it is asked for.

    Its `drawing`, None with `why_not`; else `kind`, and `notes` on what is left out.
    """
    plan = _plan(columns)
    if isinstance(plan, str):
        return {**_NONE, "why_not": plan}
    rows = read(BARS if plan.kind == "bars" else POINTS, 1 + len(plan.drawn))
    if not rows:
        return {**_NONE, "why_not": "There is nothing to draw: the answer has no rows."}
    notes = [f"{plan.left_out:,} more columns of numbers are not drawn."] if plan.left_out else []
    if total > len(rows):
        notes.append(f"The first {len(rows):,} of {total:,} rows are drawn.")
    if plan.kind == "bars":
        rows = [[label[:LONGEST_LABEL] if label else label, *rest] for label, *rest in rows]
        return {"kind": "bars", "drawing": _bars(plan, rows), "why_not": None, "notes": notes}
    return _line(plan, rows, notes)


def _plan(columns: Sequence[Column]) -> _Plan | str:
    """Which chart these types ask for, or why there is none."""
    if len(columns) < 2:
        return f"{_NEEDS}; this answer has one column."
    first, *rest = columns
    others = [column["name"] for column in rest if not is_numeric(column["type"])]
    if others:
        named = ", ".join(visible(name)[:40] for name in others[:3])
        return f"{_NEEDS}; {named} {'is no number' if len(others) == 1 else 'are no numbers'}."
    kinds = (("bars", _is_label), ("times", _is_time), ("numbers", is_numeric))
    kind = next((name for name, fits in kinds if fits(first["type"])), "")
    if not kind:
        return f"{_NEEDS}; {visible(first['name'])[:40]} is {visible(first['type'])[:40]}."
    return _Plan(kind, first["name"], tuple(rest[:SERIES]), max(len(rest) - SERIES, 0))


def _is_label(type_name: str) -> bool:
    return _LABEL.fullmatch(type_name) is not None


def _is_time(type_name: str) -> bool:
    return _TIME.fullmatch(type_name) is not None


def _bars(plan: _Plan, rows: Rows) -> dict[str, Any]:
    labels = ["null" if row[0] is None else visible(row[0]) for row in rows]
    return plots.bars(labels, _series(plan, rows), _told(plan, rows, f"bars by {plan.along}"))


def _line(plan: _Plan, rows: Rows, notes: list[str]) -> dict[str, Any]:
    read = _seconds if plan.kind == "times" else _number
    placed = sorted(((at, row) for row in rows if (at := read(row[0])) is not None), key=lambda each: each[0])
    xs, along = [at for at, _ in placed], visible(plan.along)[:40]
    if not placed:
        return {**_NONE, "why_not": f"There is nothing to draw: {along} has no value that an axis can have."}
    if len(set(xs)) < len(xs):
        return {**_NONE, "why_not": f"A line needs one row for each {along}, and this has several: group by {along}."}
    if missing := len(rows) - len(placed):
        notes = [*notes, f"{missing:,} rows without a value of {along} are not drawn."]
    kept: list[Sequence[str | None]] = [row for _, row in placed]
    told = _told(plan, kept, f"a line over {plan.along}")
    if plan.kind == "times":
        axis = axes.times(xs[0], xs[-1])
        xs, kept = _with_gaps(xs, kept)
    else:
        axis = axes.numbers(xs)
    drawing = plots.lines(xs, axis, _series(plan, kept), told)
    return {"kind": "line", "drawing": drawing, "why_not": None, "notes": notes}


def _with_gaps(xs: Sequence[float], rows: Rows) -> tuple[list[float], list[Sequence[str | None]]]:
    """The same with a row without values wherever a time is missing: where most follow each other at one distance,
    which may be a month, and one comes later than that."""
    distances = Counter(round(after - at, 3) for at, after in pairwise(xs))
    usual, times = distances.most_common(1)[0] if distances else (0.0, 0)
    longest = usual * 1.5 if times * 2 >= distances.total() else math.inf
    spread: list[float] = []
    kept: list[Sequence[str | None]] = []
    for x, row in zip(xs, rows, strict=True):
        if spread and x - spread[-1] > longest:
            spread.append((spread[-1] + x) / 2)
            kept.append([None] * len(row))
        spread.append(x)
        kept.append(row)
    return spread, kept


def _series(plan: _Plan, rows: Rows) -> list[Series]:
    return [
        Series(visible(column["name"]), [_number(row[place]) for row in rows], str(place - 1))
        for place, column in enumerate(plan.drawn, 1)
    ]


def _told(plan: _Plan, rows: Rows, how: str) -> str:
    parts = []
    for each in _series(plan, rows):
        known = [value for value in each.values if value is not None]
        spread = f"{axes.brief(min(known))} to {axes.brief(max(known))}" if known else "no value"
        parts.append(f"{each.name}: {spread}")
    return f"The answer as {visible(how)}, {len(rows)} rows. {'; '.join(parts)}"


def _number(text: str | None) -> float | None:
    """None too for what no axis has, such as NaN."""
    try:
        number = float(text) if text is not None else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and math.isfinite(number) else None


def _seconds(text: str | None) -> float | None:
    """Of a date or a time as `texts_of` writes it; None for one outside of what Python's times can have."""
    try:
        at = datetime.fromisoformat(text) if text is not None else None
    except ValueError:
        return None
    return None if at is None else (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
