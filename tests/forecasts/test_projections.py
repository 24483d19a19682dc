"""Projections are where pyproj says, over the whole earth, and a grid of each gives the values that xarray finds."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pyproj
import pytest
import xarray

from pipeline.core.errors import BadInput, BadObject
from pipeline.forecasts.grids import Grid, grid_of
from pipeline.forecasts.layouts import layout_of, packed, unpack, values_at
from pipeline.forecasts.projections import parameters_of, project
from tests.forecasts.files import opened, usual_times

WGS84: dict[str, Any] = {"semi_major_axis": 6378137.0, "inverse_flattening": 298.257223563}
SPHERE: dict[str, Any] = {"earth_radius": 6371229.0}
ON_WGS84, ON_SPHERE = "+a=6378137 +rf=298.257223563", "+R=6371229"
POLE = "latitude_of_projection_origin"
CENTRE = "longitude_of_projection_origin"
MERIDIAN = "longitude_of_central_meridian"
DOWN = "straight_vertical_longitude_from_pole"
PARALLEL = "standard_parallel"
AT_POLE = "scale_factor_at_projection_origin"

Case = tuple[str, dict[str, Any], str]
CASES: list[Case] = [
    ("lambert_conformal_conic", {POLE: 63.3, MERIDIAN: 15.0, PARALLEL: 63.3},
     "+proj=lcc +lat_0=63.3 +lon_0=15 +lat_1=63.3"),
    ("lambert_conformal_conic", {POLE: 46.5, MERIDIAN: 3.0, PARALLEL: (49.0, 44.0), "false_easting": 7e5},
     "+proj=lcc +lat_0=46.5 +lon_0=3 +lat_1=49 +lat_2=44 +x_0=700000"),
    ("lambert_conformal_conic", {POLE: -33.0, MERIDIAN: 170.0, PARALLEL: (-30, -50)},
     "+proj=lcc +lat_0=-33 +lon_0=170 +lat_1=-30 +lat_2=-50"),
    ("polar_stereographic", {POLE: 90.0, DOWN: -45.0, PARALLEL: 70.0}, "+proj=stere +lat_0=90 +lon_0=-45 +lat_ts=70"),
    ("polar_stereographic", {POLE: -90.0, DOWN: 0.0, PARALLEL: -71.0}, "+proj=stere +lat_0=-90 +lon_0=0 +lat_ts=-71"),
    ("polar_stereographic", {POLE: 90.0, CENTRE: 10.0, AT_POLE: 0.933, "false_northing": 9.0},
     "+proj=stere +lat_0=90 +lon_0=10 +k_0=0.933 +y_0=9"),
    ("stereographic", {POLE: 52.0, CENTRE: 5.0, AT_POLE: 0.9999}, "+proj=stere +lat_0=52 +lon_0=5 +k_0=0.9999"),
    ("stereographic", {POLE: -90.0, CENTRE: 175.0}, "+proj=stere +lat_0=-90 +lon_0=175"),
    ("mercator", {CENTRE: 150.0, PARALLEL: 20.0}, "+proj=merc +lon_0=150 +lat_ts=20"),
    ("mercator", {CENTRE: -60.0, AT_POLE: 0.9}, "+proj=merc +lon_0=-60 +k_0=0.9"),
    ("transverse_mercator", {POLE: 49.0, MERIDIAN: -2.0, "scale_factor_at_central_meridian": 0.9996012717,
                             "false_easting": 4e5, "false_northing": -1e5},
     "+proj=tmerc +lat_0=49 +lon_0=-2 +k_0=0.9996012717 +x_0=400000 +y_0=-100000"),
    ("lambert_azimuthal_equal_area", {POLE: 54.9, CENTRE: -2.5}, "+proj=laea +lat_0=54.9 +lon_0=-2.5"),
    ("lambert_azimuthal_equal_area", {POLE: 90.0, CENTRE: 0.0}, "+proj=laea +lat_0=90 +lon_0=0"),
    ("lambert_azimuthal_equal_area", {POLE: -90.0, CENTRE: 30.0}, "+proj=laea +lat_0=-90 +lon_0=30"),
    ("lambert_azimuthal_equal_area", {POLE: 0.0, CENTRE: 179.0}, "+proj=laea +lat_0=0 +lon_0=179"),
]  # fmt: skip
SHAPES = [(WGS84, ON_WGS84), (SPHERE, ON_SPHERE)]
FAR_M = 1.6e7
"""No grid of a plane is larger, and no projection good."""

APART_M = 0.2
"""The arcsine of almost 1, by which both find equal areas at the poles, holds no more."""


def places() -> list[tuple[float, float]]:
    """Places over all of the earth, the poles and the date line among them."""
    chance = np.random.default_rng(16)
    latitudes = np.degrees(np.arcsin(chance.uniform(-1, 1, 300)))
    found = list(zip(latitudes.tolist(), chance.uniform(-180, 180, 300).tolist(), strict=True))
    near = [(90.0, 10.0), (-90.0, 0.0), (89.9999, 100.0), (-89.9999, -100.0), (0.0, 0.0), (0.0, 180.0), (0.0, -180.0)]
    return [*found, *near, (60.0, 180.0), (-60.0, -179.9999), (45.0, 179.9999)]


def named(case: Case) -> str:
    return case[2].replace("+proj=", "").replace(" +", ",")


@pytest.mark.parametrize(("shape", "on"), SHAPES, ids=["ellipsoid", "sphere"])
@pytest.mark.parametrize("case", CASES, ids=named)
def test_a_place_is_where_pyproj_says_on_all_of_the_earth(case: Case, shape: dict[str, Any], on: str):
    name, attributes, proj = case
    given, oracle = parameters_of(name, {**attributes, **shape}), pyproj.Proj(f"{proj} {on}")
    compared = 0
    for latitude, longitude in places():
        wanted = oracle(longitude, latitude)
        try:
            found = project(name, latitude, longitude, given)
        except BadInput:
            # What has no place there is far outside of every grid.
            assert not math.hypot(*wanted) < FAR_M, (latitude, longitude, wanted)
            continue
        if math.hypot(*wanted) < FAR_M:
            compared += 1
            turned = abs(abs(longitude - given.get(CENTRE, given.get(MERIDIAN, given.get(DOWN, 0)))) % 360 - 180) < 1e-9
            # On the seam opposite of the middle either side is right.
            wanted = (-wanted[0], wanted[1]) if turned and found[0] * wanted[0] < 0 else wanted
            assert found == pytest.approx(wanted, abs=APART_M), (latitude, longitude)
    assert compared > 100


@pytest.mark.parametrize("case", CASES, ids=named)
def test_a_grid_point_is_found_and_found_back(case: Case):
    name, attributes, proj = case
    given, oracle = parameters_of(name, {**attributes, **WGS84}), pyproj.Proj(f"{proj} {ON_WGS84}")
    found = 0
    for latitude, longitude in places():
        x, y = oracle(longitude, latitude)
        if math.hypot(x, y) > 6e6:
            continue
        found += 1
        step = [1000.0 * n for n in range(-3, 4)]
        grid = Grid(name, given, "x", "y", [x + each for each in step], [y + each for each in step])
        assert grid.nearest(latitude, longitude) == (3, 3)
        back = oracle(*reversed(grid.position(3, 3, latitude, longitude)))
        assert back == pytest.approx((x, y), abs=0.01)
        corner = oracle(*reversed(grid.position(6, 0, latitude, longitude)))
        assert corner == pytest.approx((x + 3000, y - 3000), abs=0.01)
        with pytest.raises(BadInput, match="outside the grid"):
            Grid(name, given, "x", "y", [x + 9000, x + 9999], [y, y + 1]).nearest(latitude, longitude)
    assert found > 20


def projected(path: Path, mapping: dict[str, Any], origin: tuple[float, float], step: float, **changed: Any) -> bytes:
    """A file whose field counts the points of a grid of 40 by 50 around an origin; `changed` are attributes."""
    with netCDF4.Dataset(path, "w") as file:
        for name, length, middle in (("x", 50, origin[0]), ("y", 40, origin[1])):
            file.createDimension(name, length)
            axis = file.createVariable(name, "f8", (name,))
            axis.setncatts({"standard_name": f"projection_{name}_coordinate", "units": "m", **changed.get("axes", {})})
            axis[:] = middle + step * (np.arange(length) - length // 2)
        for name, (value, dimensions, attributes) in usual_times().items():
            time = file.createVariable(name, "i8", dimensions)
            time.setncatts(attributes)
            time[...] = value
        file.createVariable("crs", "i4").setncatts(mapping)
        field = file.createVariable("rain", "f4", ("y", "x"), chunksizes=(8, 8), zlib=True)
        field.setncatts({"units": "mm", "grid_mapping": "crs", **changed.get("field", {})})
        field[...] = np.arange(2000).reshape(40, 50)
    return path.read_bytes()


@pytest.mark.parametrize("case", CASES, ids=named)
def test_values_of_a_projected_file_are_xarrays_nearest(tmp_path: Path, case: Case):
    name, attributes, proj = case
    mapping = {"grid_mapping_name": name, **attributes, **SPHERE}
    oracle = pyproj.Proj(f"{proj} {ON_SPHERE}")
    latitude = max(-88.0, min(88.0, attributes.get(POLE, attributes.get(PARALLEL, 0.0))))
    longitude = next(attributes[each] for each in (MERIDIAN, DOWN, CENTRE) if each in attributes)
    content = projected(tmp_path / "a.nc", mapping, oracle(longitude, latitude), 25_000.0)
    file = opened(content)
    layout = unpack(packed(layout_of(file, file.variables["rain"])))
    with xarray.open_dataset(tmp_path / "a.nc", engine="netcdf4") as opened_by_xarray:
        for north, east in ((0.0, 0.0), (0.31, -0.77), (-1.3, 2.05)):
            x, y = oracle(longitude + east, latitude + north)
            near = opened_by_xarray["rain"].sel(x=x, y=y, method="nearest")
            wanted_longitude = (longitude + east + 180) % 360 - 180
            (found,) = values_at(
                layout, latitude + north, wanted_longitude, lambda start, length: content[start : start + length]
            )
            assert found.value == near.item()


CONIC = {"grid_mapping_name": "lambert_conformal_conic", POLE: 63.3, MERIDIAN: 15.0, PARALLEL: 63.3, **SPHERE}


@pytest.mark.parametrize(
    ("mapping", "changed", "reason"),
    [
        ({"grid_mapping_name": "geostationary"}, {}, "rain: the grid 'geostationary' is not known here: .*mercator"),
        ({**CONIC, PARALLEL: "63.3"}, {}, "has no number standard_parallel, without which it lies nowhere"),
        ({**CONIC, PARALLEL: [30.0, -30.0]}, {}, "standard parallels of which there is no cone: 30.0, -30.0"),
        ({**CONIC, "earth_radius": -1.0}, {}, "an axis of -1.0 metres"),
        ({**CONIC, **WGS84, "inverse_flattening": -298.3}, {}, "no ellipsoid .* a flattening of -0.00335"),
        ({**CONIC, **WGS84, "inverse_flattening": 1.0}, {}, "no ellipsoid .* a flattening of 1"),
        ({**CONIC, **WGS84, "inverse_flattening": 1e-300}, {}, "no ellipsoid .* a flattening of 1e\\+300"),
        ({**CONIC, "semi_minor_axis": 1e308}, {}, "no ellipsoid .* a flattening of -1.57e\\+301"),
        ({**CONIC, "semi_minor_axis": 1e-300}, {}, "no ellipsoid .* a flattening of 1"),
        ({**CONIC, "semi_minor_axis": math.inf}, {}, "no ellipsoid .* a flattening of -inf"),
        ({**CONIC, POLE: math.nan}, {}, "a parameter that is no finite number"),
        ({"grid_mapping_name": "polar_stereographic", POLE: 60.0, DOWN: 0.0}, {},
         "60.0 degrees north, which is no pole"),
        ({"grid_mapping_name": "mercator", CENTRE: 0.0, "reference_ellipsoid_name": "Vogon 7"}, {},
         "'Vogon 7' is not known"),
        (CONIC, {"axes": {"units": "furlongs"}}, "x is in 'furlongs', and a grid's lengths are read in m and km"),
        (CONIC, {"field": {"grid_mapping": "none"}}, "`grid_mapping` 'none', and the file has no such variable"),
        (CONIC, {"field": {"grid_mapping": ""}}, "no `grid_mapping` says of which projection"),
    ],
)  # fmt: skip
def test_a_grid_that_cannot_be_known_is_refused_with_the_reason(
    tmp_path: Path, mapping: dict[str, Any], changed: dict[str, Any], reason: str
):
    file = opened(projected(tmp_path / "a.nc", mapping, (0.0, 0.0), 1000.0, **changed))
    with pytest.raises(BadObject, match=reason):
        grid_of(file, file.variables["rain"])


def test_a_mapping_among_several_an_ellipsoid_by_name_and_another_prime_meridian_are_understood(tmp_path: Path):
    conic = {key: value for key, value in CONIC.items() if key != "earth_radius"}
    mapping = {**conic, "reference_ellipsoid_name": "WGS 84", "longitude_of_prime_meridian": 2.5}
    said = {"field": {"grid_mapping": "other: lat lon crs: x y"}, "axes": {"units": "km"}}
    file = opened(projected(tmp_path / "a.nc", mapping, (0.0, 0.0), 1.0, **said))
    grid = grid_of(file, file.variables["rain"])
    oracle = pyproj.Proj(f"{CASES[0][2]} {ON_WGS84}")
    # The origin is 15 degrees east of the other meridian.
    assert grid.nearest(63.3, 17.5) == (25, 20)
    east, north = oracle(15.1, 63.35)
    assert grid.nearest(63.35, 17.6) == (25 + round(east / 1000), 20 + round(north / 1000))
    latitude, longitude = grid.position(30, 25, 63.3, 17.5)
    assert oracle(longitude - 2.5, latitude) == pytest.approx((5000, 5000), abs=0.01)
