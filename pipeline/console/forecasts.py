"""Forecasts: sources, runs, times and the gaps between them, how soon files were findable, and a map of a field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pipeline.console.console import PageRequest
from pipeline.console.pages import Document, link, page, page_request_of
from pipeline.console.time_lines import drawn
from pipeline.core.errors import BadInput, NotThere
from pipeline.operate.metrics import figure

if TYPE_CHECKING:
    from pipeline.operate.forecasts.index import FieldAsked, FoundField
    from pipeline.operate.forecasts.sources import Source

NEWEST = 20
"""Files that are listed."""


def build_list(request: PageRequest) -> Document:
    """The sources; empty where none is deployed."""
    from pipeline.operate.forecasts.coverage import latency_of
    from pipeline.operate.forecasts.sources import fetched

    found = []
    for source in _sources(request):
        files = fetched(request.lake, source.name)
        models = sorted({each["model"] for each in files})
        newest = max((each["run"] for each in files), default=None)
        last = files[0]["announced"] if files else None
        found.append(
            {**asdict(source), "models": models, "run": newest, "last": last, "latency": asdict(latency_of(files))}
        )
    return {"title": "Forecasts", "sources": found}


def build(request: PageRequest) -> Document:
    """One source: its runs, the times of its variables and their gaps, and the files that came last.

    `variable` and `model` choose whose times are shown, `before` those before a time instead of the last.
    """
    from pipeline.operate.forecasts.coverage import (
        FILES,
        TIMES,
        VARIABLES,
        coverage_of,
        latency_ms,
        latency_of,
        runs_of,
        variables_of,
    )
    from pipeline.operate.forecasts.index import index_of
    from pipeline.operate.forecasts.sources import fetched

    source = _source(request)
    files = fetched(request.lake, source.name)
    variables, before = variables_of(files), request.query.get("before") or None
    covered = [asdict(each) for each in coverage_of(index_of(request.lake), _chosen(request, variables), before)]
    # An asdict of a tuple of dataclasses has dictionaries in it, which the drawing takes.
    return {
        "title": source.name,
        **asdict(source),
        "runs": [asdict(each) for each in runs_of(files)][:NEWEST],
        "coverage": [
            {**each, "to": _field_link(source.name, each), "to_older": _older_link(source.name, each)}
            for each in covered
        ],
        "before": before,
        "most_times": TIMES,
        "variables": len(variables),
        "most_variables": VARIABLES,
        "is_chosen": any(request.query.get(name) for name in ("variable", "model", "before")),
        "drawing": drawn(covered),
        "latency": asdict(latency_of(files)),
        "files": [{**each, "latency_ms": latency_ms(each)} for each in files[:NEWEST]],
        "counted": len(files),
        "is_all": len(files) < FILES,
    }


def build_field(request: PageRequest) -> Document:
    """One field: its picture, the range of its values, and where else there are some."""
    from pipeline.operate.forecasts.pictures import scale_of, size_of, stops

    source = _source(request)
    asked = _asked(request)
    found = _found(request, asked)
    scale, grid = scale_of(found.field), found.layout.grid
    units = found.layout.units
    shown = dict(request.query)
    width, height = size_of(found.field)
    return {
        "title": f"{asked.variable} at {asked.time}",
        "source": source.name,
        "time": asked.time,
        "variable": asked.variable,
        "model": found.item["model"],
        "run": found.item["forecast_reference_time"],
        "period": found.item["forecast_period"],
        "units": units,
        "scale": {**asdict(scale), "ticks": scale.ticks()},
        "stops": stops(),
        "grid": {
            "name": grid.name,
            "points": [len(grid.x), len(grid.y)],
            "step": found.field.step,
            "x": [grid.x_dimension, grid.x[0], grid.x[-1]],
            "y": [grid.y_dimension, grid.y[0], grid.y[-1]],
        },
        "picture": {"to": link(f"/forecasts/{source.name}/field.png", **shown), "width": width, "height": height},
        "told": _told(asked, scale.low, scale.high, scale.mean, units),
        "file": {name: found.item[name] for name in ("bucket", "key", "version", "level", "members")},
        "fields": [
            {"number": number, "at": dict(at), "to": _link(request, number=number), "here": number == asked.number}
            for number, at in enumerate(found.slices)
        ],
        "files": [
            {"level": each["level"], "members": each["members"], "to": _link(request, file=number, number=0)}
            for number, each in enumerate(found.files)
        ],
        "attribution": found.item["licence"],
        **_neighbours(request, asked, found),
    }


async def picture(request: Request) -> Response:
    """The picture of a field, as PNG."""
    page_request = await page_request_of(request)
    return Response(await run_in_threadpool(_picture, page_request), media_type="image/png")


def _picture(request: PageRequest) -> bytes:
    from pipeline.operate.forecasts.pictures import png_of, scale_of

    _source(request)
    found = _found(request, _asked(request))
    return png_of(found.field, scale_of(found.field))


def _sources(request: PageRequest) -> list[Source]:
    from pipeline.operate.forecasts.sources import sources

    try:
        return sources(request.lake)
    except NotThere:
        return []


def _source(request: PageRequest) -> Source:
    name = request.path["name"]
    found = next((each for each in _sources(request) if each.name == name), None)
    if found is None:
        raise NotThere(f"there is no source of forecasts {name} here", hint="The page of forecasts lists them.")
    return found


def _asked(request: PageRequest) -> FieldAsked:
    from pipeline.operate.forecasts.index import FieldAsked

    query = request.query
    missing = next((name for name in ("time", "variable") if not query.get(name)), None)
    if missing:
        raise BadInput(f"{missing} is missing", hint="The page of the source links to its fields.")
    return FieldAsked(
        query["time"],
        query["variable"],
        query.get("model") or None,
        query.get("run") or None,
        request.number("file", 0, least=0, most=100_000),
        request.number("number", 0, least=0, most=100_000),
    )


def _found(request: PageRequest, asked: FieldAsked) -> FoundField:
    from pipeline.operate.forecasts.index import field

    return field(request.lake, asked)


def _neighbours(request: PageRequest, asked: FieldAsked, found: FoundField) -> dict[str, str | None]:
    """Links to the same field at the time before and after."""
    from pipeline.operate.forecasts.index import times_beside

    before, after = times_beside(request.lake, asked.time, asked.variable, found.item["model"])
    return {
        "before": _link(request, time=before, run=None, file=0) if before else None,
        "after": _link(request, time=after, run=None, file=0) if after else None,
    }


def _link(request: PageRequest, **changed: Any) -> str:
    """A link to this page with other parameters; those that are 0 are left out, as they are so unless said."""
    query = {**request.query, **changed}
    kept = {name: value for name, value in query.items() if value not in (0, "0")}
    return link(f"/forecasts/{request.path['name']}/field", **kept)


def _field_link(source: str, covered: Mapping[str, Any]) -> str | None:
    """The newest field of a variable."""
    if not covered["times"]:
        return None
    of = {"time": covered["times"][-1], "variable": covered["variable"], "model": covered["model"]}
    return link(f"/forecasts/{source}/field", **of)


def _chosen(request: PageRequest, variables: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The models and variables whose times are asked for; what is asked for by both names need not be of late files."""
    model, variable = request.query.get("model"), request.query.get("variable")
    if model and variable:
        return [(model, variable)]
    return [each for each in variables if model in (None, "", each[0]) and variable in (None, "", each[1])]


def _older_link(source: str, covered: Mapping[str, Any]) -> str | None:
    """The times of a variable that are older than those that are shown."""
    if covered["older"] is None:
        return None
    return link(f"/forecasts/{source}", variable=covered["variable"], model=covered["model"], before=covered["older"])


def _told(asked: FieldAsked, low: float | None, high: float | None, mean: float | None, units: str) -> str:
    """What the picture shows, for those who do not see it."""
    if low is None or high is None or mean is None:
        return f"{asked.variable} at {asked.time}: no point has a value"
    return (
        f"Map of {asked.variable} at {asked.time}: from {figure(low)} to {figure(high)} {units}, "
        f"on average {figure(mean)}"
    )


ROUTES = [
    Route("/forecasts/{name}/field.png", picture),
    *page("/forecasts/{name}/field", "forecast_field.html", build_field),
    *page("/forecasts/{name}", "forecast.html", build),
    *page("/forecasts", "forecasts.html", build_list),
]
