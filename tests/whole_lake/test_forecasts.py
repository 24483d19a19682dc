"""A forecast through the deployed stacks: a file that is announced is found by API Gateway, and its values at a place.

A lake of its own, with the flow forecasts.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import xarray

from pipeline.cli import demo
from pipeline.core.clients import client
from tests.forecasts.files import made, usual_times
from tests.patience import until
from tests.whole_lake.conftest import RunningLake, with_flow

TIME, RUN = "2026-11-30T06:00:00Z", "2026-11-30T00:00:00Z"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLake]:
    with with_flow(tmp_path_factory.mktemp("forecasts"), "forecasts") as started:
        yield started


def parameter(name: str) -> str:
    return str(client("ssm").get_parameter(Name=f"/sluice/local/{name}")["Parameter"]["Value"])


def ask(lake: RunningLake, path: str, key: str | None = None) -> tuple[int, str, dict[str, Any]]:
    """Status, type and document of what the API answers."""
    api, stage = parameter("forecasts-api").split("/")
    headers = {} if key is None else {"x-api-key": key}
    request = urllib.request.Request(f"{lake.endpoint}/restapis/{api}/{stage}/_user_request_{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, answer.headers["Content-Type"], json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], json.load(error)


def sluice(lake: RunningLake, *arguments: str) -> Any:
    done = lake.sluice("forecasts", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_an_announced_file_is_found_with_its_values_by_command_and_by_api(
    lake: RunningLake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (source,) = sluice(lake, "sources")["sources"]
    key = client("apigateway").get_api_key(apiKey=parameter("forecasts-api-key-id"), includeValue=True)["value"]
    assert ask(lake, "/times", key)[2] == {"times": []}
    # Two files of the same time and period; a third that is no file.
    for variable in ("air_temperature", "wind_speed"):
        content = made(tmp_path / f"{variable}.nc", usual_times(), variable=variable, zlib=True)
        client("s3").put_object(Bucket=source["bucket"], Key=f"{variable}.nc", Body=content)
    client("s3").put_object(Bucket=source["bucket"], Key="bad.nc", Body=b"not a netCDF file")
    until(lambda: len(ask(lake, f"/times/{TIME}", key)[2].get("files", [])) == 2)
    until(lambda: sluice(lake, "sources")["sources"][0]["aside"] == 1)
    the_api_finds_both(lake, key)
    values_are_those_of_the_file(lake, key, tmp_path / "wind_speed.nc")
    what_is_asked_wrongly_is_a_problem(lake, key)
    the_copy_outlives_the_providers(lake, key, source["bucket"])
    demo.show_forecasts(lake.connected)
    assert capsys.readouterr().out.count("Made by this project's demo") == 3


def the_api_finds_both(lake: RunningLake, key: str) -> None:
    _, _, listed = ask(lake, "/times", key)
    assert [(each["time"], each["run"]) for each in listed["times"]] == [(TIME, RUN)]
    _, kind, found = ask(lake, f"/times/{TIME}", key)
    assert kind == "application/json"
    assert sorted(each["variable"] for each in found["files"]) == ["air_temperature", "wind_speed"]
    assert {each["run"] for each in found["files"]} == {RUN}
    uris = [f"s3://{each['file']['bucket']}/{each['file']['key']}" for each in found["files"]]
    until(lambda: all("no dataset forecasts/demo is registered" in lake.sluice("why", uri).stdout for uri in uris))
    assert "the flow forecasts keeps it" in lake.sluice("why", uris[0]).stdout
    assert "UNROUTED:" not in lake.sluice("status").stdout
    told = sluice(lake, "times", TIME)
    assert sorted(each["variable"] for each in told["times"]) == ["air_temperature", "wind_speed"]


def values_are_those_of_the_file(lake: RunningLake, key: str, path: Path) -> None:
    with xarray.open_dataset(path, engine="netcdf4") as oracle:
        near = float(oracle["wind_speed"].sel(latitude=51.3, longitude=-1.2, method="nearest"))
    status, _, found = ask(lake, f"/times/{TIME}/values?variable=wind_speed&lat=51.3&lon=-1.2", key)
    assert status == 200, found
    assert [each["value"] for each in found["files"][0]["values"]] == [near]
    assert (found["run"], found["files"][0]["units"]) == (RUN, "K")
    assert found["attribution"]
    assert found == sluice(lake, "values", TIME, "--variable", "wind_speed", "--lat", "51.3", "--lon=-1.2")


def what_is_asked_wrongly_is_a_problem(lake: RunningLake, key: str) -> None:
    at = f"/times/{TIME}/values"
    for path, given, status in (
        ("/times", None, 403),
        ("/times", "no key", 403),
        ("/times/2026-11-30T07:00:00Z", key, 404),
        ("/times/%22%24util.x", key, 400),
        (f"{at}?variable=wind_speed&lat=91&lon=0", key, 400),
        (f"{at}?variable=wind_speed&lat=51", key, 400),
        (f"{at}?variable=snow&lat=51&lon=0", key, 404),
        (f"{at}?variable=wind_speed&lat=51&lon=0", None, 403),
    ):
        answered, kind, problem = ask(lake, path, given)
        assert (answered, kind) == (status, "application/problem+json"), (path, problem)
        assert problem["title"]


def the_copy_outlives_the_providers(lake: RunningLake, key: str, bucket: str) -> None:
    s3 = client("s3")
    for each in s3.list_object_versions(Bucket=bucket)["Versions"]:
        s3.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])
    status, _, found = ask(lake, f"/times/{TIME}/values?variable=air_temperature&lat=51.3&lon=-1.2", key)
    assert status == 200, found
