"""The index of a lake's forecasts, and values at a place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.clients import client
from pipeline.core.errors import Misconfigured, NotThere
from pipeline.forecasts.fields import Field, field_of, slices_of
from pipeline.forecasts.index import Item
from pipeline.forecasts.layouts import Layout
from pipeline.forecasts.services import read_range
from pipeline.forecasts.settings import Setting
from pipeline.forecasts.store import Index
from pipeline.forecasts.values import Asked, answer, layout_in, object_of, of_newest_run
from pipeline.lake.services import Lake


def index_of(lake: Lake) -> Index:
    """The index of a lake's forecasts; `NotThere` where the flow is not deployed."""
    try:
        return Index(client("dynamodb"), lake.settings[Setting.FORECASTS_TABLE])
    except Misconfigured:
        raise NotThere("no forecasts are deployed here", hint="Deploy them: see docs/forecasts.md.") from None


@dataclass(frozen=True, slots=True)
class FieldAsked:
    """Which field: of a variable at a time, of the newest run unless `run`, the file and the field in it by number."""

    time: str
    variable: str
    model: str | None = None
    run: str | None = None
    file: int = 0
    number: int = 0


@dataclass(frozen=True, slots=True)
class FoundField:
    """A field, with the item of its file, which of the run's `files` that is, and what fields that file has."""

    item: Item
    files: tuple[Item, ...]
    layout: Layout
    slices: tuple[Mapping[str, float], ...]
    field: Field


def field(lake: Lake, asked: FieldAsked) -> FoundField:
    """A field of a file; `NotThere` where there is none, `BadObject` for one that cannot be read."""
    index = index_of(lake)
    items = tuple(of_newest_run(index, asked.time, asked.variable, asked.model, asked.run))
    if not 0 <= asked.file < len(items):
        raise NotThere(f"{asked.variable} at {asked.time} has {len(items)} files, numbered from 0")
    item = items[asked.file]
    obj = object_of(item)
    layout = layout_in(index, item)
    moment = layout.place_of(asked.time, item["forecast_reference_time"])
    found = field_of(layout, asked.number, lambda start, length: read_range(obj, start, length), moment)
    return FoundField(item, items, layout, slices_of(layout), found)


def times_beside(lake: Lake, time: str, variable: str, model: str) -> tuple[str | None, str | None]:
    """The times of a variable that are next to one: before and after it."""
    index = index_of(lake)
    beside = [
        list(index.times(model, variable, limit=1, after=time, newest_first=earlier)) for earlier in (True, False)
    ]
    before, after = (found[0]["forecast_time"] if found else None for found in beside)
    return before, after


def values(
    lake: Lake, time: str, variable: str, latitude: float, longitude: float, model: str | None = None
) -> dict[str, Any]:
    """The values at the grid point nearest to a place, of the newest run; errors as `answer` has them."""
    return answer(Asked(time, variable, latitude, longitude, model), index_of(lake), read_range)
