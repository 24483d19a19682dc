"""Answers with the values at a place and a time, of the newest run that has them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import BadInput, NotThere
from pipeline.core.objects import ObjectVersion
from pipeline.forecasts.index import Item
from pipeline.forecasts.layouts import Layout, values_at
from pipeline.forecasts.store import Index

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


def answer(asked: Asked, index: Index, read: Read) -> dict[str, Any]:
    """The values as a JSON document: with units, grid point, run, file and the attribution that the licence asks for.

    Files of the newest run that has the variable are read, each member and level in it. `NotThere` where nothing is
    forecast for the time, `BadInput` for a place outside the grid.
    """
    items = _of_newest_run(asked, index)
    return {
        "time": asked.time,
        "variable": asked.variable,
        "model": items[0]["model"],
        "run": items[0]["forecast_reference_time"],
        "requested": {"latitude": asked.latitude, "longitude": asked.longitude},
        "files": [_of_file(asked, item, index, read) for item in items],
        "attribution": items[0]["licence"],
    }


def _of_newest_run(asked: Asked, index: Index) -> list[Item]:
    """The items of the run and model that come first, the newest."""
    found: list[Item] = []
    for item in index.at(asked.time):
        if item["variable"] != asked.variable or asked.model not in (None, item["model"]):
            continue
        if found and any(item[name] != found[0][name] for name in ("forecast_reference_time", "model")):
            break
        found.append(item)
    if not found:
        of = f" of {asked.model}" if asked.model else ""
        raise NotThere(f"no {asked.variable}{of} is forecast for {asked.time}", hint="GET /times lists what there is.")
    return found


def _of_file(asked: Asked, item: Item, index: Index, read: Read) -> dict[str, Any]:
    obj = ObjectVersion(item["bucket"], item["key"], item["version"])
    layout = index.layout(obj, asked.variable)
    if layout is None:
        raise NotThere(
            f"the values of {item['key']} cannot be read at a place: its layout is not kept",
            hint="The function's log says why; the file itself is in the raw bucket.",
        )
    found = values_at(layout, asked.latitude, asked.longitude, lambda start, length: read(obj, start, length))
    return {
        "key": item["key"],
        "version": item["version"],
        "level": item["level"],
        "members": item["members"],
        "units": layout.units,
        "grid_point": _grid_point(asked, layout),
        "values": [{**each.at, "value": each.value} for each in found],
    }


def _grid_point(asked: Asked, layout: Layout) -> dict[str, Any]:
    """The grid point by its place along the axes, and its coordinates as the file has them."""
    grid = layout.grid
    x, y = grid.nearest(asked.latitude, asked.longitude)
    return {"grid": grid.name, grid.x_dimension: grid.x[x], grid.y_dimension: grid.y[y]}


def number(text: str | None, what: str) -> float:
    """A coordinate that was written as text; `BadInput` for what is no number."""
    try:
        found = float(text or "")
    except ValueError:
        found = float("nan")
    if found != found or found in (float("inf"), float("-inf")):
        raise BadInput(f"{what} is {'missing' if text is None else 'no number'}: give degrees, such as {what}=51.5")
    return found
