"""What a request for values asks, in the names of ours and in those of OGC API-EDR's position query. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pipeline.core.errors import BadInput
from pipeline.forecasts.coverages import MEDIA_TYPE
from pipeline.forecasts.values import Asked, number

Format = Literal["json", "CoverageJSON"]

PARAMETERS = ("lat", "lon", "variable", "model", "f", "coords", "parameter-name", "datetime")
EARLIEST, LATEST = "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z"
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_POINT = re.compile(rf"\s*POINT\s*\(\s*({_NUMBER})\s+({_NUMBER})\s*\)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for, from one time to another; they are the same where one time is asked for."""

    asked: Asked
    first: str
    last: str
    format: Format

    @property
    def is_interval(self) -> bool:
        """Whether all times from one to another are asked for, and not a certain one."""
        return self.first != self.last


def query_of(path_time: str | None, given: Mapping[str, str], accept: str = "") -> Query:
    """Read a request's parameters; `BadInput` says which is wrong and how it is written.

    `path_time` is the time in the path, None where the request's `datetime` says which times.
    """
    if unknown := sorted(set(given) - set(PARAMETERS)):
        raise BadInput(f"there is no parameter {unknown[0][:50]!r}: there are {', '.join(PARAMETERS)}")
    variable = _one(given, "variable", "parameter-name")
    if not variable:
        raise BadInput("variable is missing: name one, such as variable=surface_temperature")
    if "," in variable and "parameter-name" in given:
        raise BadInput("parameter-name has several names: ask for one at a time")
    first, last = _times(path_time, given.get("datetime"))
    latitude, longitude = _place(given)
    return Query(Asked(first, variable, latitude, longitude, given.get("model")), first, last, _format(given, accept))


def _one(given: Mapping[str, str], name: str, alias: str) -> str | None:
    """A parameter that has two names, of which one is given."""
    if given.get(name) and given.get(alias) and given[name] != given[alias]:
        raise BadInput(f"{name} and {alias} are two names of one thing, and say different ones")
    return given.get(name) or given.get(alias)


def _place(given: Mapping[str, str]) -> tuple[float, float]:
    """Latitude and longitude."""
    if "coords" not in given:
        return number(given.get("lat"), "lat"), number(given.get("lon"), "lon")
    if "lat" in given or "lon" in given:
        raise BadInput("coords says the place, and lat and lon do, too: leave one of both out")
    point = _POINT.fullmatch(given["coords"])
    if point is None:
        raise BadInput("coords is no point such as POINT(-0.1 51.5), longitude first: other shapes are not answered")
    return number(point[2], "lat"), number(point[1], "lon")


def _times(path_time: str | None, datetime: str | None) -> tuple[str, str]:
    if path_time is not None:
        if datetime is not None and datetime != path_time:
            raise BadInput("the path says the time, and datetime says others: ask /values for those")
        _check(path_time)
        return path_time, path_time
    if not datetime:
        raise BadInput("datetime is missing: say a time or an interval, such as 2026-11-30T06:00:00Z/..")
    first, slash, last = datetime.partition("/")
    if not slash:
        _check(first)
        return first, first
    for end in (first, last):
        if end not in ("", ".."):
            _check(end)
    first, last = first.strip(".") or EARLIEST, last.strip(".") or LATEST
    if first > last:
        raise BadInput("the interval of datetime ends before it begins")
    return first, last


def _check(time: str) -> None:
    if _TIME.fullmatch(time) is None:
        raise BadInput("the time is not written like 2026-11-30T06:00:00Z")


def _format(given: Mapping[str, str], accept: str) -> Format:
    """By `f`, or else by the header Accept, as OGC API Common has them."""
    match given.get("f"):
        case None:
            return "CoverageJSON" if MEDIA_TYPE in accept else "json"
        case "json" | "CoverageJSON" as known:
            return known
        case other:
            raise BadInput(f"f is {other[:50]!r}: it is json or CoverageJSON")
