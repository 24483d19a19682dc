"""The grid mappings of CF (appendix F) that weather services use: from a place on the earth to a grid's coordinates.

Formulas are those of Snyder, Map Projections, a Working Manual (1987), whose numbers are given, for spheres and
ellipsoids; the transverse Mercator projection is Krüger's series as Karney gives it (2011, to the sixth order). pyproj
knows all projections, and is as large as all else in the functions' layer: the tests hold these to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import BadInput, BadObject
from pipeline.forecasts.ellipsoids import authalic, conformal_ratio, parallel_radius, shape_of, squared_eccentricity

LATITUDE_LONGITUDE = "latitude_longitude"
SECOND_PARALLEL = "standard_parallel_2"
"""Our own parameter: the second number of CF's `standard_parallel`, which may have two."""

Parameters = Mapping[str, float]
Project = Callable[[float, float, Parameters], tuple[float, float]]
"""From latitude and longitude, degrees, to x and y; `BadInput` for a place that the projection has not."""

_NEAREST_POLE = 1e-9
"""Degrees: what is no further from a pole is it."""
_WIDEST = 2.623395162778
"""How far from its meridian the transverse Mercator series hold (PROJ, `tmerc`)."""


@dataclass(frozen=True, slots=True)
class Projection:
    """One grid mapping. `needs` are parameters without which it is none, of each group one."""

    project: Project
    needs: tuple[tuple[str, ...], ...] = ()
    is_plane: bool = True
    """Whether its coordinates are lengths, in metres; those of others are degrees."""


def project(name: str, latitude: float, longitude: float, given: Parameters) -> tuple[float, float]:
    """The coordinates x and y of a place in degrees; `BadInput` for one that the projection has not."""
    return PROJECTIONS[name].project(latitude, longitude - given.get("longitude_of_prime_meridian", 0.0), given)


def turn_of(name: str, given: Parameters) -> float:
    """After how much x is the same place again; 0 if it never is."""
    if not PROJECTIONS[name].is_plane:
        return 360.0
    return 2 * math.pi * _mercator_radius(given) if name == "mercator" else 0.0


def parameters_of(name: str, attributes: Mapping[str, Any]) -> dict[str, float]:
    """A grid mapping's parameters; `BadObject` for one that is not known here, or lacks what says where it is."""
    if name not in PROJECTIONS:
        raise BadObject(f"the grid {name!r} is not known here: {', '.join(sorted(PROJECTIONS))} are")
    given = {key: float(value) for key, value in attributes.items() if isinstance(value, (int, float))}
    parallels = attributes.get("standard_parallel")
    if (
        isinstance(parallels, tuple)
        and len(parallels) == 2
        and all(isinstance(each, int | float) for each in parallels)
    ):
        given |= {"standard_parallel": float(parallels[0]), SECOND_PARALLEL: float(parallels[1])}
    for group in PROJECTIONS[name].needs:
        if not any(each in given for each in group):
            raise BadObject(f"the grid {name} has no number {' or '.join(group)}, without which it lies nowhere")
    if PROJECTIONS[name].is_plane:
        given |= shape_of(attributes, given)
    if not all(map(math.isfinite, given.values())):
        raise BadObject(f"the grid {name} has a parameter that is no finite number")
    _check(name, given)
    return given


def _check(name: str, given: Parameters) -> None:
    if name == "lambert_conformal_conic":
        first = given["standard_parallel"]
        second = given.get(SECOND_PARALLEL, first)
        if abs(first + second) < _NEAREST_POLE or max(abs(first), abs(second)) > 90 - _NEAREST_POLE:
            raise BadObject(f"the grid {name} has standard parallels of which there is no cone: {first}, {second}")
    if name == "polar_stereographic" and abs(abs(_pole(given)) - 90) > _NEAREST_POLE:
        raise BadObject(f"the grid {name} has its origin at {_pole(given)} degrees north, which is no pole")


