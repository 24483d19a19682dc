"""Forecasts as pages: sources, runs, times and their gaps, how soon files were findable, and the map of a field."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl

import netCDF4
import numpy as np
import pytest
from playwright.sync_api import expect

from pipeline.core.clients import client
from pipeline.core.settings import Settings
from pipeline.forecasts.announcements import Announcement
from pipeline.forecasts.ingest import ingest
from pipeline.forecasts.services import Forecasts
from pipeline.forecasts.settings import Setting
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting as LakeSetting
from pipeline.operate.forecasts import coverage
from tests.cli.test_forecasts import OWN, deploy
from tests.conftest import load_template
from tests.forecasts.files import made, usual_times
from tests.forecasts.test_curvilinear import GRIDS, places, written
from tests.patience import until

HOUR = 3600
HOURS = (6, 7, 8, 10, 11)
"""Of these one is missing: 9."""
TIME = "2026-11-30T06:00:00Z"
RADIUS = 6378137.0


def at(hour: int) -> dict:
    times = usual_times()
    run, since = times["forecast_reference_time"][0], times["time"][2]
    period = times["forecast_period"][2]
    return {**times, "time": (run + hour * HOUR, (), since), "forecast_period": (hour * HOUR, (), period)}


def projected(path: Path) -> bytes:
    """A field in a projection, with points that have no value."""
    made(path, variable="wind_speed")
    with netCDF4.Dataset(path, "a") as file:
        file.renameDimension("latitude", "projection_y_coordinate")
        file.renameDimension("longitude", "projection_x_coordinate")
        for old, axis in (("latitude", "y"), ("longitude", "x")):
            name = f"projection_{axis}_coordinate"
            file.renameVariable(old, name)
            file[name].setncatts({"standard_name": name, "units": "m"})
            file[name][:] = np.arange(file[name].size) * 20000.0 - 200000.0
        grid = file.createVariable("laea", "i4", ())
        grid.setncatts(
            {
                "grid_mapping_name": "lambert_azimuthal_equal_area", "earth_radius": RADIUS,
                "latitude_of_projection_origin": 54.9, "longitude_of_projection_origin": -2.5,
            }
        )  # fmt: skip
        file["wind_speed"].grid_mapping = "laea"
        file["wind_speed"][:3, :5] = np.nan
    return path.read_bytes()


@pytest.fixture(scope="module")
def some_forecasts(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forecasts]:
    """A source that has fetched five files of one variable and a projected one; another that has fetched none."""
    folder = tmp_path_factory.mktemp("forecasts")
    properties = load_template("forecasts.yaml")["Resources"]["ForecastsTable"]["Properties"]
    wanted = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
    client("dynamodb").create_table(TableName="forecasts", **{name: properties[name] for name in wanted})
    client("s3").create_bucket(Bucket="own", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    client("ssm").put_parameter(Name="/sluice/local/forecasts-table", Value="forecasts", Type="String")
    deploy(OWN, "own")
    deploy(OWN.model_copy(update={"source": "idle"}), "own")
    pages = client("ssm").get_paginator("get_parameters_by_path").paginate(Path="/sluice/local/", Recursive=True)
    known = {each["Name"]: each["Value"] for page in pages for each in page["Parameters"]}
    function = {Setting.FORECASTS_TABLE: "forecasts", Setting.FORECAST_SOURCE: OWN.to_json()}
    forecasts = Forecasts(Settings({**function, Setting.RAW_BUCKET: lake.settings[LakeSetting.RAW_BUCKET]}, "the test"))
    contents = [made(folder / f"{hour}.nc", at(hour)) for hour in HOURS] + [projected(folder / "wind.nc")]
    for number, content in enumerate(contents):
        client("s3").put_object(Bucket="own", Key=f"{number}.nc", Body=content)
        ingest(Announcement("own", f"{number}.nc", None, 1796018400000 + number, f"{number}"), forecasts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lake, "settings", Settings.from_parameters("local", known))
        yield forecasts


def field(**query: str) -> dict[str, str]:
    return {"time": TIME, "variable": "air_temperature", **query}


def test_where_no_source_is_deployed_the_page_says_how_to_begin(visitor, lake):
    assert visitor.document("/forecasts")["sources"] == []
    assert "sluice up --flow forecasts" in visitor.get("/forecasts").text
    assert visitor.get("/forecasts/own").status_code == 404


def test_the_page_of_sources_says_what_each_has_and_how_soon(visitor, some_forecasts):
    idle, own = visitor.document("/forecasts")["sources"]
    assert (idle["name"], idle["run"], idle["latency"]["median_ms"]) == ("idle", None, None)
    assert (own["models"], own["run"], own["latency"]["files"]) == (["own"], "2026-11-30T00:00:00Z", 6)
    assert visitor.document("/forecasts/idle")["coverage"] == []


def test_the_page_of_a_source_has_runs_times_gaps_and_latency(visitor, some_forecasts):
    document = visitor.document("/forecasts/own")
    (run,) = document["runs"]
    assert (run["run"], run["files"], run["variables"]) == (
        "2026-11-30T00:00:00Z", 6, ["air_temperature", "wind_speed"],
    )  # fmt: skip
    air, wind = document["coverage"]
    assert (len(air["times"]), len(wind["times"])) == (5, 1)
    assert air["gaps"] == [{"after": "2026-11-30T08:00:00Z", "before": "2026-11-30T10:00:00Z", "missing": 1}]
    (drawn, _) = document["drawing"]["rows"]
    assert (len(drawn["marks"]), len(drawn["gaps"])) == (5, 1)
    newest = document["files"][0]
    assert newest["latency_ms"] == pytest.approx(run["latency"]["median_ms"], abs=60_000)
    assert newest["requests"] >= 1


def test_the_page_says_where_it_looked_for_gaps_and_leads_to_older_times(
    visitor, some_forecasts, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(coverage, "TIMES", 3)
    monkeypatch.setattr(coverage, "OVERLAP", 1)
    air, wind = visitor.document("/forecasts/own")["coverage"]
    assert ([time[11:13] for time in air["times"]], air["gaps"], wind["to_older"]) == (["08", "10", "11"], [], None)
    page = visitor.get("/forecasts/own").text
    assert "Gaps are looked for among at most 3 times of a variable at once" in page
    assert 'none <span class="quiet">among these</span>' in page
    path, _, query = air["to_older"].partition("?")
    older = visitor.document(path, **dict(parse_qsl(query)))
    assert [[time[11:13] for time in each["times"]] for each in older["coverage"]] == [["06", "07", "08"]]
    assert "The last times of all variables" in visitor.get(air["to_older"]).text
    monkeypatch.setattr(coverage, "VARIABLES", 1)
    assert "of 2 variables the first 1 are shown" in visitor.get("/forecasts/own").text
    chosen = visitor.document("/forecasts/own", variable="wind_speed")
    assert [each["variable"] for each in chosen["coverage"]] == ["wind_speed"]


def test_a_file_that_is_announced_again_is_counted_once(visitor, some_forecasts):
    ingest(Announcement("own", "0.nc", None, 1796018400000, "0"), some_forecasts)
    assert visitor.document("/forecasts/own")["latency"]["files"] == 6


def test_the_page_of_a_field_has_its_range_and_a_picture_of_it(visitor, some_forecasts):
    document = visitor.document("/forecasts/own/field", **field())
    assert (document["scale"]["low"], document["scale"]["high"], document["units"]) == (0, 599, "K")
    assert document["told"] == f"Map of air_temperature at {TIME}: from 0 to 599 K, on average 299.5"
    assert (document["before"], "07%3A00" in document["after"]) == (None, True)
    picture = visitor.get(document["picture"]["to"])
    assert (picture.headers["content-type"], picture.content[:4]) == ("image/png", b"\x89PNG")
    wind = visitor.document("/forecasts/own/field", **field(variable="wind_speed"))
    assert (wind["grid"]["name"], wind["scale"]["missing"]) == ("lambert_azimuthal_equal_area", 15)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"time": ""}, 400),
        ({"variable": ""}, 400),
        ({"variable": "snow"}, 404),
        ({"time": "<b>"}, 404),
        ({"number": "1"}, 400),
        ({"file": "1"}, 404),
        ({"run": "2020-01-01T00:00:00Z"}, 404),
    ],
)
def test_a_field_that_is_not_there_is_an_error(visitor, some_forecasts, query, status):
    for path in ("field", "field.json", "field.png"):
        assert visitor.get(f"/forecasts/own/{path}", params=field(**query)).status_code == status
    assert visitor.get("/forecasts/none/field", params=field()).status_code == 404


def test_a_person_goes_from_the_list_to_a_map_and_on_in_time(tab, some_forecasts):
    tab.goto("/")
    tab.get_by_role("navigation").get_by_role("link", name="Forecasts").click()
    tab.get_by_role("link", name="own").click()
    expect(tab.get_by_role("region", name="Variables")).to_contain_text("1 missing")
    tab.get_by_role("link", name="air_temperature").click()
    picture = tab.get_by_role("img", name="Map of air_temperature at 2026-11-30T11:00:00Z")
    picture.wait_for()
    until(lambda: picture.evaluate("async (image) => { await image.decode(); return image.naturalWidth }") == 720)
    tab.get_by_role("link", name="The time before").click()
    tab.get_by_role("heading", name="2026-11-30T10:00:00Z").wait_for()
    expect(tab.locator("nav a[aria-current]")).to_have_text("Forecasts")


def test_the_first_and_last_time_stand_under_their_marks_on_a_phone_too(tab, some_forecasts):
    tab.set_viewport_size({"width": 390, "height": 844})
    tab.goto("/forecasts/own")
    drawing, ends = tab.locator("svg.coverage"), tab.locator(".ends")
    until(lambda: (drawn := drawing.bounding_box()) and drawn["width"] > 390)
    until(
        lambda: [ends.bounding_box()[side] == drawing.bounding_box()[side] for side in ("x", "width")] == [True, True]
    )


def test_a_field_on_points_with_places_of_their_own_is_drawn(visitor, some_forecasts, tmp_path: Path):
    content = written(tmp_path / "a.nc", *places(GRIDS["the pole"]))
    client("s3").put_object(Bucket="own", Key="polar.nc", Body=content)
    ingest(Announcement("own", "polar.nc", None, 1796018400000, "polar"), some_forecasts)
    document = visitor.document("/forecasts/own/field", **field(variable="rain"))
    assert (document["grid"]["name"], document["grid"]["points"]) == ("curvilinear", [50, 40])
    assert (document["picture"]["width"], document["picture"]["height"]) == (720, 573)
    assert "north upwards" not in visitor.get("/forecasts/own/field", params=field(variable="rain")).text
    assert visitor.get(document["picture"]["to"]).content[:4] == b"\x89PNG"
