"""The times of a file are those that the netCDF library reads, and a file that has none is refused with the reason."""

from __future__ import annotations

import contextlib
import struct
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from pipeline.core.errors import BadObject
from pipeline.core.netcdf import ranges
from pipeline.core.netcdf.calendars import period_text
from pipeline.core.netcdf.formats import open_netcdf
from pipeline.core.netcdf.ranges import RangedFile
from pipeline.forecasts.times import Forecast, forecasts_of
from tests.forecasts.files import (
    FORMATS,
    REAL,
    SECONDS,
    Coordinate,
    made,
    needs_real_files,
    opened,
    ranged,
    usual_times,
)

HOURS = {"units": "hours since 2026-11-30 00:00:00"}
HOUR = {"units": "hours"}
Times = dict[str, Coordinate]


def expected(path: Path) -> set[tuple[str, str, str]]:
    """Period, time and run of a file of scalars, by the netCDF library."""
    with netCDF4.Dataset(path) as file:
        moments = {
            name: netCDF4.num2date(file[name][...].item(), file[name].units, file[name].calendar)
            for name in ("time", "forecast_reference_time")
        }
    time, reference = (moments[name].strftime("%Y-%m-%dT%H:%M:%SZ") for name in ("time", "forecast_reference_time"))
    apart = int((moments["time"] - moments["forecast_reference_time"]).total_seconds())
    return {(period_text(apart), time, reference)}


def said(found: list[Forecast]) -> set[tuple[str, str, str]]:
    return {(each.period, each.time, each.reference_time) for each in found}


@needs_real_files
@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_real_files_are_read_by_five_requests_or_a_fiftieth(path: Path):
    content = path.read_bytes()
    file = ranged(content)
    found = forecasts_of(open_netcdf(file))
    assert said(found) == expected(path)
    assert [each.variable for each in found] == [path.stem]
    with netCDF4.Dataset(path) as oracle:
        members = oracle["realization"][:].tolist()
    assert found[0].members == f"{members[0]}-{members[-1]}"
    assert file.requests <= 5 or file.bytes_read <= 0.02 * len(content)


@pytest.mark.parametrize("form", FORMATS)
def test_both_formats_are_read(tmp_path: Path, form: str):
    path = tmp_path / "a.nc"
    content = made(path, form=form)
    assert said(forecasts_of(opened(content))) == expected(path) == {
        ("PT6H", "2026-11-30T06:00:00Z", "2026-11-30T00:00:00Z")
    }  # fmt: skip


@pytest.mark.parametrize("form", FORMATS)
def test_the_variables_of_both_formats_have_the_values_that_the_library_reads(tmp_path: Path, form: str):
    path = tmp_path / "a.nc"
    times: Times = {
        "time": (np.arange(4) * 6, ("time",), HOURS),
        "forecast_reference_time": (0, (), HOURS),
    }
    content = made(path, times, form=form, unlimited=("time",), extra=("time",))
    found = opened(content)
    with netCDF4.Dataset(path) as oracle:
        assert set(found.variables) == set(oracle.variables)
        for name, variable in found.variables.items():
            assert variable.dimensions() == oracle[name].dimensions
            np.testing.assert_array_equal(variable.values(), oracle[name][...])
            assert variable.attributes.get("units") == getattr(oracle[name], "units", None)


def vector(period: Any, reference: Any = (0, ()), time: Any = None) -> Times:
    found: Times = {"forecast_reference_time": (*reference, HOURS), "forecast_period": (*period, HOUR)}
    return found if time is None else {**found, "time": (*time, HOURS)}