def _away(longitude: float, middle: float) -> float:
    """How far a longitude is from another, the shorter way, in radians."""
    return math.radians((longitude - middle + 180) % 360 - 180)


def _eastern(x: float, y: float, given: Parameters) -> tuple[float, float]:
    return x + given.get("false_easting", 0.0), y + given.get("false_northing", 0.0)


def _nowhere(latitude: float, longitude: float) -> BadInput:
    return BadInput(f"latitude {latitude}, longitude {longitude} is outside the grid of the file")


def _plain(latitude: float, longitude: float, _: Parameters) -> tuple[float, float]:
    return longitude, latitude


def _rotated(latitude: float, longitude: float, given: Parameters) -> tuple[float, float]:
    """A rotated pole, on a sphere."""
    pole_latitude = math.radians(given.get("grid_north_pole_latitude", 90.0))
    phi, away = math.radians(latitude), math.radians(longitude - given.get("grid_north_pole_longitude", 0.0))
    sine = math.sin(phi) * math.sin(pole_latitude) + math.cos(phi) * math.cos(pole_latitude) * math.cos(away)
    x = -math.cos(phi) * math.sin(away)
    y = math.sin(phi) * math.cos(pole_latitude) - math.cos(phi) * math.sin(pole_latitude) * math.cos(away)
    turned = math.degrees(math.atan2(x, y)) + given.get("north_pole_grid_longitude", 0.0)
    return turned, math.degrees(math.asin(max(-1.0, min(1.0, sine))))


def _azimuthal(latitude: float, longitude: float, given: Parameters) -> tuple[float, float]:
    """Lambert's azimuthal equal-area projection (24-13 to 24-26)."""
    a, squared = squared_eccentricity(given)
    centre = math.radians(given["latitude_of_projection_origin"])
    away = _away(longitude, given["longitude_of_projection_origin"])
    whole = authalic(math.pi / 2, squared)
    # At a pole the stretch is a quotient of two zeros, and 1.
    is_polar = abs(given["latitude_of_projection_origin"]) > 90 - _NEAREST_POLE
    radius, beta = a * math.sqrt(whole / 2), _authalic_latitude(math.radians(latitude), squared)
    beta_1 = centre if is_polar else _authalic_latitude(centre, squared)
    stretch = 1.0 if is_polar else parallel_radius(centre, squared) * a / (radius * math.cos(beta_1))
    towards = 1 + math.sin(beta_1) * math.sin(beta) + math.cos(beta_1) * math.cos(beta) * math.cos(away)
    if towards <= 1e-12:
        raise _nowhere(latitude, longitude)
    b = radius * math.sqrt(2 / towards)
    x = b * stretch * math.cos(beta) * math.sin(away)
    y = b / stretch * (math.cos(beta_1) * math.sin(beta) - math.sin(beta_1) * math.cos(beta) * math.cos(away))
    return _eastern(x, y, given)


def _authalic_latitude(phi: float, squared: float) -> float:
    """Snyder's beta (3-11)."""
    return math.asin(max(-1.0, min(1.0, authalic(phi, squared) / authalic(math.pi / 2, squared))))


def _conic(latitude: float, longitude: float, given: Parameters) -> tuple[float, float]:
    """Lambert's conformal conic projection, of one standard parallel or two (15-1 to 15-9)."""
    a, squared = squared_eccentricity(given)
    first = math.radians(given["standard_parallel"])
    second = math.radians(given.get(SECOND_PARALLEL, given["standard_parallel"]))
    m_1, t_1 = parallel_radius(first, squared), conformal_ratio(first, squared)
    if abs(first - second) < 1e-10:
        n = math.sin(first)
    else:
        m_2, t_2 = parallel_radius(second, squared), conformal_ratio(second, squared)
        n = math.log(m_1 / m_2) / math.log(t_1 / t_2)
    if latitude * n < 0 and abs(latitude) > 90 - _NEAREST_POLE:
        # The other pole is infinitely far away.
        raise _nowhere(latitude, longitude)

    def radius(degrees: float) -> float:
        if abs(degrees) > 90 - _NEAREST_POLE:
            return 0.0
        return a * m_1 / n * math.pow(conformal_ratio(math.radians(degrees), squared) / t_1, n)

    turned = n * _away(longitude, given["longitude_of_central_meridian"])
    rho = radius(latitude)
    return _eastern(
        rho * math.sin(turned), radius(given["latitude_of_projection_origin"]) - rho * math.cos(turned), given
    )


