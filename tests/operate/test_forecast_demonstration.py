"""The demo's files are netCDF to the netCDF library, too."""

from __future__ import annotations

from datetime import UTC, datetime

import netCDF4

from pipeline.operate.forecasts.demonstration import VARIABLE, file_of

RUN = datetime(2026, 11, 30, tzinfo=UTC)


def test_the_netcdf_library_reads_a_file_of_the_demo() -> None:
    content = file_of(RUN, 12)
    with netCDF4.Dataset("inmemory.nc", memory=content) as file:
        assert file.data_model == "NETCDF3_CLASSIC"
        time = file.variables["time"]
        assert netCDF4.num2date(time[...], time.units, time.calendar).isoformat() == "2026-11-30T12:00:00"
        assert file.variables["latitude"][:].tolist() == [50 + 0.5 * step for step in range(8)]
        field = file.variables[VARIABLE]
        assert (field.dimensions, field.units) == (("latitude", "longitude"), "K")
        assert round(float(field[0, 0]), 3) == 289.0
        assert round(float(field[7, 7]), 3) == 286.9
        assert file.mosg__model_configuration == "demo"