@pytest.mark.parametrize(
    ("times", "pairs"),
    [
        (vector(([0, 6, 12], ("forecast_period",))), [(0, 0), (6, 6), (12, 12)]),
        (vector(([0, 6], ("p",)), ([0, 12], ("r",))), [(0, 0), (6, 6), (0, 12), (6, 18)]),
        (vector(([0, 6], ("t",)), ([0, 12], ("t",)), ([0, 18], ("t",))), [(0, 0), (6, 18)]),
        (vector(([0, 6], ("p",)), ([0, 12], ("r",)), ([[0, 6], [12, 18]], ("r", "p"))),
         [(0, 0), (6, 6), (0, 12), (6, 18)]),
        (vector(([3], ("t",)), (0, ())), [(3, 3)]),
        (vector((-1, ()), (6, ())), [(-1, 5)]),
    ],
)  # fmt: skip
def test_vectors_of_periods_and_runs_give_every_time_of_theirs(
    tmp_path: Path, times: Times, pairs: list[tuple[int, int]]
):
    found = forecasts_of(opened(made(tmp_path / "a.nc", times)))
    day = [(period, f"2026-11-30T{hour:02d}:00:00Z") for period, hour in pairs]
    assert sorted((each.period, each.time) for each in found) == sorted(
        (period_text(p * 3600), time) for p, time in day
    )


def test_the_interval_of_a_value_and_its_heights_and_members_are_said(tmp_path: Path):
    path = tmp_path / "a.nc"
    times = usual_times()
    times["time"] = (times["time"][0], (), {**SECONDS, "bounds": "time_bnds"})
    times["time_bnds"] = ([1796014800, 1796018400], ("bnds",), {})
    times["height"] = ([1.5, 10.0], ("height",), {"units": "m", "standard_name": "height"})
    times["realization"] = ([0, 3, 4, 5], ("realization",), {"units": "1", "standard_name": "realization"})
    (found,) = forecasts_of(opened(made(path, times, extra=("realization", "height"))))
    assert (found.level, found.members) == ("1.5,10m", "0,3-5")
    assert found.bounds == "2026-11-30T05:00:00Z/2026-11-30T06:00:00Z"


def changed(name: str, **attributes: Any) -> Times:
    times = usual_times()
    values, dimensions, before = times[name]
    return {**times, name: (values, dimensions, {**before, **attributes})}


def without(*names: str) -> Times:
    return {name: each for name, each in usual_times().items() if name not in names}


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        (without("time", "forecast_period"), "the file has no time"),
        (without("time", "forecast_period", "forecast_reference_time"), "the file has no time"),
        (without("forecast_reference_time", "forecast_period"), "its run is not known"),
        (changed("time", units=None), "time has no units"),
        (changed("forecast_period", units=None), "forecast_period has no units"),
        (changed("forecast_period", units="fortnights"), "no unit of a fixed length"),
        (changed("time", calendar="mayan"), "the calendar 'mayan', which is unknown"),
        (changed("time", calendar="360_day"), "of different calendars: 360_day, standard"),
        (changed("forecast_period", units="hours"), "contradict each other"),
        (
            vector(([6, 6], ("p",))),
            "the time 2026-11-30T06:00:00Z of the run 2026-11-30T00:00:00Z is .* twice",
        ),
        (vector(([6.0, float("nan")], ("p",))), "a value that is no number"),
        ({**usual_times(), "time": (2**53, (), SECONDS)}, "after the year 9999|contradict"),
    ],
)
def test_a_file_whose_times_cannot_be_known_is_refused_with_the_reason(tmp_path: Path, times: Times, reason: str):
    with pytest.raises(BadObject, match=reason):
        forecasts_of(opened(made(tmp_path / "a.nc", times)))


@pytest.mark.parametrize("form", ["NETCDF4", "NETCDF3_CLASSIC", "NETCDF3_64BIT_DATA"])
def test_a_file_that_breaks_off_is_refused_wherever_it_does(tmp_path: Path, form: str):
    content = made(tmp_path / "a.nc", form=form)
    for length in [*range(0, 400, 7), *range(400, len(content), 501), len(content) - 1]:
        with pytest.raises(BadObject):
            forecasts_of(opened(content[:length]))


