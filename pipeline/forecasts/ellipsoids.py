"""The places on the earth, its shape as CF's grid mappings say it, and what projections need to know of that.

Numbers are Snyder's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from pipeline.core.errors import BadInput, BadObject

EARTH_M = 6_371_229.0
"""The radius of a grid that says no shape: that of most weather models (GRIB2, code table 3.2, shape 6)."""
_NAMED = {
    "wgs84": (6_378_137.0, 298.257223563),
    "grs80": (6_378_137.0, 298.257222101),
    "grs1980": (6_378_137.0, 298.257222101),
    "airy1830": (6_377_563.396, 299.3249646),
    "bessel1841": (6_377_397.155, 299.1528128),
    "international1924": (6_378_388.0, 297.0),
    "clarke1866": (6_378_206.4, 294.978698213898),
}
"""Half the major axis in metres and the inverse flattening, by EPSG's names without spaces."""


_ROUND, _FLATTEST = -1e-6, 0.5
"""The least and the greatest flattening of an earth: the two axes of a sphere may differ by their rounding."""


def check_place(latitude: float, longitude: float) -> None:
    """`BadInput` for degrees that are none of a place."""
    if not -90 <= latitude <= 90:
        raise BadInput(f"the latitude {latitude} is not between -90 and 90")
    if not -180 <= longitude <= 360:
        raise BadInput(f"the longitude {longitude} is not between -180 and 360")


def shape_of(attributes: Mapping[str, Any], given: Mapping[str, float]) -> dict[str, float]:
    """What is known of an ellipsoid that has a name alone; `BadObject` for one that is not known here, or is none."""
    name = attributes.get("reference_ellipsoid_name")
    axes = [given[each] for each in ("semi_major_axis", "semi_minor_axis", "earth_radius") if each in given]
    if any(each <= 0 for each in axes):
        raise BadObject(f"the grid's earth has an axis of {min(axes)} metres")
    if not _ROUND <= (flat := _flattening(given)) <= _FLATTEST:
        raise BadObject(f"the grid's earth is no ellipsoid that is known here: it has a flattening of {flat:.3g}")
    if axes or not isinstance(name, str):
        return {}
    known = _NAMED.get(re.sub(r"[^a-z0-9]", "", name.lower()))
    if known is None:
        raise BadObject(f"the grid's ellipsoid {name[:50]!r} is not known here, and its axes are not in the file")
    return {"semi_major_axis": known[0], "inverse_flattening": known[1]}


def squared_eccentricity(given: Mapping[str, float]) -> tuple[float, float]:
    """Half the major axis, and the square of the eccentricity, however CF says them."""
    flat = max(0.0, _flattening(given))
    return _half_major_axis(given), flat * (2 - flat)


def _half_major_axis(given: Mapping[str, float]) -> float:
    return given.get("semi_major_axis", given.get("earth_radius", EARTH_M))


def _flattening(given: Mapping[str, float]) -> float:
    if "semi_minor_axis" in given:
        return 1 - given["semi_minor_axis"] / _half_major_axis(given)
    return 1 / given["inverse_flattening"] if given.get("inverse_flattening") else 0.0


def authalic(phi: float, squared: float) -> float:
    """Snyder's q (3-12)."""
    sine = math.sin(phi)
    if squared == 0:
        return 2 * sine
    e = math.sqrt(squared)
    return (1 - squared) * (sine / (1 - squared * sine**2) + math.atanh(e * sine) / e)


def parallel_radius(phi: float, squared: float) -> float:
    """Snyder's m: the radius of the parallel, to half the major axis (14-15)."""
    return math.cos(phi) / math.sqrt(1 - squared * math.sin(phi) ** 2)


def conformal_ratio(phi: float, squared: float) -> float:
    """Snyder's t: the tangent of half the conformal latitude's distance from the pole (15-9)."""
    e = math.sqrt(squared)
    sine = math.sin(phi)
    return math.tan(math.pi / 4 - phi / 2) * math.pow((1 + e * sine) / (1 - e * sine), e / 2)