def _pole(given: Parameters) -> float:
    """The latitude of the origin; where it is not said, that of the pole on the side of the standard parallel."""
    return given.get("latitude_of_projection_origin", math.copysign(90.0, given.get("standard_parallel", 90.0)))


def _polar(latitude: float, longitude: float, given: Parameters) -> tuple[float, float]:
    """A polar stereographic projection (21-32 to 21-34, 21-40)."""
    a, squared = squared_eccentricity(given)
    sign = math.copysign(1.0, _pole(given))
    e = math.sqrt(squared)
    parallel = math.radians(abs(given.get("standard_parallel", 90.0)))
    if math.degrees(parallel) > 90 - _NEAREST_POLE:
        scale = 2 * given.get("scale_factor_at_projection_origin", 1.0)
        scale /= math.sqrt((1 + e) ** (1 + e) * (1 - e) ** (1 - e))
    else:
        scale = parallel_radius(parallel, squared) / conformal_ratio(parallel, squared)
    if sign * latitude < -90 + _NEAREST_POLE:
        raise _nowhere(latitude, longitude)
    rho = a * scale * conformal_ratio(sign * math.radians(latitude), squared)
    middle = given.get("straight_vertical_longitude_from_pole", given.get("longitude_of_projection_origin", 0.0))
    away = _away(longitude, middle)
    return _eastern(rho * math.sin(away), -sign * rho * math.cos(away), given)


def _stereographic(latitude: float, longitude: float, given: Parameters) -> tuple[float, float]:
    """A stereographic projection around any place (21-24, 21-25, 21-27)."""
    if abs(given["latitude_of_projection_origin"]) > 90 - _NEAREST_POLE:
        return _polar(latitude, longitude, given)
    a, squared = squared_eccentricity(given)
    centre = math.radians(given["latitude_of_projection_origin"])
    chi, chi_1 = (
        math.pi / 2 - 2 * math.atan(conformal_ratio(phi, squared)) for phi in (math.radians(latitude), centre)
    )
    away = _away(longitude, given["longitude_of_projection_origin"])
    towards = 1 + math.sin(chi_1) * math.sin(chi) + math.cos(chi_1) * math.cos(chi) * math.cos(away)
    if towards <= 1e-12:
        raise _nowhere(latitude, longitude)
    scale = given.get("scale_factor_at_projection_origin", 1.0)
    size = 2 * a * scale * parallel_radius(centre, squared) / (math.cos(chi_1) * towards)
    x = size * math.cos(chi) * math.sin(away)
    y = size * (math.cos(chi_1) * math.sin(chi) - math.sin(chi_1) * math.cos(chi) * math.cos(away))
    return _eastern(x, y, given)


def _mercator_radius(given: Parameters) -> float:
    a, squared = squared_eccentricity(given)
    if "standard_parallel" in given:
        return a * parallel_radius(math.radians(given["standard_parallel"]), squared)
    return a * given.get("scale_factor_at_projection_origin", 1.0)


def _mercator(latitude: float, longitude: float, given: Parameters) -> tuple[float, float]:
    """Mercator's projection (7-6, 7-7, 7-9)."""
    if abs(latitude) > 90 - _NEAREST_POLE:
        raise _nowhere(latitude, longitude)
    radius = _mercator_radius(given)
    _, squared = squared_eccentricity(given)
    away = _away(longitude, given["longitude_of_projection_origin"])
    return _eastern(radius * away, -radius * math.log(conformal_ratio(math.radians(latitude), squared)), given)


