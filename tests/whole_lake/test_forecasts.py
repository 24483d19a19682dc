"""A forecast through the deployed stacks: a file that is announced is found by API Gateway, and its values at a place.

A lake of its own, with the flow forecasts.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import netCDF4
import pytest
import xarray

from pipeline.cli import demo
from pipeline.core.clients import client
from pipeline.deploy.datasets.definitions import apply_definitions
from pipeline.deploy.embedded import EmbeddedBackend
from pipeline.lake.datasets import DatasetName
from tests.conftest import ROOT
from tests.forecasts.files import made, usual_times
from tests.patience import until
from tests.whole_lake.conftest import RunningLake, clients_environment, with_flow

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
    # A narrow terminal breaks the line of the licence.
    assert capsys.readouterr().out.count("Made by") == 3


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
    asked = "parameter-name=wind_speed&coords=POINT(-1.2%2051.3)"
    for path in (f"/values?datetime={RUN}/..&f=CoverageJSON&{asked}", f"/times/{TIME}/values?f=CoverageJSON&{asked}"):
        status, kind, covered = ask(lake, path, key)
        assert (status, kind) == (200, "application/prs.coverage+json"), covered
        (coverage,) = covered["coverages"]
        assert coverage["ranges"]["wind_speed"]["values"] == [near]
        assert coverage["domain"]["axes"]["t"]["values"] == [TIME]
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
        ("/values?variable=wind_speed&lat=51&lon=0", key, 400),
        (f"/values?datetime={TIME}&variable=wind_speed&lat=51&lon=0", None, 403),
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


def test_a_new_user_follows_the_page_from_an_announcement_to_an_answer(lake: RunningLake) -> None:
    page = (ROOT / "docs" / "forecasts.md").read_text().partition("## A source")[0]
    start, *blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    assert start == "sluice up --flow forecasts\n"
    times = {name: (values, *rest) for name, (values, *rest) in usual_times().items()}
    times["time"] = (1595444400, *times["time"][1:])
    times["forecast_reference_time"] = (1595444400 - 77 * 3600, *times["time"][1:])
    del times["forecast_period"]
    made(lake.root / "surface_temperature.nc", times, variable="surface_temperature")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
    environment["PATH"] = f"{clients_environment() / 'bin'}:{ROOT / '.venv' / 'bin'}:{environment['PATH']}"
    command = ["bash", "-euo", "pipefail", "-c", "".join(blocks)]
    done = subprocess.run(command, cwd=lake.root, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    *_, listed, values, covered = done.stdout.strip().replace("}{", "}\n{").split("\n{")
    assert "run 2020-07-19T14:00:00Z  PT77H" in done.stdout
    assert '"2020-07-22T19:00:00Z"' in listed
    value = json.loads("{" + values)["files"][0]["values"][0]["value"]
    (coverage,) = json.loads("{" + covered)["coverages"]
    assert coverage["ranges"]["surface_temperature"]["values"] == [value]
    # The field counts its points, 30 in a row: the fifth row, of 51.5, and the 21st point, of 0.
    assert value == 4 * 30 + 20


def test_a_fetched_file_becomes_rows_of_a_table_as_the_page_defines_it(lake: RunningLake, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "forecasts.md").read_text().partition("## Forecasts as a table")[2]
    [block] = re.findall(r"```yaml\n(.*?)```", page.partition("\n## ")[0], re.DOTALL)
    folder = lake.root / "definitions" / "datasets" / "forecasts"
    folder.mkdir(parents=True)
    (folder / "demo.yaml").write_text(block)
    apply_definitions(
        lake.root, lake.connected, EmbeddedBackend(lake.connected.env), only=[DatasetName("forecasts", "demo")]
    )
    times = {**usual_times(), "realization": ([7, 8], ("realization",), {"standard_name": "realization"})}
    made(tmp_path / "a.nc", times, extra=("realization",), zlib=True, chunksizes=(1, 8, 8), fill_value=31.0)
    (source,) = sluice(lake, "sources")["sources"]
    client("s3").put_object(Bucket=source["bucket"], Key="rows.nc", Body=(tmp_path / "a.nc").read_bytes())
    ours = until(lambda: [file for file in sluice(lake, "times", TIME)["times"] if file["key"].endswith("/rows.nc")])
    until(lambda: lake.versions(ours[0]["key"]))
    lake.settle()
    # What was fetched before has no members.
    found = lake.query(
        "select time, forecast_reference_time, realization, latitude, longitude, air_temperature from forecasts.demo "
        "where realization is not null"
    )
    assert sorted(found, key=str) == sorted(rows_of(tmp_path / "a.nc"), key=str)
    assert sum(each["air_temperature"] is None for each in found) == 1


def rows_of(path: Path) -> list[dict[str, Any]]:
    """A row a grid point and member, as the netCDF library reads them."""
    with netCDF4.Dataset(path) as oracle:
        axes = [oracle[name][:].tolist() for name in ("realization", "latitude", "longitude")]
        values = oracle["air_temperature"][...].reshape(-1).tolist()
    return [
        {
            "time": TIME,
            "forecast_reference_time": RUN,
            "realization": member,
            "latitude": latitude,
            "longitude": longitude,
            "air_temperature": value,
        }
        for (member, latitude, longitude), value in zip(product(*axes), values, strict=True)
    ]
