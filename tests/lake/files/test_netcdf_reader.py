"""netCDF: values, types and what is missing as the netCDF4 library has them, times, tiles, damage, what is no table."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.core.errors import BadObject
from pipeline.lake.files import netcdf_table
from pipeline.lake.files.limits import Limits
from tests.forecasts.files import FORMATS, made, usual_times
from tests.lake.files.conftest import Reading, damaged

PACKED = {"scale_factor": np.float32(0.1), "add_offset": np.float32(5)}
CASES: list[tuple[str, dict[str, Any]]] = [
    ("i1", {}),
    ("i2", PACKED),
    ("i2", {"scale_factor": 0.1}),
    ("i2", {"scale_factor": np.float32(1), "add_offset": np.float32(0)}),
    ("i2", {"scale_factor": 1.0}),
    ("i2", {"add_offset": np.int16(3)}),
    ("i2", {"_FillValue": np.int16(7), "missing_value": np.array([1, 2], "i2")}),
    ("i2", {"missing_value": np.float32(2.5)}),
    ("i2", {"missing_value": np.int32(70000)}),
    ("i2", {"valid_range": np.array([2, 6], "i2")}),
    ("i2", {"valid_min": np.int16(2), "valid_max": np.int16(8), **PACKED}),
    ("i1", {"_Unsigned": "true", "_FillValue": np.int8(-1), "valid_max": np.int8(-6)}),
    ("i4", {"scale_factor": "much"}),
    ("i4", {}),
    ("f4", {"_FillValue": np.float32(np.nan)}),
    ("f4", {"missing_value": np.float32(3), "scale_factor": 2.0}),
    ("f8", {**PACKED, "valid_max": 6.0}),
]
MORE = [("u1", {}), ("u2", PACKED), ("u4", {}), ("i8", {}), ("u8", {})]
"""Types that classic files have not."""


@contextmanager
def written(path: Path, form: str = "NETCDF4", **lengths: int) -> Iterator[Any]:
    with netCDF4.Dataset(path, "w", format=form) as file:
        for name, length in lengths.items():
            file.createDimension(name, length or None)
        yield file


def packed(file: Any, kind: str, attributes: dict[str, Any], **storage: Any) -> None:
    """Ten values as they are stored, the last that of netCDF for a value that was never written."""
    given = dict(attributes)
    variable = file.createVariable("v", kind, ("x",), fill_value=given.pop("_FillValue", None), **storage)
    variable.setncatts(given)
    variable.set_auto_maskandscale(False)
    values = np.arange(10).astype(kind)
    values[-1] = netCDF4.default_fillvals[kind]
    values[-2] = -1 if np.dtype(kind).kind == "i" else 8
    variable[:] = values


@pytest.mark.parametrize(
    ("form", "kind", "attributes"),
    [*((form, *case) for form in ("NETCDF4", "NETCDF3_CLASSIC") for case in CASES), *(("NETCDF4", *m) for m in MORE)],
    ids=str,
)
def test_values_and_what_is_missing_are_the_librarys(
    form: str, kind: str, attributes: dict[str, Any], reading: Reading, tmp_path: Path
) -> None:
    with written(tmp_path / "a.nc", form, x=10) as file:
        packed(file, kind, attributes)
    with netCDF4.Dataset(tmp_path / "a.nc") as oracle:
        values = oracle["v"][:]
    found = [row["v"] for row in reading((tmp_path / "a.nc").read_bytes(), "netcdf").rows]
    assert [value is None for value in found] == np.ma.getmaskarray(values).tolist()
    wanted = np.ma.filled(values.astype("f8"), 0).tolist()
    assert [0 if value is None else float(value) for value in found] == wanted
    kinds = {"f4": "float", "f8": "double", "i1": "int", "u1": "int", "i2": "int", "u2": "int", "i4": "int"}
    kinds |= {"u4": "bigint", "i8": "bigint", "u8": "decimal(20,0)"}
    assert reading((tmp_path / "a.nc").read_bytes(), "netcdf").conversion.columns == {"v": kinds[values.dtype.str[1:]]}


@pytest.mark.parametrize("filled", [None, False])
def test_bytes_are_missing_where_the_file_fills_them(filled: bool | None, reading: Reading, tmp_path: Path) -> None:
    with written(tmp_path / "a.nc", x=10) as file:
        packed(file, "i1", {"_FillValue": filled})
    with netCDF4.Dataset(tmp_path / "a.nc") as oracle:
        wanted = oracle["v"][:].tolist()
    assert [row["v"] for row in reading((tmp_path / "a.nc").read_bytes(), "netcdf").rows] == wanted


@pytest.mark.parametrize("form", FORMATS)
def test_rows_have_their_coordinates_times_are_timestamps_and_units_are_kept(
    form: str, reading: Reading, tmp_path: Path
) -> None:
    content = made(tmp_path / "a.nc", usual_times(), form=form)
    found = reading(content, "netcdf", limits=Limits())
    assert found.conversion.columns == {
        "time": "timestamp", "forecast_reference_time": "timestamp",
        "forecast_period": "bigint" if form in ("NETCDF4", "NETCDF3_64BIT_DATA") else "int",
        "latitude": "float", "longitude": "float", "air_temperature": "float",
    }  # fmt: skip
    assert len(found.rows) == 600
    assert found.rows[31] == {
        "time": datetime(2026, 11, 30, 6, tzinfo=UTC), "forecast_reference_time": datetime(2026, 11, 30, tzinfo=UTC),
        "forecast_period": 21600, "latitude": 50.0, "longitude": -9.5, "air_temperature": 31.0,
    }  # fmt: skip
    units = json.loads(pq.read_metadata(found.file).metadata[b"sluice.units"])
    assert units["air_temperature"] == "K"
    assert "time" not in units


@pytest.mark.parametrize(
    "storage", [{}, {"zlib": True, "chunksizes": (2, 3, 4)}, {"zlib": True, "chunksizes": (5, 6, 7)}]
)
@pytest.mark.parametrize("points", [1, 30, 1 << 18])
def test_tiles_do_not_lose_or_move_a_value(
    storage: dict[str, Any], points: int, reading: Reading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(netcdf_table, "TILE_POINTS", points)
    with written(tmp_path / "a.nc", a=5, b=6, c=7) as file:
        for name, dimensions in (("a", ("a",)), ("turned", ("c", "a")), ("v", ("a", "b", "c"))):
            variable = file.createVariable(name, "i4", dimensions, **(storage if name == "v" else {}))
            variable[...] = np.arange(variable.size).reshape(variable.shape) * 10
        file["v"].coordinates = "turned"
    found = reading((tmp_path / "a.nc").read_bytes(), "netcdf").rows
    wanted = {}
    for a, b, c in np.ndindex(5, 6, 7):
        wanted[10 * (a * 42 + b * 7 + c)] = (10 * a, 10 * (c * 5 + a))
    assert {row["v"]: (row["a"], row["turned"]) for row in found} == wanted
    assert len(found) == 210


@pytest.mark.parametrize("form", ["NETCDF4", "NETCDF3_CLASSIC"])
def test_records_characters_and_dimensions_without_a_length_of_their_own(
    form: str, reading: Reading, tmp_path: Path
) -> None:
    with written(tmp_path / "a.nc", form, row=0, text=5) as file:
        file.createVariable("n", "i2", ("row",))[:] = [1, 2, 3]
        names = file.createVariable("name", "S1", ("row", "text"))
        names[:] = np.array(["Zoë".encode(), b"", b"abcde"], "S5").view("S1").reshape(3, 5)
    found = reading((tmp_path / "a.nc").read_bytes(), "netcdf")
    assert found.rows == [{"n": 1, "name": "Zoë"}, {"n": 2, "name": ""}, {"n": 3, "name": "abcde"}]
    assert found.positions == [1, 2, 3]


def test_times_of_another_calendar_are_text_and_missing_ones_are_null(reading: Reading, tmp_path: Path) -> None:
    with written(tmp_path / "a.nc", row=3) as file:
        for name, units, calendar in (("t", "days since 2026-02-28", "360_day"), ("u", "hours since 1970-01-01", None)):
            time = file.createVariable(name, "f8", ("row",), fill_value=-1.0)
            time.setncatts({"units": units, **({"calendar": calendar} if calendar else {})})
            time[:] = np.ma.masked_equal([0.25, 2, -1.0], -1)
        file.createVariable("v", "i4", ("row",))[:] = [1, 2, 3]
    rows = reading((tmp_path / "a.nc").read_bytes(), "netcdf").rows
    assert [row["t"] for row in rows] == ["2026-02-28T06:00:00Z", "2026-02-30T00:00:00Z", None]
    assert rows[0]["u"] == datetime(1970, 1, 1, 0, 15, tzinfo=UTC)
    assert rows[2]["u"] is None


def test_times_are_those_of_cftime_to_the_microsecond(reading: Reading, tmp_path: Path) -> None:
    units = ("days since 1600-02-28 06:00", "hours since 2026-11-30 00:00:00.5 +01:00", "microseconds since 1970-01-01")
    chance = np.random.default_rng(3)
    with written(tmp_path / "a.nc", row=50) as file:
        for number, each in enumerate(units):
            time = file.createVariable(f"t{number}", "f8", ("row",))
            time.units = each
            time[:] = chance.uniform(0, 1e5, 50) if number else np.arange(50) / 48 + 150_000
        months = file.createVariable("months", "i4", ("row",))
        months.units, months[:] = "months since 2000-01-01", np.arange(50)
    found = reading((tmp_path / "a.nc").read_bytes(), "netcdf")
    with netCDF4.Dataset(tmp_path / "a.nc") as oracle:
        for number, each in enumerate(units):
            wanted = netCDF4.num2date(oracle[f"t{number}"][:], each, only_use_cftime_datetimes=False)
            apart = [
                abs(row[f"t{number}"].replace(tzinfo=None) - other)
                for row, other in zip(found.rows, wanted, strict=True)
            ]
            assert max(apart) <= timedelta(microseconds=1)
    # A unit of no fixed length is kept as it is.
    assert found.conversion.columns["months"] == "int"
    assert json.loads(pq.read_metadata(found.file).metadata[b"sluice.units"]) == {"months": "months since 2000-01-01"}


def test_text_that_is_no_utf8_costs_its_row_only(reading: Reading, tmp_path: Path) -> None:
    with written(tmp_path / "a.nc", row=3, text=1) as file:
        file.createVariable("c", "S1", ("row", "text"))[:] = np.array([[b"a"], [b"\xff"], [b"c"]])
    found = reading((tmp_path / "a.nc").read_bytes(), "netcdf")
    assert ([row["c"] for row in found.rows], [row["line"] for row in found.bad]) == (["a", "c"], [2])


def several(path: Path) -> bytes:
    with written(path, x=2, y=3) as file:
        file.createVariable("one", "i4", ("x",))[:] = [1, 2]
        file.createVariable("other", "i4", ("y", "x"))[...] = [[1, 2], [3, 4], [5, 6]]
    return path.read_bytes()


def test_a_file_of_several_tables_is_read_by_records(reading: Reading, tmp_path: Path) -> None:
    content = several(tmp_path / "a.nc")
    with pytest.raises(BadObject, match=r"one has the dimensions \(x\), and other has \(y, x\)") as refused:
        reading(content, "netcdf")
    assert "records" in (refused.value.hint or "")
    assert reading(content, "netcdf", records="one").rows == [{"one": 1}, {"one": 2}]
    assert len(reading(content, "netcdf", records="other").rows) == 6
    with pytest.raises(BadObject, match="no variable none with dimensions"):
        reading(content, "netcdf", records="none")


def test_what_is_no_table_is_refused(reading: Reading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with written(tmp_path / "a.nc", x=2) as file:
        file.createVariable("x", "i4", ("x",))
    with pytest.raises(BadObject, match="no variable with data"):
        reading((tmp_path / "a.nc").read_bytes(), "netcdf")
    with written(tmp_path / "b.nc", x=2) as file:
        file.createVariable("v", "i4", ("x",))[:] = 1
        file.createGroup("apart")
    with pytest.raises(BadObject, match=r"the file has groups \(apart\)"):
        reading((tmp_path / "b.nc").read_bytes(), "netcdf")
    assert reading((tmp_path / "b.nc").read_bytes(), "netcdf", records="v").rows == [{"v": 1}, {"v": 1}]
    with written(tmp_path / "d.nc", x=2) as file:
        file.createVariable("v", "i4", ("x", "x"))[:] = 1
    with pytest.raises(BadObject, match="has a dimension twice"):
        reading((tmp_path / "d.nc").read_bytes(), "netcdf")
    with pytest.raises(BadObject, match="is no netCDF"):
        reading(b"id,name\n1,a\n", "netcdf")
    monkeypatch.setattr(netcdf_table, "LARGEST_CHUNK", 100)
    with pytest.raises(BadObject, match="a chunk of air_temperature has 0 MiB"):
        reading(made(tmp_path / "c.nc", zlib=True, chunksizes=(10, 10)), "netcdf")


def odd_type(file: Any, kind: str) -> Any:
    """A type that only netCDF-4 has, whose values are no number and no text."""
    match kind:
        case "vlen":
            return file.createVLType(np.int32, "kind")
        case _:
            return file.createCompoundType(np.dtype([("a", "i4")]), "kind")


@pytest.mark.parametrize(
    ("kind", "said"), [("vlen", r"arrays of any length \(vlen\)"), ("compound", "values of a compound type")]
)
def test_variables_of_types_that_are_not_read_are_named_and_the_others_are_read_when_asked_for(
    kind: str, said: str, reading: Reading, tmp_path: Path
) -> None:
    with written(tmp_path / "a.nc", x=2) as file:
        file.createVariable("n", "i4", ("x",))[:] = [7, 8]
        file.createVariable("name", str, ("x",))[:] = np.array(["a", "b"], object)
        file.createVariable("odd", odd_type(file, kind), ("x",))
    content = (tmp_path / "a.nc").read_bytes()
    with pytest.raises(BadObject, match=f"variables that are not read: odd has {said}") as refused:
        reading(content, "netcdf")
    assert "ncks -x -v odd" in (refused.value.hint or "")
    with pytest.raises(BadObject, match=f"`records` names odd, which has {said}"):
        reading(content, "netcdf", records="odd")
    assert reading(content, "netcdf", records="n").rows == [{"n": 7, "name": "a"}, {"n": 8, "name": "b"}]


@pytest.mark.parametrize("compression", ["zstd", "bzip2", "szip"])
def test_a_filter_that_the_reader_lacks_is_named(compression: Any, reading: Reading, tmp_path: Path) -> None:
    with pytest.raises(BadObject, match=f"air_temperature is packed with the filter {compression}.*h5repack"):
        reading(made(tmp_path / "a.nc", compression=compression, chunksizes=(5, 5)), "netcdf")


def test_a_text_file_s_reader_names_netcdf(reading: Reading, tmp_path: Path) -> None:
    for form in ("NETCDF4", "NETCDF3_CLASSIC"):
        with pytest.raises(BadObject, match="netCDF"):
            reading(made(tmp_path / "a.nc", form=form), "csv")


@pytest.mark.parametrize("form", ["NETCDF4", "NETCDF3_CLASSIC"])
@pytest.mark.parametrize("cut", [1, 100, 1000])
def test_a_file_that_was_cut_is_refused(form: str, cut: int, reading: Reading, tmp_path: Path) -> None:
    with pytest.raises(BadObject, match=r"truncated|cannot be read"):
        reading(made(tmp_path / "a.nc", form=form)[:-cut], "netcdf")


@pytest.mark.thorough
@pytest.mark.parametrize("form", ["NETCDF4", "NETCDF3_CLASSIC"])
def test_damage_is_never_an_error_of_the_function(form: str, reading: Reading, tmp_path: Path) -> None:
    storage = {"zlib": True, "chunksizes": (5, 5)} if form == "NETCDF4" else {}
    for data in damaged(made(tmp_path / "a.nc", form=form, **storage), 7):
        with contextlib.suppress(BadObject):
            reading(data, "netcdf", limits=Limits())
