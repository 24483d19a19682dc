"""Where on a file's grid a place on the earth is. Formulas are exact for the grids that are known; others are refused.

pyproj knows all projections, and is as large as all else in the functions' layer: the tests hold these to it.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import BadInput, BadObject
from pipeline.forecasts.netcdf.model import NetcdfFile, Variable

LATITUDE_LONGITUDE = "latitude_longitude"
_X = ("projection_x_coordinate", "grid_longitude", "longitude")
_Y = ("projection_y_coordinate", "grid_latitude", "latitude")
_EARTH_M = 6_371_229.0
"""The radius of a grid that says none: that of most weather models (GRIB2, code table 3.2, shape 6)."""


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
        """The places along x and y of the grid point that is nearest; `BadInput` for a place outside the grid."""
        if not -90 <= latitude <= 90:
            raise BadInput(f"the latitude {latitude} is not between -90 and 90")
        if not -180 <= longitude <= 360:
            raise BadInput(f"the longitude {longitude} is not between -180 and 360")
        x, y = _PROJECTIONS[self.name](latitude, longitude, self.parameters)
        turns = (0.0,) if self.name == "lambert_azimuthal_equal_area" else (0.0, 360.0, -360.0)
        for turn in turns:
            found = _nearest(self.x, x + turn), _nearest(self.y, y)
            if found[0] is not None and found[1] is not None:
                return found[0], found[1]
        raise BadInput(f"latitude {latitude}, longitude {longitude} is outside the grid of the file")


def grid_of(file: NetcdfFile, variable: Variable) -> Grid:
    """The grid of a variable; `BadObject` for one without coordinates, or of a projection that is not known here."""
    dimensions = variable.dimensions()
    named = [(name, file.variables[name]) for name in dimensions if name in file.variables]
    x = next(((name, each) for name, each in named if _is(each, _X)), None)
    y = next(((name, each) for name, each in named if _is(each, _Y)), None)
    if x is None or y is None:
        raise BadObject(f"{variable.name} has no coordinates of its grid: no axis is {' or '.join(_X)}")
    mapping = file.variables.get(str(variable.attributes.get("grid_mapping", "")))
    attributes = mapping.attributes if mapping else {}
    name = str(attributes.get("grid_mapping_name", LATITUDE_LONGITUDE))
    if name not in _PROJECTIONS:
        raise BadObject(f"{variable.name} has the grid {name!r}, which is not known here: {', '.join(_PROJECTIONS)}")
    numbers = {key: float(value) for key, value in attributes.items() if isinstance(value, (int, float))}
    scale = [_metres(each) for _, each in (x, y)]
    return Grid(name, numbers, x[0], y[0], _axis(x[1], scale[0]), _axis(y[1], scale[1]))


def _is(variable: Variable, names: tuple[str, ...]) -> bool:
    return len(variable.shape) == 1 and (variable.attributes.get("standard_name") in names or variable.name in names)


def _metres(variable: Variable) -> float:
    return 1000.0 if variable.attributes.get("units") in ("km", "kilometre", "kilometres") else 1.0


def _axis(variable: Variable, scale: float) -> list[float]:
    found = [float(each) * scale for each in variable.values().reshape(-1).tolist()]
    if not found or not all(map(math.isfinite, found)) or found not in (sorted(found), sorted(found, reverse=True)):
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


def _plain(latitude: float, longitude: float, _: Mapping[str, float]) -> tuple[float, float]:
    return longitude, latitude


def _rotated(latitude: float, longitude: float, given: Mapping[str, float]) -> tuple[float, float]:
    """A rotated pole, on a sphere (CF, appendix F)."""
    pole_latitude = math.radians(given.get("grid_north_pole_latitude", 90.0))
    pole_longitude = given.get("grid_north_pole_longitude", 0.0)
    phi, away = math.radians(latitude), math.radians(longitude - pole_longitude)
    sine = math.sin(phi) * math.sin(pole_latitude) + math.cos(phi) * math.cos(pole_latitude) * math.cos(away)
    x = -math.cos(phi) * math.sin(away)
    y = math.sin(phi) * math.cos(pole_latitude) - math.cos(phi) * math.sin(pole_latitude) * math.cos(away)
    turned = math.degrees(math.atan2(x, y)) + given.get("north_pole_grid_longitude", 0.0)
    return turned, math.degrees(math.asin(max(-1.0, min(1.0, sine))))


def _azimuthal(latitude: float, longitude: float, given: Mapping[str, float]) -> tuple[float, float]:
    """Lambert's azimuthal equal-area projection of an ellipsoid (Snyder, Map Projections, 24-13 to 24-26)."""
    a, squared = _ellipsoid(given)
    centre = math.radians(given["latitude_of_projection_origin"])
    away = math.radians((longitude - given["longitude_of_projection_origin"] + 180) % 360 - 180)
    whole = _authalic(math.pi / 2, squared)
    beta = math.asin(_authalic(math.radians(latitude), squared) / whole)
    beta_1 = math.asin(_authalic(centre, squared) / whole)
    radius = a * math.sqrt(whole / 2)
    stretch = a * math.cos(centre) / (math.sqrt(1 - squared * math.sin(centre) ** 2) * radius * math.cos(beta_1))
    towards = 1 + math.sin(beta_1) * math.sin(beta) + math.cos(beta_1) * math.cos(beta) * math.cos(away)
    if towards <= 1e-12:
        raise BadInput(f"latitude {latitude}, longitude {longitude} is outside the grid of the file")
    b = radius * math.sqrt(2 / towards)
    x = b * stretch * math.cos(beta) * math.sin(away)
    y = b / stretch * (math.cos(beta_1) * math.sin(beta) - math.sin(beta_1) * math.cos(beta) * math.cos(away))
    return x + given.get("false_easting", 0.0), y + given.get("false_northing", 0.0)


def _authalic(phi: float, squared: float) -> float:
    """Snyder's q (3-12)."""
    sine = math.sin(phi)
    if squared == 0:
        return 2 * sine
    e = math.sqrt(squared)
    return (1 - squared) * (sine / (1 - squared * sine**2) - math.log((1 - e * sine) / (1 + e * sine)) / (2 * e))


def _ellipsoid(given: Mapping[str, float]) -> tuple[float, float]:
    """The half major axis and the square of the eccentricity, however CF says them."""
    a = given.get("semi_major_axis", given.get("earth_radius", _EARTH_M))
    if "semi_minor_axis" in given:
        return a, 1 - (given["semi_minor_axis"] / a) ** 2
    if given.get("inverse_flattening"):
        flat = 1 / given["inverse_flattening"]
        return a, flat * (2 - flat)
    return a, 0.0


_PROJECTIONS: Mapping[str, Callable[[float, float, Mapping[str, float]], tuple[float, float]]] = {
    LATITUDE_LONGITUDE: _plain,
    "rotated_latitude_longitude": _rotated,
    "lambert_azimuthal_equal_area": _azimuthal,
}


def to_json(grid: Grid) -> dict[str, Any]:
    """A grid as JSON, which `from_json` reads back."""
    return {
        "name": grid.name, "parameters": dict(grid.parameters), "x_dimension": grid.x_dimension,
        "y_dimension": grid.y_dimension, "x": list(grid.x), "y": list(grid.y),
    }  # fmt: skip


def from_json(document: Mapping[str, Any]) -> Grid:
    """The inverse of `to_json`."""
    return Grid(**document)
