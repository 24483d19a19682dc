"""Grids whose points have latitude and longitude each, in two arrays of two dimensions (CF 5.2).

Both arrays are kept with the layout of a variable, as whole hundred-thousandths of a degree (about a metre), and of
these the differences from the points beside and above, which are small on smooth grids and pack well.
"""

from __future__ import annotations

import math
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import BadInput, BadObject
from pipeline.core.netcdf.conventions import text_attribute
from pipeline.core.netcdf.model import NetcdfFile, Variable
from pipeline.core.netcdf.packed_values import unpacked
from pipeline.forecasts.ellipsoids import check_place

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME = "curvilinear"
MOST_POINTS = 500_000
"""Of a grid: of more, the arrays are too much to keep with each file, and to look through for each answer."""
_PARTS = 100_000
"""Of a degree."""
_STRIDE = 16
"""Of so many points along y and x one is looked at first."""
_NOWHERE = -(2**31)
"""Stands for a point without a place."""


@dataclass(frozen=True, slots=True, eq=False)
class Curvilinear:
    """A grid by the places of its points, in parts of a degree, by y and x."""

    x_dimension: str
    y_dimension: str
    latitudes: NDArray[np.int32]
    longitudes: NDArray[np.int32]

    @property
    def name(self) -> str:
        """What stands for the name of a projection."""
        return NAME

    @property
    def x(self) -> Sequence[float]:
        """The places along x, which have no coordinate but their number; negative where they go westwards."""
        return _numbers(self.longitudes[self.longitudes.shape[0] // 2])

    @property
    def y(self) -> Sequence[float]:
        """The places along y; negative where they go southwards."""
        return _numbers(self.latitudes[:, self.latitudes.shape[1] // 2])

    def nearest(self, latitude: float, longitude: float) -> tuple[int, int]:
        """The places along x and y of the grid point that is nearest on a sphere.

        `BadInput` for a place that is further from it than half of the way to the furthest of its neighbours.
        """
        import numpy as np

        check_place(latitude, longitude)
        y, x = self._nearest(latitude, longitude)
        apart = float(self._apart(latitude, longitude, (y, x)))
        beside = (slice(max(0, y - 1), y + 2), slice(max(0, x - 1), x + 2))
        around = self._apart(*self.position(x, y, 0.0, 0.0), beside)
        reach = float(np.max(np.where(np.isfinite(around), around, 0.0))) / 2
        if not apart <= reach:
            raise BadInput(f"latitude {latitude}, longitude {longitude} is outside the grid of the file")
        return x, y

    def _nearest(self, latitude: float, longitude: float) -> tuple[int, int]:
        """The places along y and x of the nearest point, the first of several.

        A few of the points say how far it is at most. None is nearer than the difference of the latitudes: so only
        those of a band are looked at.
        """
        import numpy as np

        few = (slice(None, None, _STRIDE), slice(None, None, _STRIDE))
        most = np.degrees(np.min(self._apart(latitude, longitude, few))) * _PARTS
        if not np.isfinite(most):
            band = np.arange(self.latitudes.size)
        else:
            # A part more, as parts are rounded.
            low, high = math.floor(latitude * _PARTS - most) - 1, math.ceil(latitude * _PARTS + most) + 1
            band = np.flatnonzero((self.latitudes >= low) & (self.latitudes <= high))
        found = band[np.argmin(self._apart(latitude, longitude, np.unravel_index(band, self.latitudes.shape)))]
        y, x = divmod(int(found), self.latitudes.shape[1])
        return y, x

    def position(self, x: int, y: int, latitude: float, longitude: float) -> tuple[float, float]:
        """Latitude and longitude (-180 to 180) of a grid point; a place nearby is not needed."""
        east = float(self.longitudes[y, x]) / _PARTS
        return float(self.latitudes[y, x]) / _PARTS, (east + 180) % 360 - 180

    def point(self, x: int, y: int) -> dict[str, Any]:
        """How an answer names a grid point."""
        latitude, longitude = self.position(x, y, 0.0, 0.0)
        return {
            "grid": NAME,
            self.x_dimension: x,
            self.y_dimension: y,
            "latitude": round(latitude, 5),
            "longitude": round(longitude, 5),
        }

    def _apart(self, latitude: float, longitude: float, of: Any = ...) -> NDArray[np.float64]:
        """How far the points are from a place, as angles; infinitely for those without a place."""
        import numpy as np

        north, east = self.latitudes[of], self.longitudes[of]
        phi, away = np.radians(north / _PARTS), np.radians(east / _PARTS - longitude)
        here = np.radians(latitude)
        half = np.sin((phi - here) / 2) ** 2 + np.cos(phi) * np.cos(here) * np.sin(away / 2) ** 2
        found: NDArray[np.float64] = 2 * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
        return np.where((north == _NOWHERE) | (east == _NOWHERE), np.inf, found)


def _numbers(along: NDArray[np.int32]) -> Sequence[float]:
    """Numbers of places that rise as most of the way along their coordinates does, a whole turn or not."""
    import numpy as np

    known = along[along != _NOWHERE].astype(np.int64)
    half = 180 * _PARTS
    steps = (np.diff(known) + half) % (2 * half) - half
    return range(0, -len(along), -1) if len(steps) and np.median(steps) < 0 else range(len(along))


def curvilinear_of(file: NetcdfFile, variable: Variable) -> Curvilinear | None:
    """The grid of a variable that has latitude and longitude of each point; None if it has not.

    `BadObject` for one that is too large to keep, or whose arrays do not fit.
    """
    tables = [each for each in _named(file, variable) if len(each.shape) == 2 and each.dtype.kind in "iuf"]
    latitude = next((each for each in tables if _is(each, "latitude", "degrees_north")), None)
    longitude = next((each for each in tables if _is(each, "longitude", "degrees_east")), None)
    if latitude is None or longitude is None:
        return None
    dimensions = latitude.dimensions()
    if dimensions != longitude.dimensions() or not set(dimensions) <= set(variable.dimensions()):
        raise BadObject(f"{latitude.name} and {longitude.name} are not on the same two dimensions of {variable.name}")
    if latitude.shape[0] * latitude.shape[1] > MOST_POINTS:
        raise BadObject(
            f"{variable.name} is on a grid of {latitude.shape[0]} by {latitude.shape[1]} points that have latitude and "
            f"longitude each ({latitude.name}, {longitude.name}): such grids are read up to {MOST_POINTS:,} points"
        )
    y, x = dimensions
    return Curvilinear(x, y, _parts(latitude, 90), _parts(longitude, 360))


def _named(file: NetcdfFile, variable: Variable) -> list[Variable]:
    said = text_attribute(variable, "coordinates").split()
    return [file.variables[name] for name in said if name in file.variables]


def _is(variable: Variable, name: str, units: str) -> bool:
    return text_attribute(variable, "standard_name") == name or text_attribute(variable, "units") == units


def _parts(variable: Variable, most: int) -> NDArray[np.int32]:
    import numpy as np

    values, missing = unpacked(variable, variable.values())
    missing = missing | ~np.isfinite(values)
    degrees = np.where(missing, 0.0, values).astype(np.float64)
    if bool(missing.all()) or bool((np.abs(degrees) > most).any()):
        raise BadObject(f"{variable.name} has no place on the earth, or one beyond {most} degrees")
    return np.where(missing, _NOWHERE, np.rint(degrees * _PARTS)).astype(np.int32)


def to_json(grid: Curvilinear) -> dict[str, Any]:
    """A grid as JSON, which `from_json` reads back."""
    return {
        "name": NAME,
        "x_dimension": grid.x_dimension,
        "y_dimension": grid.y_dimension,
        "shape": list(grid.latitudes.shape),
        "latitudes": _packed(grid.latitudes),
        "longitudes": _packed(grid.longitudes),
    }


def from_json(document: Mapping[str, Any]) -> Curvilinear:
    """The inverse of `to_json`."""
    shape = tuple(document["shape"])
    arrays = (_unpacked(document[name], shape) for name in ("latitudes", "longitudes"))
    return Curvilinear(document["x_dimension"], document["y_dimension"], *arrays)


def _packed(values: NDArray[np.int32]) -> str:
    """Differences of differences, small ones with zeros for their upper bytes, which lie apart from the lower ones."""
    import numpy as np

    wrapped = values.astype(np.uint32)
    for axis in (0, 1):
        wrapped = np.diff(wrapped, axis=axis, prepend=np.uint32(0))
    signed = wrapped.view(np.int32)
    folded = ((signed << 1) ^ (signed >> 31)).astype("<u4")
    planes = folded.reshape(-1).view(np.uint8).reshape(-1, 4).T
    return b64encode(zlib.compress(planes.tobytes(), 6)).decode()


@lru_cache(maxsize=4)
def _unpacked(text: str, shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Kept, as all files of a model have one grid: two arrays of two models."""
    import numpy as np

    planes = np.frombuffer(zlib.decompress(b64decode(text)), np.uint8).reshape(4, -1)
    folded = np.ascontiguousarray(planes.T).view("<u4").reshape(shape)
    wrapped = (folded >> 1) ^ (0 - (folded & 1)).astype(np.uint32)
    for axis in (1, 0):
        wrapped = np.cumsum(wrapped, axis=axis, dtype=np.uint32)
    wrapped.flags.writeable = False
    return wrapped.view(np.int32)
