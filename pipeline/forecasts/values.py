"""Answers with the values at a place and a time, of the newest run that has them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from pipeline.core.errors import BadInput, NotThere, Refused
from pipeline.core.objects import ObjectVersion
from pipeline.forecasts.index import ALL, Item
from pipeline.forecasts.layouts import Layout, Value, values_at
from pipeline.forecasts.store import Index

MOST_TIMES = 100
"""That are read at once: each takes a read of its file at least, and API Gateway waits 29 seconds."""

Read = Callable[[ObjectVersion, int, int], bytes]
"""Bytes of a version in S3: from where, and how many."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for. `model` None is any."""

    time: str
    variable: str
    latitude: float
    longitude: float
    model: str | None = None


@dataclass(frozen=True, slots=True)
class FileValues:
    """What a file has at the place: its item in the index, and its values, each member and level of them."""

    item: Item
    layout: Layout
    values: tuple[Value, ...]
    point: tuple[int, int]
    """The grid point's places along x and y."""


@dataclass(frozen=True, slots=True)
class Series:
    """Values at a place, time after time, of one model; each time of its newest run, one file or more."""

    asked: Asked
    times: tuple[tuple[FileValues, ...], ...]


def answer(asked: Asked, index: Index, read: Read) -> dict[str, Any]:
    """The values as a JSON document: with units, grid point, run, file and the attribution that the licence asks for.

    Files of the newest run that has the variable are read, each member and level in it. `NotThere` where nothing is
    forecast for the time, `BadInput` for a place outside the grid.
    """
    files = values_of(asked, index, read)
    item = files[0].item
    return {**_head(asked, item), "files": [_of_file(each) for each in files], "attribution": item["licence"]}


def series_json(series: Series) -> dict[str, Any]:
    """The same of several times."""
    first = series.times[0][0].item
    head = _head(series.asked, first)
    return {
        **{name: head[name] for name in ("variable", "model", "requested")},
        "times": [
            {
                "time": files[0].item["forecast_time"],
                "run": files[0].item["forecast_reference_time"],
                "files": [_of_file(each) for each in files],
            }
            for files in series.times
        ],
        "attribution": first["licence"],
    }


def _head(asked: Asked, item: Item) -> dict[str, Any]:
    return {
        "time": asked.time,
        "variable": asked.variable,
        "model": item["model"],
        "run": item["forecast_reference_time"],
        "requested": {"latitude": asked.latitude, "longitude": asked.longitude},
    }


def values_of(asked: Asked, index: Index, read: Read) -> tuple[FileValues, ...]:
    """What is at the place in the files of the newest run that has the variable; see `answer`."""
    items = of_newest_run(index, asked.time, asked.variable, asked.model)
    return tuple(_read(asked, item, index, read) for item in items)


def series_of(asked: Asked, first: str, last: str, index: Index, read: Read) -> Series:
    """What is at the place at the times from one to another; `Refused` for more than are read at once.

    Without a model, that of the newest run at the first of the times.
    """
    times = [each["forecast_time"] for each in _times_between(asked, first, last, index)]
    if asked.model is None:
        model = of_newest_run(index, times[0], asked.variable)[0]["model"]
        asked = replace(asked, model=model)
        times = [each["forecast_time"] for each in _times_between(asked, first, last, index)]
    return Series(asked, tuple(values_of(replace(asked, time=time), index, read) for time in times))


def _times_between(asked: Asked, first: str, last: str, index: Index) -> list[Item]:
    found = index.times_between(asked.model or ALL, asked.variable, first, last, MOST_TIMES + 1)
    if not found:
        raise NotThere(
            f"no {asked.variable} is forecast from {first} to {last}", hint="GET /times lists what there is."
        )
    if len(found) > MOST_TIMES:
        raise Refused(f"there are more than {MOST_TIMES} times from {first} to {last}: ask for some of them at once")
    return found


def of_newest_run(
    index: Index, time: str, variable: str, model: str | None = None, run: str | None = None
) -> list[Item]:
    """The items of a variable at a time, of the run and model that come first, the newest; or of `run`.

    `NotThere` where there are none.
    """
    found: list[Item] = []
    for item in index.at(time):
        wanted = ((model, "model"), (run, "forecast_reference_time"))
        if item["variable"] != variable or any(value not in (None, item[name]) for value, name in wanted):
            continue
        if found and any(item[name] != found[0][name] for name in ("forecast_reference_time", "model")):
            break
        found.append(item)
    if not found:
        of = f" of {model}" if model else ""
        raise NotThere(f"no {variable}{of} is forecast for {time}", hint="GET /times lists what there is.")
    return found


def object_of(item: Item) -> ObjectVersion:
    """Our copy of an item's file."""
    return ObjectVersion(item["bucket"], item["key"], item["version"])


def layout_in(index: Index, item: Item) -> Layout:
    """Where the values of an item's variable are in its file; `NotThere` where that is not kept."""
    layout = index.layout(object_of(item), item["variable"])
    if layout is None:
        raise NotThere(
            f"the values of {item['key']} cannot be read at a place: its layout is not kept",
            hint="The function's log says why; the file itself is in the raw bucket.",
        )
    return layout


def _read(asked: Asked, item: Item, index: Index, read: Read) -> FileValues:
    obj, layout = object_of(item), layout_in(index, item)
    at = layout.place_of(item["forecast_time"], item["forecast_reference_time"])
    found = values_at(layout, asked.latitude, asked.longitude, lambda start, length: read(obj, start, length), at)
    return FileValues(item, layout, found, layout.grid.nearest(asked.latitude, asked.longitude))


def _of_file(file: FileValues) -> dict[str, Any]:
    item = file.item
    return {
        "key": item["key"],
        "version": item["version"],
        "level": item["level"],
        "members": item["members"],
        "units": file.layout.units,
        "grid_point": file.layout.grid.point(*file.point),
        "values": [{**each.at, "value": each.value} for each in file.values],
    }


def number(text: str | None, what: str) -> float:
    """A coordinate that was written as text; `BadInput` for what is no number."""
    try:
        found = float(text or "")
    except ValueError:
        found = float("nan")
    if found != found or found in (float("inf"), float("-inf")):
        raise BadInput(f"{what} is {'missing' if text is None else 'no number'}: give degrees, such as {what}=51.5")
    return found