def test_what_of_a_file_is_not_read_is_said_where_it_is_missed_and_the_rest_is_found(tmp_path: Path):
    path = tmp_path / "a.nc"
    made(path)
    with netCDF4.Dataset(path, "a") as file:
        file.createGroup("PRODUCT")
        file.createVariable("counts", file.createVLType(np.int32, "any"), ("latitude",))
        file.createVariable("pair", file.createCompoundType(np.dtype([("a", "i4")]), "both"), ("latitude",))
    found = opened(path.read_bytes())
    assert [each.variable for each in forecasts_of(found)] == ["air_temperature"]
    assert found.left_out() == (
        "; not read are the variable counts, of arrays of any length (vlen); the variable pair, of values of a "
        "compound type; the group PRODUCT"
    )
    with netCDF4.Dataset(tmp_path / "b.nc", "w") as file:
        file.createGroup("PRODUCT").createDimension("x", 1)
    with pytest.raises(BadObject, match="no variable with data; not read are the group PRODUCT"):
        forecasts_of(opened((tmp_path / "b.nc").read_bytes()))


def test_times_of_text_and_those_that_are_packed_unreadably_are_refused_with_the_reason(tmp_path: Path):
    path = tmp_path / "a.nc"
    made(path, without("time"))
    with netCDF4.Dataset(path, "a") as file:
        time = file.createVariable("time", str, ())
        time.units, time[...] = "hours since 2026-11-30", "noon"
    with pytest.raises(BadObject, match="time has text for values, and numbers are read"):
        forecasts_of(opened(path.read_bytes()))
    with netCDF4.Dataset(tmp_path / "b.nc", "w") as file:
        file.createDimension("time", 3)
        time = file.createVariable("time", "i4", ("time",), compression="zstd", chunksizes=(3,))
        time.units, time[:] = "hours since 2026-11-30", [1, 2, 3]
        file.createVariable("forecast_reference_time", "i4").units = "hours since 2026-11-30"
        file.createVariable("rain", "f4", ("time",))
    with pytest.raises(BadObject, match="time is packed with the filter zstd"):
        forecasts_of(opened((tmp_path / "b.nc").read_bytes()))


def test_what_is_no_netcdf_is_refused():
    for content, reason in ((b"", "empty"), (b"GRIB....", "no netCDF"), (b"CDF\x07" + bytes(100), "classic netCDF 7")):
        with pytest.raises(BadObject, match=reason):
            forecasts_of(opened(content))


def test_a_huge_attribute_is_not_read_into_memory(tmp_path: Path):
    content = made(tmp_path / "a.nc", form="NETCDF3_CLASSIC")
    name = b"units\0\0\0" + struct.pack(">I", 2)
    place = content.index(name) + len(name)
    huge = content[:place] + struct.pack(">I", 2**30) + content[place + 4 :]
    file = RangedFile(lambda start, length: huge[start : start + length].ljust(length, b" "), 2**31)
    with pytest.raises(BadObject, match="a huge attribute"):
        forecasts_of(open_netcdf(file))


@pytest.mark.parametrize(("count", "length"), [(1, 400_000), (4000, 100)])
def test_attributes_that_take_too_much_reading_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, length: int
):
    path = tmp_path / "a.nc"
    made(path)
    with netCDF4.Dataset(path, "a") as file:
        for number in range(count):
            file.setncattr(f"note{number}", "x" * length)
    content = path.read_bytes()
    assert len(forecasts_of(opened(content))) == 1
    monkeypatch.setattr(ranges, "MOST_BYTES", 300_000)
    with pytest.raises(BadObject, match="a huge attribute, or too many variables"):
        forecasts_of(opened(content))


@pytest.mark.parametrize("form", ["NETCDF4", "NETCDF3_CLASSIC"])
def test_damaged_bytes_give_a_reason_and_no_other_error(tmp_path: Path, form: str):
    content = bytearray(made(tmp_path / "a.nc", form=form))
    for place in range(4, min(len(content), 3000), 37):
        damaged = content.copy()
        damaged[place : place + 4] = struct.pack("<I", 0xFFFFFFF7)
        with contextlib.suppress(BadObject):
            forecasts_of(opened(bytes(damaged)))
