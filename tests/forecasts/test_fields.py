"""A field is that of the netCDF library, by few reads, however the file is packed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from pipeline.core.errors import BadInput, BadObject
from pipeline.core.netcdf.conventions import data_variables
from pipeline.forecasts import fields
from pipeline.forecasts.fields import Field, field_of, slices_of
from pipeline.forecasts.layouts import layout_of, packed, unpack
from tests.forecasts.files import FORMATS, REAL, made, needs_real_files, opened, usual_times

MEMBERS = {**usual_times(), "realization": ([7, 8, 9], ("realization",), {"standard_name": "realization"})}
PACKED = {"zlib": True, "shuffle": True, "chunksizes": (2, 7, 11)}


def field(content: bytes, number: int = 0) -> tuple[Field, int]:
    """The field, and by how many reads."""
    file = opened(content)
    layout = unpack(packed(layout_of(file, data_variables(file)[0])))
    reads: list[int] = []

    def read(start: int, length: int) -> bytes:
        reads.append(length)
        return content[start : start + length]

    return field_of(layout, number, read), len(reads)


@pytest.mark.parametrize(
    ("form", "storage"),
    [*((form, {}) for form in FORMATS), ("NETCDF4", PACKED), ("NETCDF4", {**PACKED, "fletcher32": True})],
)
def test_a_field_is_the_librarys(tmp_path: Path, form: str, storage: dict[str, Any]):
    content = made(tmp_path / "a.nc", MEMBERS, form=form, extra=("realization",), **storage)
    found, reads = field(content, 2)
    with netCDF4.Dataset(tmp_path / "a.nc") as oracle:
        assert found.values.tolist() == oracle["air_temperature"][2].tolist()
        assert found.x == tuple(oracle["longitude"][:].tolist())
    assert reads == 1


def test_a_scaled_field_of_any_order_of_dimensions_has_no_value_where_the_library_has_none(tmp_path: Path):
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        for name, length in (("longitude", 4), ("realization", 2), ("latitude", 3)):
            file.createDimension(name, length)
            axis = file.createVariable(name, "f8", (name,))
            axis.standard_name, axis[:] = name, np.arange(length)
        for name, (value, _, attributes) in usual_times().items():
            time = file.createVariable(name, "i8", ())
            time.setncatts(attributes)
            time[...] = value
        form = {"fill_value": -1, "zlib": True, "chunksizes": (3, 1, 2)}
        field_ = file.createVariable("depth", "i2", ("longitude", "realization", "latitude"), **form)
        field_.setncatts({"units": "m", "scale_factor": 0.5, "add_offset": 10.0})
        field_.set_auto_maskandscale(False)
        field_[0:2, :, :] = np.arange(-1, 11).reshape(2, 2, 3)
    with netCDF4.Dataset(tmp_path / "a.nc") as oracle:
        wanted = oracle["depth"][:, 1, :].filled(np.nan).T
    np.testing.assert_array_equal(field((tmp_path / "a.nc").read_bytes(), 1)[0].values, wanted)


@pytest.mark.parametrize("most", [4, 7])
def test_a_large_field_is_thinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int):
    monkeypatch.setattr(fields, "MOST_POINTS", most)
    content = made(tmp_path / "a.nc", MEMBERS, extra=("realization",), **PACKED)
    found, _ = field(content, 1)
    with netCDF4.Dataset(tmp_path / "a.nc") as oracle:
        assert found.values.tolist() == oracle["air_temperature"][1, :: found.step, :: found.step].tolist()
    assert max(found.values.shape) <= most


def test_what_is_too_large_or_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    content = made(tmp_path / "a.nc", MEMBERS, extra=("realization",), **PACKED)
    file = opened(content)
    layout = layout_of(file, data_variables(file)[0])
    assert [each["realization"] for each in slices_of(layout)] == [7, 8, 9]
    with pytest.raises(BadInput, match="3 fields in the file, numbered from 0, and none is 3"):
        field(content, 3)
    monkeypatch.setattr(fields, "MOST_BYTES", 1000)
    with pytest.raises(BadObject, match="needs 0 MiB, and 0 are read"):
        field(content)


@needs_real_files
@pytest.mark.parametrize("path", REAL[:2], ids=lambda path: path.stem)
def test_a_field_of_a_real_file_is_the_librarys(path: Path):
    found, reads = field(path.read_bytes())
    with netCDF4.Dataset(path) as oracle:
        values = oracle[path.stem]
        # The last two dimensions are those of the grid.
        first = values[(0,) * (values.ndim - 2)][:: found.step, :: found.step]
    np.testing.assert_array_equal(found.values, np.ma.filled(first.astype(float), np.nan))
    assert reads <= 20
