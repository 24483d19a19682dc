"""Where on a file's grid a place on the earth is. A grid of a projection that is not known here is refused."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import BadInput, BadObject
from pipeline.core.netcdf.conventions import text_attribute
from pipeline.core.netcdf.model import NetcdfFile, Variable
from pipeline.core.netcdf.packed_values import unpacked
from pipeline.forecasts import curvilinear
from pipeline.forecasts.curvilinear import Curvilinear, curvilinear_of
from pipeline.forecasts.ellipsoids import check_place
from pipeline.forecasts.projections import (
    LATITUDE_LONGITUDE,
    PROJECTIONS,
    parameters_of,
    project,
    turn_of,
)

_PLANE_X, _PLANE_Y = "projection_x_coordinate", "projection_y_coordinate"
_X = (_PLANE_X, "grid_longitude", "longitude")
_Y = (_PLANE_Y, "grid_latitude", "latitude")
_EAST = {f"{degree}{end}" for degree in ("degree", "degrees") for end in ("_east", "_E", "E")}
_NORTH = {f"{degree}{end}" for degree in ("degree", "degrees") for end in ("_north", "_N", "N")}
"""Units by which CF tells longitude and latitude (4.1, 4.2)."""
_METRES = {"": 1.0, "m": 1.0, "metre": 1.0, "meter": 1.0, "metres": 1.0, "meters": 1.0, "km": 1000.0,
           "kilometre": 1000.0, "kilometer": 1000.0, "kilometres": 1000.0, "kilometers": 1000.0}  # fmt: skip
_STEPS, _NUDGE, _EXACT, _FLAT = 30, 1e-6, 1e-12, 1e-12
"""Of Newton's method, in radians: how often, the distance over which slopes are taken, when it is enough."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A grid: its projection's name and parameters as CF has them, the dimensions, and the coordinates along them."""

    name: str
    parameters: Mapping[str, float]
    x_dimension: str
    y_dimension: str
    x: Sequence[float]
    y: Sequence[float]

    def nearest(self, latitude: float, longitude: float) -> tuple[int, int]:
        """The places along x and y of the grid point that is nearest; `BadInput` for a place outside the grid.

        The nearest is that of the grid's own plane, as xarray's `sel(method="nearest")` finds it.
        """
        check_place(latitude, longitude)
        x, y = project(self.name, latitude, longitude, self.parameters)
        turn = turn_of(self.name, self.parameters)
        for moved in (0.0, turn, -turn):
            found = _nearest(self.x, x + moved), _nearest(self.y, y)
            if found[0] is not None and found[1] is not None:
                return found[0], found[1]
        raise BadInput(f"latitude {latitude}, longitude {longitude} is outside the grid of the file")

    def position(self, x: int, y: int, latitude: float, longitude: float) -> tuple[float, float]:
        """Latitude and longitude (-180 to 180) of the grid point at these places along x and y.

        It is looked for from a place nearby, such as the one that it is nearest to, by Newton's method: so a projection
        has its formulas in one direction alone.
        """
        wanted = (self.x[x], self.y[y])
        if self.name == LATITUDE_LONGITUDE:
            latitude, longitude = wanted[1], wanted[0] + self.parameters.get("longitude_of_prime_meridian", 0.0)
            return latitude, (longitude + 180) % 360 - 180
        for _ in range(_STEPS):
            north, east = self._step(wanted, latitude, longitude)
            latitude, longitude = _moved(latitude, longitude, north, east)
            if abs(north) + abs(east) < _EXACT:
                break
        return latitude, (longitude + 180) % 360 - 180

    def _step(self, wanted: tuple[float, float], latitude: float, longitude: float) -> tuple[float, float]:
        """How far to go north and east, in radians, towards what is wanted."""
        x, y = project(self.name, latitude, longitude, self.parameters)
        turn = turn_of(self.name, self.parameters)
        (x_north, y_north), (x_east, y_east) = (
            (_apart(moved[0], x, turn) / _NUDGE, (moved[1] - y) / _NUDGE)
            for moved in (
                project(self.name, *_moved(latitude, longitude, *nudge), self.parameters)
                for nudge in ((_NUDGE, 0.0), (0.0, _NUDGE))
            )
        )
        area = x_north * y_east - x_east * y_north
        if abs(area) < _FLAT:
            return 0.0, 0.0
        miss_x, miss_y = _apart(wanted[0], x, turn), wanted[1] - y
        return (miss_x * y_east - miss_y * x_east) / area, (miss_y * x_north - miss_x * y_north) / area

    def point(self, x: int, y: int) -> dict[str, Any]:
        """How an answer names a grid point: by its coordinates, as the file has them."""
        return {"grid": self.name, self.x_dimension: self.x[x], self.y_dimension: self.y[y]}


def _moved(latitude: float, longitude: float, north: float, east: float) -> tuple[float, float]:
    """A place that is so far away, in radians, along directions that are there at the poles, too."""
    phi, away = math.radians(latitude), math.radians(longitude)
    sine, cosine = math.sin(phi), math.cos(phi)
    # From the axis through the place's meridian: outwards, eastwards, and up.
    out, up = cosine - north * sine, sine + north * cosine
    return math.degrees(math.atan2(up, math.hypot(out, east))), math.degrees(away + math.atan2(east, out))


def _apart(one: float, other: float, turn: float) -> float:
    """How far one coordinate is from another; of one that comes back after a turn the shorter way around."""
    return (one - other + turn / 2) % turn - turn / 2 if turn else one - other


def grid_of(file: NetcdfFile, variable: Variable) -> Grid | Curvilinear:
    """The grid of a variable: by its axes, or else by the latitude and longitude that each of its points has.

    `BadObject` for one without coordinates, or of a projection that is not known here.
    """
    try:
        return _by_axes(file, variable)
    except BadObject:
        found = curvilinear_of(file, variable)
        if found is None:
            raise
        return found


def _by_axes(file: NetcdfFile, variable: Variable) -> Grid:
    axes = [file.variables[name] for name in variable.dimensions() if name in file.variables]
    x = next((each for each in axes if _is(each, _X, _EAST)), None)
    y = next((each for each in axes if _is(each, _Y, _NORTH)), None)
    if x is None or y is None or x is y:
        raise BadObject(f"{variable.name} has no coordinates of its grid: no axis is {' or '.join(_X)}")
    mapping = _mapping_of(file, variable, x, y)
    is_plane = any(_is(each, (name,)) for each, name in ((x, _PLANE_X), (y, _PLANE_Y)))
    if mapping is None and is_plane:
        raise BadObject(f"{variable.name} is on {x.name} and {y.name}, and no `grid_mapping` says of which projection")
    attributes = mapping.attributes if mapping else {}
    name = str(attributes.get("grid_mapping_name", LATITUDE_LONGITUDE))
    try:
        parameters = parameters_of(name, attributes)
    except BadObject as error:
        raise BadObject(f"{variable.name}: {error.message}") from None
    scale = [_metres(each) if PROJECTIONS[name].is_plane else 1.0 for each in (x, y)]
    return Grid(name, parameters, x.name, y.name, _axis(x, scale[0]), _axis(y, scale[1]))


def _mapping_of(file: NetcdfFile, variable: Variable, x: Variable, y: Variable) -> Variable | None:
    """The variable that describes the grid; None where none is named. With several the one that names its axes."""
    said = text_attribute(variable, "grid_mapping")
    if not said:
        return None
    name = said
    if ":" in said:
        # CF 1.7: "<mapping>: <coordinate> <coordinate> <mapping>: …".
        name, coordinates = "", dict[str, set[str]]()
        for word in said.split():
            if word.endswith(":"):
                name = word[:-1]
            else:
                coordinates.setdefault(name, set()).add(word)
        name = next((each for each, of in coordinates.items() if {x.name, y.name} <= of), said)
    found = file.variables.get(name)
    if found is None:
        raise BadObject(f"{variable.name} has the `grid_mapping` {said[:100]!r}, and the file has no such variable")
    return found


def _is(variable: Variable, names: tuple[str, ...], units: Collection[str] = ()) -> bool:
    if len(variable.shape) != 1 or variable.dtype.kind not in "iuf":
        return False
    is_named = text_attribute(variable, "standard_name") in names or variable.name in names
    return is_named or text_attribute(variable, "units") in units


def _metres(variable: Variable) -> float:
    units = text_attribute(variable, "units")
    if units not in _METRES:
        raise BadObject(f"{variable.name} is in {units[:50]!r}, and a grid's lengths are read in m and km")
    return _METRES[units]


def _axis(variable: Variable, scale: float) -> list[float]:
    values, missing = unpacked(variable, variable.values().reshape(-1))
    found = [float(each) * scale for each in values.tolist()]
    is_good = found and not missing.any() and all(map(math.isfinite, found))
    if not is_good or found not in (sorted(found), sorted(found, reverse=True)):
        raise BadObject(f"{variable.name} is no axis of a grid: its values neither rise nor fall")
    return found


def _nearest(axis: Sequence[float], value: float) -> int | None:
    """The place of the nearest coordinate; None for a value more than half a step beyond the ends."""
    falls = len(axis) > 1 and axis[0] > axis[-1]
    rising = [-each for each in axis] if falls else axis
    wanted = -value if falls else value
    at = bisect_left(rising, wanted)
    near = [each for each in (at - 1, at) if 0 <= each < len(rising)]
    best = min(near, key=lambda each: abs(rising[each] - wanted))
    step = abs(rising[-1] - rising[0]) / (len(rising) - 1) if len(rising) > 1 else math.inf
    return best if abs(rising[best] - wanted) <= step / 2 or rising[0] <= wanted <= rising[-1] else None


def to_json(grid: Grid | Curvilinear) -> dict[str, Any]:
    """A grid as JSON, which `from_json` reads back."""
    if isinstance(grid, Curvilinear):
        return curvilinear.to_json(grid)
    return {
        "name": grid.name, "parameters": dict(grid.parameters), "x_dimension": grid.x_dimension,
        "y_dimension": grid.y_dimension, "x": list(grid.x), "y": list(grid.y),
    }  # fmt: skip


def from_json(document: Mapping[str, Any]) -> Grid | Curvilinear:
    """The inverse of `to_json`."""
    return curvilinear.from_json(document) if document["name"] == curvilinear.NAME else Grid(**document)
