"""Grids whose points have latitude and longitude each: the nearest point, what is kept, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pyproj
import pytest

from pipeline.core.errors import BadInput, BadObject
from pipeline.forecasts import curvilinear
from pipeline.forecasts.curvilinear import Curvilinear
from pipeline.forecasts.grids import Grid, from_json, grid_of, to_json
from pipeline.forecasts.layouts import layout_of, packed, unpack, values_at
from tests.forecasts.files import opened, usual_times

GRIDS = {
    "Britain": "+proj=lcc +lat_0=55 +lon_0=-3 +lat_1=55 +R=6371229",
    "the date line": "+proj=lcc +lat_0=-20 +lon_0=179 +lat_1=-20 +R=6371229",
    "the pole": "+proj=stere +lat_0=90 +lon_0=0 +R=6371229",
}
STEP = 20_000.0
SHAPE = (40, 50)


def places(proj: str, shape: tuple[int, int] = SHAPE, step: float = STEP) -> tuple[Any, Any]:
    """Latitudes and longitudes, by y and x."""
    y, x = (step * (np.arange(length) - length // 2) for length in shape)
    longitude, latitude = pyproj.Proj(proj)(*np.meshgrid(x, y), inverse=True)
    return latitude, longitude


def written(path: Path, latitude: Any, longitude: Any, **changed: Any) -> bytes:
    """A file whose field counts the points of its grid."""
    with netCDF4.Dataset(path, "w") as file:
        for name, length in zip(("j", "i"), latitude.shape, strict=True):
            file.createDimension(name, length)
        for name, (value, _, attributes) in usual_times().items():
            time = file.createVariable(name, "i8")
            time.setncatts(attributes)
            time[...] = value
        for name, units, values in (("nav_lat", "degrees_north", latitude), ("nav_lon", "degrees_east", longitude)):
            table = file.createVariable(name, "f4", ("j", "i"), fill_value=-999.0, zlib=True)
            table.units, table[...] = units, values
        field = file.createVariable("rain", "f4", ("j", "i"), chunksizes=(8, 8), zlib=True)
        field.setncatts({"units": "mm", "coordinates": "nav_lat nav_lon", **changed})
        field[...] = np.arange(latitude.size).reshape(latitude.shape)
    return path.read_bytes()


@pytest.mark.parametrize("name", GRIDS)
def test_a_value_is_that_of_the_nearest_point_over_the_date_line_and_the_pole_too(tmp_path: Path, name: str):
    latitude, longitude = places(GRIDS[name])
    content = written(tmp_path / "a.nc", latitude, longitude % 360)
    file = opened(content)
    layout = unpack(packed(layout_of(file, file.variables["rain"])))
    earth = pyproj.Geod(a=6371229, b=6371229)
    chance = np.random.default_rng(16)
    for x, y in chance.uniform(-0.45, 0.45, (40, 2)) * STEP * np.array(SHAPE[::-1]):
        east, north = pyproj.Proj(GRIDS[name])(x, y, inverse=True)
        apart = earth.inv(
            np.full(latitude.shape, east), np.full(latitude.shape, north), longitude, latitude
        )[2]  # fmt: skip
        (found,) = values_at(layout, north, east, lambda start, length: content[start : start + length])
        assert apart.reshape(-1)[int(found.value or 0)] == pytest.approx(apart.min(), abs=5)
        at = layout.grid.nearest(north, east)
        back = layout.grid.position(*at, north, east)
        assert earth.inv(back[1], back[0], east, north)[2] == pytest.approx(apart.min(), abs=5)


def test_a_place_outside_is_refused_and_a_point_without_a_place_is_never_the_nearest(tmp_path: Path):
    latitude, longitude = places(GRIDS["Britain"])
    latitude, longitude = np.ma.array(latitude), np.ma.array(longitude)
    latitude[20, 25] = longitude[20, 25] = np.ma.masked
    file = opened(written(tmp_path / "a.nc", latitude, longitude))
    grid = from_json(to_json(grid_of(file, file.variables["rain"])))
    for north, east in ((0.0, 0.0), (55.0, 30.0), (-55.0, 177.0)):
        with pytest.raises(BadInput, match="outside the grid"):
            grid.nearest(north, east)
    # The middle has no place: a point beside it is the nearest, as far as it reaches.
    with pytest.raises(BadInput, match="outside the grid"):
        grid.nearest(55.0, -3.0)
    assert grid.nearest(55.0, -2.84) == (26, 20)
    assert grid.point(26, 20) == {
        "grid": "curvilinear", "i": 26, "j": 20, "latitude": pytest.approx(55.0, abs=1e-3),
        "longitude": pytest.approx(-2.687, abs=1e-3),
    }  # fmt: skip


@pytest.mark.parametrize("place", [(450.0, 0.0), (-270.0, 0.0), (91.0, 0.0), (math.nan, 0.0), (89.0, 361.0)], ids=str)
def test_a_place_that_is_none_is_refused_on_every_grid(tmp_path: Path, place: tuple[float, float]):
    file = opened(written(tmp_path / "a.nc", *places(GRIDS["the pole"])))
    plain = Grid("latitude_longitude", {}, "x", "y", [-10.0, 0.0, 10.0], [70.0, 80.0, 90.0])
    for grid in (grid_of(file, file.variables["rain"]), plain):
        with pytest.raises(BadInput, match="is not between"):
            grid.nearest(*place)


def test_a_projection_that_is_not_known_is_read_by_the_places_of_its_points_and_one_that_is_by_its_axes(tmp_path: Path):
    path = tmp_path / "a.nc"
    written(path, *places(GRIDS["Britain"]), grid_mapping="crs")
    with netCDF4.Dataset(path, "a") as file:
        for name, length, axis in (("i", 50, "x"), ("j", 40, "y")):
            declared = file.createVariable(name, "f8", (name,))
            declared.setncatts({"standard_name": f"projection_{axis}_coordinate", "units": "m"})
            declared[:] = STEP * (np.arange(length) - length // 2)
        file.createVariable("crs", "i4").grid_mapping_name = "geostationary"
    file = opened(path.read_bytes())
    assert isinstance(grid_of(file, file.variables["rain"]), Curvilinear)
    with netCDF4.Dataset(path, "a") as file:
        said = {"latitude_of_projection_origin": 55.0, "longitude_of_central_meridian": -3.0, "standard_parallel": 55.0}
        file["crs"].setncatts({"grid_mapping_name": "lambert_conformal_conic", **said})
    file = opened(path.read_bytes())
    grid = grid_of(file, file.variables["rain"])
    assert isinstance(grid, Grid)
    assert grid.nearest(55.0, -3.0) == (25, 20)


def test_rows_from_the_north_and_columns_from_the_east_are_drawn_the_right_way_round(tmp_path: Path):
    latitude, longitude = places(GRIDS["the date line"])
    file = opened(written(tmp_path / "a.nc", latitude[::-1, ::-1], longitude[::-1, ::-1] % 360))
    layout = layout_of(file, file.variables["rain"])
    assert (list(layout.grid.x[:3]), list(layout.grid.y[:3])) == ([0, -1, -2], [0, -1, -2])
    file = opened(written(tmp_path / "b.nc", latitude, longitude))
    layout = layout_of(file, file.variables["rain"])
    assert (list(layout.grid.x[:3]), list(layout.grid.y[:3])) == ([0, 1, 2], [0, 1, 2])


def test_a_large_grid_is_kept_and_a_larger_one_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The places have the precision that single ones have: their last digits pack worst."""
    latitude, longitude = places(GRIDS["Britain"], (500, 600), 2500.0)
    file = opened(written(tmp_path / "a.nc", latitude, longitude))
    layout = layout_of(file, file.variables["rain"])
    kept = packed(layout)
    grid = unpack(kept).grid
    assert isinstance(grid, Curvilinear)
    assert np.abs(grid.latitudes / 100_000 - latitude).max() < 2e-5
    assert np.abs(grid.longitudes / 100_000 - longitude).max() < 2e-5
    monkeypatch.setattr(curvilinear, "MOST_POINTS", 299_999)
    with pytest.raises(
        BadObject, match=r"rain is on a grid of 500 by 600 points .*nav_lat, nav_lon.* up to 299,999 points"
    ):
        grid_of(file, file.variables["rain"])


