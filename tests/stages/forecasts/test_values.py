"""Values at a place by the API's function: from the newest run, with units and attribution, or a problem."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import netCDF4
import numpy as np
import pytest
import xarray
from covjson_pydantic.coverage import CoverageCollection

from stages.forecasts.ingest import ingest_announced_files
from stages.forecasts.values import answer_with_values
from tests.forecasts.files import SECONDS, made, usual_times
from tests.stages.forecasts.conftest import Flow, s3_event

TIME = "2026-11-30T06:00:00Z"


AT = {"lat": "51", "lon": "0", "variable": "air_temperature"}


def called(time: str | None, query: dict[str, str], accept: str | None = None) -> dict[str, Any]:
    event = {
        "pathParameters": {"time": time} if time else None,
        "queryStringParameters": query or None,
        "headers": {"Accept": accept} if accept else None,
    }
    answer: dict[str, Any] = answer_with_values(event, SimpleNamespace(aws_request_id="request"))
    return answer


def ask(time: str | None = TIME, **query: str) -> tuple[int, dict[str, Any]]:
    answer = called(time, query)
    kind = "application/json" if answer["statusCode"] == 200 else "application/problem+json"
    assert answer["headers"]["Content-Type"] == kind
    return answer["statusCode"], json.loads(answer["body"])


def coverages(time: str | None, accept: str | None = None, **query: str) -> CoverageCollection:
    answer = called(time, query, accept)
    assert answer["headers"]["Content-Type"] == "application/prs.coverage+json", answer["body"]
    return CoverageCollection.model_validate_json(answer["body"])


def test_values_come_from_our_copy_of_the_newest_run_with_units_and_attribution(flow: Flow, tmp_path: Path):
    times = usual_times()
    times["realization"] = ([1, 2, 3], ("realization",), {"standard_name": "realization", "units": "1"})
    content = made(tmp_path / "a.nc", times, extra=("realization",), zlib=True, chunksizes=(1, 5, 5))
    older = {name: each for name, each in times.items() if name != "forecast_period"}
    older["forecast_reference_time"] = (times["forecast_reference_time"][0] - 3600, *times["time"][1:])
    for key, each in (("a.nc", content), ("old.nc", made(tmp_path / "old.nc", older, extra=("realization",)))):
        version = flow.put(key, each)
        assert flow.run(ingest_announced_files, s3_event(key, version)) == []
        flow.s3.delete_object(Bucket="provider", Key=key, VersionId=version)
    assert flow.aside() == []
    status, found = ask(lat="51.3", lon="-1.2", variable="air_temperature")
    assert status == 200
    (file,) = found["files"]
    with xarray.open_dataset(tmp_path / "a.nc", engine="netcdf4") as oracle:
        near = oracle["air_temperature"].sel(latitude=51.3, longitude=-1.2, method="nearest")
        assert [each["value"] for each in file["values"]] == near.values.tolist()
        assert file["grid_point"]["latitude"] == float(near["latitude"])
    assert [each["realization"] for each in file["values"]] == [1, 2, 3]
    assert (file["units"], found["attribution"]) == ("K", "Free to use")
    assert found["run"] == "2026-11-30T00:00:00Z"


@pytest.mark.parametrize(
    ("query", "time", "status", "detail"),
    [
        ({"lat": "51", "lon": "0", "variable": "snow"}, TIME, 404, "no snow is forecast"),
        ({"lat": "51", "lon": "0", "variable": "air_temperature"}, "2026-11-30T07:00:00Z", 404, "no air_temperature"),
        ({"lat": "51", "lon": "0", "variable": "air_temperature", "model": "us"}, TIME, 404, "of us"),
        ({"lat": "91", "lon": "0", "variable": "air_temperature"}, TIME, 400, "the latitude 91.0 is not between"),
        ({"lat": "10", "lon": "0", "variable": "air_temperature"}, TIME, 400, "outside the grid"),
        ({"lat": "nan", "lon": "0", "variable": "air_temperature"}, TIME, 400, "lat is no number"),
        ({"lon": "0", "variable": "air_temperature"}, TIME, 400, "lat is missing"),
        ({"lat": "51", "lon": "0"}, TIME, 400, "variable is missing"),
        ({"lat": "51", "lon": "0", "variable": "air_temperature", "where": "x"}, TIME, 400, "no parameter 'where'"),
        ({"lat": "51", "lon": "0", "variable": "air_temperature"}, '"$util.x"', 400, "not written like"),
        ({**AT, "f": "x"}, TIME, 400, "f is 'x': it is json or CoverageJSON"),
        ({**AT, "coords": "POINT(0 51)"}, TIME, 400, "lat and lon do, too"),
        ({"variable": "a", "coords": "POLYGON((0 51))"}, TIME, 400, "no point such as POINT"),
        ({"variable": "a", "parameter-name": "b", "coords": "POINT(0 51)"}, TIME, 400, "two names of one thing"),
        ({"parameter-name": "a,b", "coords": "POINT(0 51)"}, TIME, 400, "several names"),
        ({**AT, "datetime": "2026-11-30T07:00:00Z"}, TIME, 400, "the path says the time"),
        ({**AT, "datetime": "yesterday/.."}, None, 400, "not written like"),
        ({**AT, "datetime": "2026-11-30T07:00:00Z/2026-11-30T06:00:00Z"}, None, 400, "ends before it begins"),
        ({**AT, "datetime": "2027-11-30T07:00:00Z/.."}, None, 404, "no air_temperature is forecast from"),
        (AT, None, 400, "datetime is missing"),
    ],
)
def test_what_cannot_be_answered_is_a_problem_with_its_reason(
    flow: Flow, tmp_path: Path, query: dict[str, str], time: str | None, status: int, detail: str
):
    flow.run(ingest_announced_files, s3_event("a.nc", flow.put("a.nc", made(tmp_path / "a.nc"))))
    answered, problem = ask(time, **query)
    assert (answered, problem["status"]) == (status, status)
    assert detail in problem["detail"]


def test_a_file_whose_values_cannot_be_unpacked_is_found_and_says_why(flow: Flow, tmp_path: Path):
    content = made(tmp_path / "a.nc", compression="zstd", chunksizes=(5, 5))
    assert flow.run(ingest_announced_files, s3_event("a.nc", flow.put("a.nc", content))) == []
    assert len(list(flow.index.at(TIME))) == 1
    status, problem = ask(lat="51", lon="0", variable="air_temperature")
    assert (status, "zstd, which this reader lacks" in problem["detail"]) == (422, True)


def several_times(path: Path, run: int = 1795996800) -> bytes:
    """Three times and two members in one file, whose run is in seconds since 1970."""
    times = {
        "time": ([run + 3600 * hour for hour in (6, 7, 9)], ("time",), SECONDS),
        "forecast_reference_time": (run, (), SECONDS),
        "realization": ([4, 5], ("realization",), {"standard_name": "realization", "units": "1"}),
    }
    made(path, times, extra=("realization", "time"), zlib=True, chunksizes=(1, 2, 7, 7))
    with netCDF4.Dataset(path, "a") as file:
        # A value that is missing at the second time.
        file["air_temperature"][0, 1, 4, 17] = np.nan
    return path.read_bytes()


def test_a_series_is_that_of_xarray_from_a_file_of_several_times_and_from_files_of_one(flow: Flow, tmp_path: Path):
    later = {**usual_times(), "time": (1796018400 + 4 * 3600, (), SECONDS)}
    del later["forecast_period"]
    contents = (several_times(tmp_path / "a.nc"), made(tmp_path / "b.nc", later))
    for key, content in zip(("a.nc", "b.nc"), contents, strict=True):
        assert flow.run(ingest_announced_files, s3_event(key, flow.put(key, content))) == []
    assert flow.aside() == []
    place = {"coords": "POINT(-1.4 51.4)", "parameter-name": "air_temperature"}
    found = coverages(None, datetime=f"{TIME}/..", f="CoverageJSON", **place)
    with xarray.open_dataset(tmp_path / "a.nc", engine="netcdf4") as oracle:
        near = oracle["air_temperature"].sel(latitude=51.4, longitude=-1.4, method="nearest")
        wanted = [[None if value != value else value for value in member] for member in near.values.tolist()]
        position = (float(near["longitude"]), float(near["latitude"]))
    *members, single = found.coverages
    assert [each.ranges["air_temperature"].values for each in members] == wanted
    assert wanted[0][1] is None
    assert [each.model_extra["sluice:at"] for each in members] == [{"realization": 4.0}, {"realization": 5.0}]
    axes = members[0].domain.axes
    assert (axes.x.values[0], axes.y.values[0]) == pytest.approx(position, abs=1e-6)
    hours = [f"2026-11-30T{hour:02}:00:00+00:00" for hour in (6, 7, 9)]
    assert [each.isoformat() for each in axes.t.values] == hours
    assert [each.isoformat() for each in single.domain.axes.t.values] == ["2026-11-30T10:00:00+00:00"]
    assert found.parameters["air_temperature"].unit.symbol == "K"
    assert found.model_extra["sluice:attribution"] == "Free to use"
    status, document = ask(None, datetime="../2026-11-30T07:00:00Z", **place)
    assert (status, [each["time"][11:13] for each in document["times"]]) == (200, ["06", "07"])
    # One time of the file, in both forms.
    one = coverages("2026-11-30T09:00:00Z", "text/html, application/prs.coverage+json", **place)
    assert [each.ranges["air_temperature"].values for each in one.coverages] == [[each[2]] for each in wanted]
    status, document = ask("2026-11-30T09:00:00Z", **place)
    assert [each["value"] for each in document["files"][0]["values"]] == [each[2] for each in wanted]


def test_more_times_than_are_read_at_once_are_refused(flow: Flow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    flow.run(ingest_announced_files, s3_event("a.nc", flow.put("a.nc", several_times(tmp_path / "a.nc"))))
    monkeypatch.setattr("pipeline.forecasts.values.MOST_TIMES", 2)
    status, problem = ask(None, datetime="../..", **AT)
    assert (status, "more than 2 times" in problem["detail"]) == (400, True)


def test_a_grid_that_cannot_be_read_says_why(flow: Flow, tmp_path: Path):
    made(tmp_path / "a.nc")
    with netCDF4.Dataset(tmp_path / "a.nc", "a") as file:
        file.createVariable("crs", "i4", ()).grid_mapping_name = "sinusoidal"
        file["air_temperature"].grid_mapping = "crs"
    flow.run(ingest_announced_files, s3_event("a.nc", flow.put("a.nc", (tmp_path / "a.nc").read_bytes())))
    status, problem = ask(TIME, **AT)
    assert (status, "the grid 'sinusoidal' is not known here" in problem["detail"]) == (422, True)


def test_times_in_any_order_and_before_the_run_have_their_own_values(flow: Flow, tmp_path: Path):
    hours = [12, -6, 0, 18, 6]
    times = {
        "forecast_period": (hours, ("step",), {"units": "hours"}),
        "forecast_reference_time": (1795996800, (), SECONDS),
    }
    content = made(tmp_path / "a.nc", times, extra=("step",), zlib=True, chunksizes=(2, 7, 7))
    assert flow.run(ingest_announced_files, s3_event("a.nc", flow.put("a.nc", content))) == []
    assert flow.aside() == []
    status, document = ask(None, datetime="../..", **AT)
    assert status == 200
    with xarray.open_dataset(tmp_path / "a.nc", engine="netcdf4", decode_times=False) as oracle:
        near = oracle["air_temperature"].sel(latitude=51, longitude=0, method="nearest").values.tolist()
    found = [each["files"][0]["values"][0]["value"] for each in document["times"]]
    assert found == [near[hours.index(hour)] for hour in sorted(hours)]
    (item,) = flow.index.at("2026-11-29T18:00:00Z")
    assert item["forecast_period"] == "-PT6H"


@pytest.mark.parametrize(
    ("calendar", "units", "time"),
    [
        ("360_day", "hours since 2026-02-30 00:00:00", "2026-02-30T06:00:00Z"),
        ("noleap", "days since 2028-02-28 06:00:00", "2028-03-01T06:00:00Z"),
    ],
)
def test_times_of_another_calendar_have_their_values_but_no_coverage(
    flow: Flow, tmp_path: Path, calendar: str, units: str, time: str
):
    said = {"units": units, "calendar": calendar}
    step = 1 if units.startswith("days") else 6
    times = {"time": ([0, step], ("time",), said), "forecast_reference_time": (0, (), said)}
    content = made(tmp_path / "a.nc", times, extra=("time",))
    assert flow.run(ingest_announced_files, s3_event("a.nc", flow.put("a.nc", content))) == []
    assert flow.aside() == []
    status, document = ask(time, **AT)
    assert status == 200, document
    with netCDF4.Dataset(tmp_path / "a.nc") as oracle:
        assert document["files"][0]["values"][0]["value"] == oracle["air_temperature"][1, 3, 20]
    assert [each["calendar"] for each in flow.index.at(time)] == [{"noleap": "365_day"}.get(calendar, calendar)]
    status, problem = ask(time, f="CoverageJSON", **AT)
    assert (status, "CoverageJSON's are of the Gregorian one" in problem["detail"]) == (422, True)
