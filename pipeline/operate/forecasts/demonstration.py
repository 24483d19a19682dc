"""What `sluice demo` shows of forecasts: small netCDF files, found by their times, and their values at a place."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.core.clients import client
from pipeline.core.errors import NotThere
from pipeline.lake.services import Lake
from pipeline.operate.forecasts.index import values
from pipeline.operate.forecasts.sources import sources

SOURCE = "demo"
"""The source, whose definition is definitions/forecasts/demo.yaml."""

VARIABLE = "air_temperature"
LATITUDE, LONGITUDE = 51.5, -0.1
_HOURS = (6, 12, 18)
_FIRST, _STEP, _SIDE = (50.0, -2.0), 0.5, 8

# Of "The NetCDF Classic Format Specification" (Unidata): tags of lists, and types with their struct codes.
_DIMENSIONS, _VARIABLES, _ATTRIBUTES = 10, 11, 12
_TEXT, _INT, _FLOAT = 2, 4, 5
_CODES = {_INT: "i", _FLOAT: "f"}


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of a classic netCDF file: its dimensions by name, its values row by row."""

    name: str
    dimensions: Sequence[str]
    kind: int
    values: Sequence[float]
    attributes: Mapping[str, str]


def put(lake: Lake, now: datetime | None = None) -> list[str]:
    """Put files of today's run into the source's bucket, and return the times that they are of."""
    [bucket] = [each.bucket for each in sources(lake) if each.name == SOURCE]
    run = (now or datetime.now(UTC)).replace(hour=0, minute=0, second=0, microsecond=0)
    for hours in _HOURS:
        key = f"{VARIABLE}-{run:%Y%m%d}-{hours:02}.nc"
        client("s3").put_object(Bucket=bucket, Key=key, Body=file_of(run, hours))
    return [f"{run + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}" for hours in _HOURS]


def found(lake: Lake, times: Sequence[str]) -> list[dict[str, Any]]:
    """The values at a place, of those of the times that are found by now."""
    return list(_found(lake, times))


def _found(lake: Lake, times: Sequence[str]) -> Iterator[dict[str, Any]]:
    for time in times:
        try:
            yield values(lake, time, VARIABLE, LATITUDE, LONGITUDE)
        except NotThere:
            continue


def file_of(run: datetime, hours: int) -> bytes:
    """A netCDF file of one time of a run: a field over the south of England, warmer to the south and by noon."""
    since = {"units": "seconds since 1970-01-01 00:00:00", "calendar": "gregorian"}
    north, east = ([first + _STEP * step for step in range(_SIDE)] for first in _FIRST)
    warmth = 283.0 + 6.0 * (1 - abs(hours - 12) / 12)
    field = [warmth - 0.4 * y + 0.1 * x for y in range(_SIDE) for x in range(_SIDE)]
    began = int(run.timestamp())
    variables = (
        Variable("time", (), _INT, [began + 3600 * hours], since),
        Variable("forecast_reference_time", (), _INT, [began], since),
        Variable("forecast_period", (), _INT, [3600 * hours], {"units": "seconds"}),
        Variable("latitude", ("latitude",), _FLOAT, north, {"units": "degrees_north", "standard_name": "latitude"}),
        Variable("longitude", ("longitude",), _FLOAT, east, {"units": "degrees_east", "standard_name": "longitude"}),
        Variable(VARIABLE, ("latitude", "longitude"), _FLOAT, field, {"units": "K"}),
    )
    return classic_file({"latitude": _SIDE, "longitude": _SIDE}, variables, {"mosg__model_configuration": "demo"})


def classic_file(dimensions: Mapping[str, int], variables: Sequence[Variable], attributes: Mapping[str, str]) -> bytes:
    """A file of classic netCDF (CDF-1) without records. The libraries that write one are needed by nothing else."""
    contents = [struct.pack(f">{len(each.values)}{_CODES[each.kind]}", *each.values) for each in variables]
    begins = [0] * len(variables)
    # Where the values begin is known once the header's length is, which does not depend on it.
    for _ in range(2):
        declared = [
            _declared(each, [*dimensions].index, len(content), begin)
            for each, content, begin in zip(variables, contents, begins, strict=True)
        ]
        lengths = [_name(name) + _number(length) for name, length in dimensions.items()]
        header = b"CDF\x01" + _number(0) + _list(_DIMENSIONS, lengths) + _attributes(attributes)
        header += _list(_VARIABLES, declared)
        begins = [len(header) + sum(map(len, contents[:at])) for at in range(len(contents))]
    return header + b"".join(contents)


def _declared(variable: Variable, index: Any, size: int, begin: int) -> bytes:
    dimensions = b"".join(_number(index(name)) for name in variable.dimensions)
    return (
        _name(variable.name) + _number(len(variable.dimensions)) + dimensions + _attributes(variable.attributes)
        + _number(variable.kind) + _number(size) + _number(begin)
    )  # fmt: skip


def _attributes(attributes: Mapping[str, str]) -> bytes:
    return _list(_ATTRIBUTES, [_name(name) + _number(_TEXT) + _name(text) for name, text in attributes.items()])


def _list(tag: int, parts: Sequence[bytes]) -> bytes:
    return _number(tag if parts else 0) + _number(len(parts)) + b"".join(parts)


def _name(text: str) -> bytes:
    content = text.encode()
    return _number(len(content)) + content + b"\0" * (-len(content) % 4)


def _number(value: int) -> bytes:
    return struct.pack(">I", value)