@pytest.mark.parametrize("seed", range(30))
def test_the_nearest_of_any_points_is_that_of_looking_at_all(seed: int):
    """Places in no order, without a place, alike, and at the poles; the first of several that are as near."""
    random = np.random.default_rng(seed)
    shape = tuple(random.integers(1, 60, 2))
    latitude, longitude = random.integers(-90, 91, shape) * 100_000, random.integers(-180, 361, shape) * 100_000
    latitude[random.random(shape) < 0.3] = -(2**31)
    latitude[0, 0] = 90 * 100_000
    grid = Curvilinear("x", "y", latitude.astype(np.int32), longitude.astype(np.int32))
    for place in ((random.uniform(-90, 90), random.uniform(-180, 180)), (float(random.integers(-90, 91)), 0.0)):
        apart = grid._apart(*place)
        assert grid._nearest(*place) == np.unravel_index(np.argmin(apart), shape)


def test_of_a_large_grid_few_points_are_looked_at_and_its_places_are_unpacked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Each answer would take a tenth of a second of the processor else."""
    latitude, longitude = places(GRIDS["Britain"], (500, 600), 2500.0)
    file = opened(written(tmp_path / "a.nc", latitude, longitude))
    kept = packed(layout_of(file, file.variables["rain"]))
    grid, again = unpack(kept).grid, unpack(kept).grid
    assert isinstance(grid, Curvilinear)
    assert isinstance(again, Curvilinear)
    assert np.shares_memory(grid.latitudes, again.latitudes)
    looked_at, apart = list[int](), Curvilinear._apart

    def counted(*asked: Any) -> Any:
        found = apart(*asked)
        looked_at.append(found.size)
        return found

    monkeypatch.setattr(Curvilinear, "_apart", counted)
    assert grid.nearest(float(latitude[123, 456]), float(longitude[123, 456])) == (456, 123)
    assert sum(looked_at) < latitude.size / 10


def test_places_that_are_none_are_refused(tmp_path: Path):
    latitude, longitude = places(GRIDS["Britain"])
    file = opened(written(tmp_path / "a.nc", latitude + 60, longitude))
    with pytest.raises(BadObject, match="nav_lat has no place on the earth, or one beyond 90 degrees"):
        grid_of(file, file.variables["rain"])