def _transverse(latitude: float, longitude: float, given: Parameters) -> tuple[float, float]:
    """The transverse Mercator projection (Karney 2011, 7 to 11, 14, 35)."""
    a, squared = squared_eccentricity(given)
    root = math.sqrt(1 - squared)
    n = (1 - root) / (1 + root)
    size = a / (1 + n) * (1 + n**2 / 4 + n**4 / 64 + n**6 / 256) * given.get("scale_factor_at_central_meridian", 1.0)
    away = _away(longitude, given["longitude_of_central_meridian"])
    north, east = _krueger(math.radians(latitude), away, squared, n)
    if not abs(east) <= _WIDEST:
        raise _nowhere(latitude, longitude)
    origin, _ = _krueger(math.radians(given["latitude_of_projection_origin"]), 0.0, squared, n)
    return _eastern(size * east, size * (north - origin), given)


def _krueger(phi: float, away: float, squared: float, n: float) -> tuple[float, float]:
    """Northing and easting on a sphere of radius 1; an easting too large is that without its series."""
    e, tau = math.sqrt(squared), math.tan(phi)
    sigma = math.sinh(e * math.atanh(e * math.sin(phi)))
    turned = tau * math.hypot(1, sigma) - sigma * math.hypot(1, tau)
    beside = math.hypot(turned, math.cos(away))
    if beside == 0:
        return math.inf, math.inf
    xi, eta = math.atan2(turned, math.cos(away)), math.asinh(math.sin(away) / beside)
    if abs(eta) > 2 * _WIDEST:
        return xi, eta
    north, east = xi, eta
    for order, factor in enumerate(_alphas(n), start=1):
        north += factor * math.sin(2 * order * xi) * math.cosh(2 * order * eta)
        east += factor * math.cos(2 * order * xi) * math.sinh(2 * order * eta)
    return north, east


def _alphas(n: float) -> tuple[float, ...]:
    """Karney's (35)."""
    return (
        n / 2 - 2 * n**2 / 3 + 5 * n**3 / 16 + 41 * n**4 / 180 - 127 * n**5 / 288 + 7891 * n**6 / 37800,
        13 * n**2 / 48 - 3 * n**3 / 5 + 557 * n**4 / 1440 + 281 * n**5 / 630 - 1983433 * n**6 / 1935360,
        61 * n**3 / 240 - 103 * n**4 / 140 + 15061 * n**5 / 26880 + 167603 * n**6 / 181440,
        49561 * n**4 / 161280 - 179 * n**5 / 168 + 6601661 * n**6 / 7257600,
        34729 * n**5 / 80640 - 3418889 * n**6 / 1995840,
        212378941 * n**6 / 319334400,
    )


_ORIGIN = (("latitude_of_projection_origin",), ("longitude_of_projection_origin",))
_MERIDIAN = (("latitude_of_projection_origin",), ("longitude_of_central_meridian",))

PROJECTIONS: Mapping[str, Projection] = {
    LATITUDE_LONGITUDE: Projection(_plain, is_plane=False),
    "rotated_latitude_longitude": Projection(
        _rotated, (("grid_north_pole_latitude",), ("grid_north_pole_longitude",)), is_plane=False
    ),
    "lambert_azimuthal_equal_area": Projection(_azimuthal, _ORIGIN),
    "lambert_conformal_conic": Projection(_conic, (*_MERIDIAN, ("standard_parallel",))),
    "polar_stereographic": Projection(
        _polar,
        (
            ("straight_vertical_longitude_from_pole", "longitude_of_projection_origin"),
            ("latitude_of_projection_origin", "standard_parallel"),
        ),
    ),
    "stereographic": Projection(_stereographic, _ORIGIN),
    "mercator": Projection(_mercator, (("longitude_of_projection_origin",),)),
    "transverse_mercator": Projection(_transverse, _MERIDIAN),
}
"""By CF's names."""
