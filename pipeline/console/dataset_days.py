"""A dataset day by day, drawn: what was dropped and what became of its rows, and how long that took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.console import axes, plots
from pipeline.console.console import PageRequest
from pipeline.console.pages import Document, link, page
from pipeline.console.plots import Series
from pipeline.operate.datasets import registration_of
from pipeline.operate.days import Day, Days
from pipeline.operate.formatting import counted, duration

DAYS = 30
MOST_DAYS = 90
CHOICES = (7, 30, 90)


def build(request: PageRequest) -> Document:
    """The last days of a dataset. Parameters: `days`, how many of them, up to `MOST_DAYS`."""
    registration = registration_of(request.lake, request.path["team"], request.path["dataset"])
    name = registration.name
    number = request.number("days", DAYS, most=MOST_DAYS)
    found = request.console.days.newest(request.lake, (name, number))
    path = f"/datasets/{name}/days"
    document = {
        "title": f"{name} day by day",
        "name": str(name),
        "number": number,
        "choices": [{"days": each, "to": link(path, days=each)} for each in CHOICES],
        "is_known": found is not None,
        "ended": found is not None,
    }
    return document | (_drawn(found) if found else {})


def _drawn(found: Days) -> Document:
    return {
        "days": [day.to_json() for day in found.days],
        "read": found.read,
        "is_all": found.is_all,
        "trend": _trend(found.days),
        "rows_chart": _rows(found.days),
        "time_chart": _time(found.days),
    }


def _trend(days: Sequence[Day]) -> dict[str, Any] | None:
    """The last week beside the one before it, or the halves of fewer days; None where one of them is not read.

    Today is in neither: it is not over, and would make every comparison look like less.
    """
    whole = days[:-1]
    number = min(7, len(whole) // 2)
    before, last = whole[-2 * number : -number], whole[-number:]
    if not number or not all(day.is_read for day in (*before, *last)):
        return None
    return {"days": number, "until": last[-1].day, "last": _stretch(last), "before": _stretch(before)}


def _stretch(days: Sequence[Day]) -> dict[str, Any]:
    medians = sorted(day.median_s for day in days if day.median_s is not None)
    rows_in, rows_bad = sum(day.rows_in for day in days), sum(day.rows_bad for day in days)
    return {
        "rows_in": rows_in,
        "rows_bad": rows_bad,
        "bad_share": rows_bad / rows_in if rows_in else None,
        "median_s": medians[(len(medians) - 1) // 2] if medians else None,
    }


def _rows(days: Sequence[Day]) -> dict[str, Any]:
    series = [
        Series("in the table", [day.rows_out if day.is_read else None for day in days], "good"),
        Series("waiting or held back", [day.rows_elsewhere if day.is_read else None for day in days], "rest"),
        Series("bad", [day.rows_bad if day.is_read else None for day in days], "bad"),
    ]
    came, out, bad = (sum(getattr(day, of) for day in days) for of in ("rows_in", "rows_out", "rows_bad"))
    told = f"Rows by day: {counted(came, 'row')} in, {out:,} in the table, {bad:,} bad"
    return plots.bars([day.day[5:] for day in days], series, told, stacked=True, unknown=[not d.is_read for d in days])


def _time(days: Sequence[Day]) -> dict[str, Any]:
    """The same places along the axis as the bars have, so that days stand under each other."""
    medians, slow = [day.median_s for day in days], [day.slow_s for day in days]
    half, most = [each for each in medians if each is not None], [each for each in slow if each is not None]
    every = max(-(-len(days) // plots.LABELS), 1)
    x_axis = axes.Axis(-0.5, len(days) - 0.5, tuple(range(0, len(days), every)), lambda at: days[int(at)].day[5:])
    series = [Series("median", medians, "0"), Series("90 % took no longer", slow, "1")]
    spread = f"median {duration(min(half))} to {duration(max(half))}, 90 % within {duration(max(most))}" if half else ""
    told = f"Time from drop to table by day: {spread or 'nothing was loaded'}"
    return plots.lines(range(len(days)), x_axis, series, told, axes.durations([*half, *most]))


ROUTES = page("/datasets/{team}/{dataset}/days", "days.html", build, live=True)
