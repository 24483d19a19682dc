"""Values at a place are those that xarray finds nearest, and grids are where pyproj says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pyproj
import pytest
import xarray

from pipeline.core.errors import BadInput, BadObject
from pipeline.core.netcdf.conventions import data_variables
from pipeline.forecasts.grids import Grid, grid_of
from pipeline.forecasts.layouts import layout_of, packed, unpack, values_at
from tests.forecasts.files import FORMATS, REAL, made, needs_real_files, opened, usual_times

PLACES = [(51.5, -0.1), (55.95, -3.2), (58.2, -6.4), (50.1, -5.5)]


def layout(content: bytes) -> Any:
    file = opened(content)
    return unpack(packed(layout_of(file, data_variables(file)[0])))


def values(content: bytes, latitude: float, longitude: float) -> tuple[list[float | None], int]:
    """The values, and by how many reads."""
    reads: list[int] = []

    def read(start: int, length: int) -> bytes:
        reads.append(length)
        return content[start : start + length]

    found = values_at(layout(content), latitude, longitude, read)
    return [each.value for each in found], len(reads)


@needs_real_files
@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_values_of_real_files_are_xarrays_nearest_by_three_reads(path: Path):
    content = path.read_bytes()
    with xarray.open_dataset(path, engine="netcdf4") as oracle:
        field = oracle[path.stem]
        mapping = oracle["lambert_azimuthal_equal_area"].attrs
        crs = pyproj.CRS.from_cf({**mapping})
        project = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
        for latitude, longitude in PLACES:
            x, y = project.transform(longitude, latitude)
            near = field.sel(projection_x_coordinate=x, projection_y_coordinate=y, method="nearest").values
            found, reads = values(content, latitude, longitude)
            assert found == pytest.approx(near.tolist(), rel=1e-6)
            assert reads <= 3


@pytest.mark.parametrize(
    ("form", "storage"),
    [
        *((form, {}) for form in FORMATS),
        ("NETCDF4", {"zlib": True}),
        ("NETCDF4", {"zlib": True, "shuffle": True, "fletcher32": True}),
    ],
)
def test_values_of_both_formats_are_xarrays_nearest(tmp_path: Path, form: str, storage: dict[str, Any]):
    times = usual_times()
    times["realization"] = ([1, 2, 3], ("realization",), {"standard_name": "realization", "units": "1"})
    more = {"chunksizes": (1, 7, 11), **storage} if storage else {}
    content = made(tmp_path / "a.nc", times, form=form, extra=("realization",), **more)
    with xarray.open_dataset(tmp_path / "a.nc", engine="netcdf4") as oracle:
        for latitude, longitude in [(51.3, -1.2), (49.5, -10.0), (59.1, 4.6)]:
            near = oracle["air_temperature"].sel(latitude=latitude, longitude=longitude, method="nearest")
            found, reads = values(content, latitude, longitude)
            assert found == near.values.tolist()
            assert reads <= 3


@pytest.mark.parametrize(
    ("name", "given", "proj"),
    [
        ("lambert_azimuthal_equal_area", {"semi_major_axis": 6378137.0, "semi_minor_axis": 6356752.314140356,
                                          "latitude_of_projection_origin": 54.9,
                                          "longitude_of_projection_origin": -2.5},
         "+proj=laea +lat_0=54.9 +lon_0=-2.5 +ellps=GRS80"),
        ("lambert_azimuthal_equal_area", {"earth_radius": 6371229.0, "latitude_of_projection_origin": 10.0,
                                          "longitude_of_projection_origin": 100.0, "false_easting": 5.0},
         "+proj=laea +lat_0=10 +lon_0=100 +R=6371229 +x_0=5"),
        ("rotated_latitude_longitude", {"grid_north_pole_latitude": 37.5, "grid_north_pole_longitude": 177.5},
         "+proj=ob_tran +o_proj=longlat +o_lon_p=0 +o_lat_p=37.5 +lon_0=-2.5 +R=6371229"),
    ],
)  # fmt: skip
def test_a_projected_grid_point_is_where_pyproj_says(name: str, given: dict[str, float], proj: str):
    to = pyproj.Proj(proj)
    step = 1000.0 if name.startswith("lambert") else 0.01
    for latitude, longitude in PLACES:
        lon = longitude + given.get("longitude_of_projection_origin", -2.5) + 2.5
        x, y = to(lon, latitude)
        if name.startswith("rotated"):
            x, y = np.degrees((x, y))
        grid = Grid(name, given, "x", "y", [x + step * n for n in range(-3, 4)], [y + step * n for n in range(-3, 4)])
        assert grid.nearest(latitude, lon) == (3, 3)
        # Back to the place, from one nearby.
        found = grid.position(3, 3, latitude + 0.3, lon - 0.4)
        assert found == pytest.approx((latitude, (lon + 180) % 360 - 180), abs=1e-7)
        off = Grid(name, given, "x", "y", [x + step * 9, x + step * 10], [y, y + step])
        with pytest.raises(BadInput, match="outside the grid"):
            off.nearest(latitude, lon)


def test_a_place_that_is_none_or_outside_the_grid_is_refused(tmp_path: Path):
    content = made(tmp_path / "a.nc")
    for latitude, longitude, reason in (
        (91, 0, "latitude 91"),
        (50, 400, "longitude 400"),
        (10, 0, "outside the grid"),
    ):
        with pytest.raises(BadInput, match=reason):
            values(content, latitude, longitude)
    assert values(content, 50.0, 350.0) == values(content, 50.0, -10.0)


def test_a_missing_value_is_none_and_a_scaled_one_is_unpacked(tmp_path: Path):
    path = tmp_path / "a.nc"
    made(path)
    with netCDF4.Dataset(path, "a") as file:
        field = file.createVariable("scaled", "i2", ("latitude", "longitude"), fill_value=-1, chunksizes=(5, 5))
        field.setncatts({"scale_factor": 0.5, "add_offset": 10.0, "units": "K"})
        field[...] = np.ma.masked_equal(np.arange(600).reshape(20, 30) % 50 + 10.0, 10.0)
    file = opened(path.read_bytes())
    found = layout_of(file, file.variables["scaled"])
    content = path.read_bytes()

    def at(latitude: float, longitude: float) -> float | None:
        return values_at(found, latitude, longitude, lambda start, length: content[start : start + length])[0].value

    assert at(49.5, -10.0) is None
    assert at(49.5, -9.5) == 11.0


def test_a_grid_without_coordinates_and_one_that_is_not_known_are_refused(tmp_path: Path):
    path = tmp_path / "a.nc"
    made(path)
    with netCDF4.Dataset(path, "a") as file:
        file.createDimension("i", 4)
        file.createVariable("bare", "f4", ("i", "i"))
        file.createVariable("crs", "i4").grid_mapping_name = "geostationary"
        file["air_temperature"].grid_mapping = "crs"
    file = opened(path.read_bytes())
    with pytest.raises(BadObject, match="no coordinates of its grid"):
        grid_of(file, file.variables["bare"])
    with pytest.raises(BadObject, match="air_temperature: the grid 'geostationary' is not known"):
        grid_of(file, file.variables["air_temperature"])


def test_a_place_that_needs_too_many_reads_is_refused_before_the_first(tmp_path: Path):
    times = usual_times()
    times["realization"] = (np.arange(201), ("realization",), {"standard_name": "realization", "units": "1"})
    content = made(tmp_path / "a.nc", times, form="NETCDF3_CLASSIC", extra=("realization",))
    with pytest.raises(BadObject, match="more than 200 parts"):
        values_at(layout(content), 50, 0, lambda start, length: pytest.fail("it was read"))


def test_a_filter_that_the_reader_lacks_is_named(tmp_path: Path):
    content = made(tmp_path / "a.nc", compression="zstd", chunksizes=(5, 5))
    with pytest.raises(BadObject, match="the filter zstd, which this reader lacks"):
        values(content, 50, 0)


def test_text_has_no_values_at_a_place_and_a_dimension_of_names_has_its_places(tmp_path: Path):
    path = tmp_path / "a.nc"
    made(path)
    with netCDF4.Dataset(path, "a") as file:
        file.createVariable("note", str, ("latitude", "longitude"))[0, 0] = "a"
        file.createDimension("sort", 2)
        file.createVariable("sort", str, ("sort",))[:] = np.array(["rain", "snow"], object)
        file.createVariable("fall", "f4", ("sort", "latitude", "longitude"))[...] = [[[1.0]], [[2.0]]]
    content = path.read_bytes()
    file = opened(content)
    with pytest.raises(BadObject, match="note has text for values"):
        layout_of(file, file.variables["note"])
    found = values_at(
        layout_of(file, file.variables["fall"]), 50, 0, lambda start, length: content[start : start + length]
    )
    assert [(each.at, each.value) for each in found] == [({"sort": 0.0}, 1.0), ({"sort": 1.0}, 2.0)]
