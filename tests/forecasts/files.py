"""netCDF files of the tests: real ones, and those that the netCDF library writes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from pipeline.core.netcdf.formats import open_netcdf
from pipeline.core.netcdf.model import NetcdfFile
from pipeline.core.netcdf.ranges import RangedFile
from tests.conftest import SHARED_DATA

MET_OFFICE = SHARED_DATA / "met-office"
REAL = sorted(MET_OFFICE.glob("files/*.nc"))
MESSAGES = sorted(MET_OFFICE.glob("messages/*.json"))

needs_real_files = pytest.mark.skipif(not REAL, reason="the shared data of the Met Office is not beside this checkout")

FORMATS = ("NETCDF4", "NETCDF4_CLASSIC", "NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA")

Coordinate = tuple[Any, tuple[str, ...], Mapping[str, Any]]
"""Values, dimensions and attributes."""

SECONDS = {"units": "seconds since 1970-01-01 00:00:00", "calendar": "gregorian"}


def ranged(content: bytes) -> RangedFile:
    return RangedFile(lambda start, length: content[start : start + length], len(content))


def opened(content: bytes) -> NetcdfFile:
    return open_netcdf(ranged(content))


def usual_times() -> dict[str, Coordinate]:
    """A time six hours after a run of 2026-11-30."""
    return {
        "time": (1796018400, (), SECONDS),
        "forecast_reference_time": (1795996800, (), SECONDS),
        "forecast_period": (21600, (), {"units": "seconds"}),
    }


def made(
    path: Path,
    coordinates: Mapping[str, Coordinate] | None = None,
    *,
    form: str = "NETCDF4",
    unlimited: tuple[str, ...] = (),
    variable: str = "air_temperature",
    extra: tuple[str, ...] = (),
    **storage: Any,
) -> bytes:
    """A file with a field of 20 by 30 on a grid of latitude and longitude, and these coordinates of its time."""
    coordinates = usual_times() if coordinates is None else coordinates
    with netCDF4.Dataset(path, "w", format=form) as file:
        lengths = {"latitude": 20, "longitude": 30}
        for values, dimensions, _ in coordinates.values():
            lengths |= dict(zip(dimensions, np.shape(values), strict=True))
        for name, length in lengths.items():
            file.createDimension(name, None if name in unlimited else length)
        for name, (values, dimensions, attributes) in coordinates.items():
            kind = "i4" if "CLASSIC" in form or "OFFSET" in form else np.asarray(values).dtype
            declared = file.createVariable(name, kind, dimensions)
            declared.setncatts({key: value for key, value in attributes.items() if value is not None})
            declared[...] = values
        for name, first in (("latitude", 49.5), ("longitude", -10.0)):
            axis = file.createVariable(name, "f4", (name,))
            axis.setncatts({"units": f"degrees_{'north' if name == 'latitude' else 'east'}", "standard_name": name})
            axis[:] = first + 0.5 * np.arange(lengths[name])
        field = file.createVariable(variable, "f4", (*extra, "latitude", "longitude"), **storage)
        field.setncatts({"units": "K", "coordinates": " ".join(coordinates)})
        shape = tuple(lengths[name] for name in (*extra, "latitude", "longitude"))
        field[...] = np.arange(np.prod(shape), dtype="f4").reshape(shape)
    return path.read_bytes()
