"""Values at a place by the API's function: from the newest run, with units and attribution, or a problem."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import xarray

from stages.forecasts.ingest import ingest_announced_files
from stages.forecasts.values import answer_with_values
from tests.forecasts.files import made, usual_times
from tests.stages.forecasts.conftest import Flow, s3_event

TIME = "2026-11-30T06:00:00Z"


def ask(time: str = TIME, **query: str) -> tuple[int, dict[str, Any]]:
    event = {"pathParameters": {"time": time}, "queryStringParameters": query or None}
    answer = answer_with_values(event, SimpleNamespace(aws_request_id="request"))
    kind = "application/json" if answer["statusCode"] == 200 else "application/problem+json"
    assert answer["headers"]["Content-Type"] == kind
    return answer["statusCode"], json.loads(answer["body"])


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
        ({"lat": "51", "lon": "0", "variable": "air_temperature", "f": "x"}, TIME, 400, "no parameter 'f'"),
        ({"lat": "51", "lon": "0", "variable": "air_temperature"}, '"$util.x"', 400, "not written like"),
    ],
)
def test_what_cannot_be_answered_is_a_problem_with_its_reason(
    flow: Flow, tmp_path: Path, query: dict[str, str], time: str, status: int, detail: str
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
