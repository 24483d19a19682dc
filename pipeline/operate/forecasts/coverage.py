"""How whole what was fetched is: runs, times with the gaps between them, and how soon files were findable."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, pairwise
from math import ceil
from typing import Any

from pipeline.core.clock import parse_iso
from pipeline.forecasts.index import Item
from pipeline.forecasts.store import Index

FILES = 500
"""Of a source, the last that were announced: what is said of runs and of latency is counted over them."""
TIMES = 1000
"""Of a variable, the last, or the last before a time: where they have gaps is looked for among them."""
VARIABLES = 40
"""Of a source, whose times are listed at once; each is a query."""
OVERLAP = 10
"""Times that the older ones have again: a gap is one by the steps on both of its sides."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Times that are missing: between `after` and `before`, which are there, `missing` of them at the usual step."""

    after: str
    before: str
    missing: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """The times of a variable. `is_all` unless there are older ones, at which was not looked: those before `older`.

    `gaps` is None where times are of another calendar than that of all days, in which they cannot be compared here.
    """

    model: str
    variable: str
    times: tuple[str, ...]
    newest_run: str
    gaps: tuple[Gap, ...] | None
    is_all: bool
    older: str | None


@dataclass(frozen=True, slots=True)
class Run:
    """What was fetched of a run: files, their variables, the times that they have, and how long that took."""

    model: str
    run: str
    files: int
    variables: tuple[str, ...]
    first_time: str
    last_time: str
    latency: Latency


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from announcement to findable, of `files`."""

    files: int
    median_ms: int | None
    most_ms: int | None
    """Of 99 of 100 files."""


def variables_of(files: Iterable[Item]) -> list[tuple[str, str]]:
    """The models and variables that these files have."""
    return sorted({(each["model"], variable) for each in files for variable in each["variables"]})


def coverage_of(index: Index, wanted: Sequence[tuple[str, str]], before: str | None = None) -> list[Coverage]:
    """The times of models and variables: the last of all, or the last before a time."""
    return [_coverage(index, model, variable, before) for model, variable in wanted[:VARIABLES]]


def _coverage(index: Index, model: str, variable: str, before: str | None) -> Coverage:
    newest = list(index.times(model, variable, limit=TIMES, after=before, newest_first=True))
    times = tuple(each["forecast_time"] for each in reversed(newest))
    run = max((each["forecast_reference_time"] for each in newest), default="")
    is_all = len(newest) < TIMES
    return Coverage(model, variable, times, run, gaps_of(times), is_all, None if is_all else times[OVERLAP])


def gaps_of(times: Sequence[str]) -> tuple[Gap, ...] | None:
    """The gaps between times that rise: a step is one if there is a smaller one before it and a smaller one after it.

    So no gap is where a forecast goes on in longer steps, as most do after some days. None for times that are no dates.
    """
    try:
        moments = [parse_iso(each) for each in times]
    except ValueError:
        return None
    steps = [after - before for before, after in pairwise(moments)]
    smallest_before = list(accumulate(steps, min))
    smallest_after = list(accumulate(reversed(steps), min))[::-1]
    found = []
    for place, step in enumerate(steps[1:-1], 1):
        if smallest_before[place - 1] < step > smallest_after[place + 1]:
            usual = _usual(steps, place)
            found.append(Gap(times[place], times[place + 1], max(1, ceil(step / usual) - 1)))
    return tuple(found)


def _usual(steps: Sequence[timedelta], place: int) -> timedelta:
    """The step that is usual around a gap: the next shorter one on either side, the longer of both."""
    sides = (reversed(steps[:place]), steps[place + 1 :])
    return max(next(each for each in side if each < steps[place]) for side in sides)


def runs_of(files: Iterable[Item]) -> list[Run]:
    """The runs of these files, the newest first."""
    found: dict[tuple[str, str], list[Item]] = {}
    for each in files:
        found.setdefault((each["run"], each["model"]), []).append(each)
    return [
        Run(
            model=model,
            run=run,
            files=len(of),
            variables=tuple(sorted({variable for each in of for variable in each["variables"]})),
            first_time=min(each["first_time"] for each in of),
            last_time=max(each["last_time"] for each in of),
            latency=latency_of(of),
        )
        for (run, model), of in sorted(found.items(), reverse=True)
    ]


def latency_of(files: Sequence[Item]) -> Latency:
    """How soon files were findable."""
    took = sorted(map(latency_ms, files))
    if not took:
        return Latency(0, None, None)
    return Latency(len(took), took[len(took) // 2], took[min(len(took) - 1, ceil(len(took) * 0.99) - 1)])


def latency_ms(file: Item) -> int:
    """From a file's announcement to when it was findable."""
    return round((_moment(file["findable"]) - _moment(file["announced"])) / timedelta(milliseconds=1))


def _moment(text: Any) -> datetime:
    return parse_iso(str(text))
