"""An announced file is ours and its times are found; what cannot be is put aside with its reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest

from pipeline.core.clients import client
from pipeline.core.settings import Settings
from pipeline.forecasts.definition import ForecastSource, Wanted
from pipeline.forecasts.services import forecasts
from pipeline.forecasts.settings import Setting
from stages.forecasts.ingest import ingest_announced_files
from tests.forecasts.conftest import TABLE, make_table
from tests.forecasts.files import MESSAGES, MET_OFFICE, made, needs_real_files, usual_times
from tests.forecasts.test_signatures import signed, verifier
from tests.stages.forecasts.conftest import PROVIDER, RAW, Flow, s3_event

TIME = "2026-11-30T06:00:00Z"
SIGNED_TOPIC = "arn:aws:sns:eu-west-2:021908831235:topic"


def found(flow: Flow, time: str = TIME) -> list[dict[str, Any]]:
    return list(flow.index.at(time))


def ingest(flow: Flow, *bodies: str) -> list[str]:
    return flow.run(ingest_announced_files, *bodies)


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    return made(tmp_path / "a.nc")


def test_a_file_is_copied_with_its_checksum_and_found_at_its_time_and_outlives_the_provider(flow: Flow, content: bytes):
    version = flow.put("uk/a.nc", content)
    assert ingest(flow, s3_event("uk/a.nc", version)) == []
    flow.s3.delete_object(Bucket=PROVIDER, Key="uk/a.nc", VersionId=version)
    (item,) = found(flow)
    assert (item["variable"], item["model"], item["source"]) == ("air_temperature", "demo", "demo")
    assert (item["forecast_period"], item["licence"]) == ("PT6H", "Free to use")
    answer = flow.s3.get_object(
        Bucket=item["bucket"], Key=item["key"], VersionId=item["version"], ChecksumMode="ENABLED"
    )
    assert answer["Body"].read() == content
    assert answer["ChecksumSHA256"]
    assert answer["Metadata"]["announced"] == f"s3%3A//{PROVIDER}/uk/a.nc"
    assert flow.aside() == []


def test_duplicates_copy_and_write_nothing_twice_and_a_late_version_takes_nothing_back(flow: Flow, content: bytes):
    first, second = flow.put("a.nc", content), flow.put("a.nc", content)
    newer, older = s3_event("a.nc", second, second=2), s3_event("a.nc", first, second=1)
    assert ingest(flow, newer, newer) == []
    (before,) = found(flow)
    assert ingest(flow, older, newer) == []
    assert found(flow) == [before]
    # The older version is ours all the same: each of them once.
    assert len(flow.ours()) == 2


def test_one_bad_message_is_put_aside_with_its_reason_and_its_neighbours_go_on(flow: Flow, content: bytes):
    version = flow.put("a.nc", content)
    cut, text = flow.put("cut.nc", content[:3000]), flow.put("text.nc", b"no such thing")
    bodies = [
        "{",
        s3_event("cut.nc", cut),
        s3_event("text.nc", text),
        s3_event("gone.nc", version),
        s3_event("a.nc", version, bucket="elsewhere"),
        s3_event("a.nc", version),
    ]
    assert ingest(flow, *bodies) == []
    assert len(found(flow)) == 1
    aside = dict(flow.aside())
    assert set(aside) == set(bodies[:5])
    for body, reason in zip(
        bodies, ["not JSON", "truncated", "no netCDF", "not there", "bucket elsewhere"], strict=False
    ):
        assert reason in aside[body]


def test_of_the_files_of_one_message_a_bad_one_keeps_none_of_the_others_away(
    flow: Flow, content: bytes, caplog: pytest.LogCaptureFixture
):
    """S3's events have a list of records."""
    versions = {"cut.nc": flow.put("cut.nc", content[:3000]), "a.nc": flow.put("a.nc", content)}
    versions["text.nc"] = flow.put("text.nc", b"no such thing")
    events = [json.loads(s3_event(key, version))["Records"][0] for key, version in versions.items()]
    body = json.dumps({"Records": events})
    assert ingest(flow, body) == []
    assert len(found(flow)) == 1
    ((aside, reason),) = flow.aside()
    assert aside == body
    for said in ("truncated", f"s3://{PROVIDER}/cut.nc", "no netCDF", f"s3://{PROVIDER}/text.nc"):
        assert said in reason
    assert f"s3://{PROVIDER}/a.nc" not in reason
    assert [each.reason for each in caplog.records if each.message == "message put aside"] == [reason]  # type: ignore[attr-defined]
    # Once more it changes nothing.
    assert ingest(flow, body) == []
    assert len(found(flow)) == 1


def test_what_may_pass_comes_back_alone_and_is_found_the_next_time(flow: Flow, content: bytes):
    good = s3_event("a.nc", flow.put("a.nc", content))
    client("dynamodb").delete_table(TableName=TABLE)
    # The bad one is put aside all the same, and does not come back.
    assert ingest(flow, "{", good) == ["1"]
    assert [body for body, _ in flow.aside()] == ["{"]
    make_table(client("dynamodb"))
    assert ingest(flow, good) == []
    assert len(found(flow)) == 1
    assert len(flow.ours()) == 1


def test_what_is_not_wanted_is_left_where_it_is(flow: Flow, content: bytes):
    flow.source = ForecastSource(source="demo", form="s3-event", licence="Free", wanted=Wanted(keys=("uk/*",)))
    assert ingest(flow, s3_event("us/a.nc", flow.put("us/a.nc", content))) == []
    assert flow.ours() == []
    assert ingest(flow, s3_event("uk/a.nc", flow.put("uk/a.nc", content))) == []
    assert len(flow.ours()) == 1


def test_a_file_without_a_time_is_kept_in_the_raw_bucket_although_it_is_in_no_index(flow: Flow, tmp_path: Path):
    times = {name: each for name, each in usual_times().items() if name == "forecast_period"}
    body = s3_event("a.nc", flow.put("a.nc", made(tmp_path / "a.nc", times)))
    assert ingest(flow, body) == []
    assert len(flow.ours()) == 1
    assert "has no time" in dict(flow.aside())[body]


def test_a_key_may_have_any_characters(flow: Flow, content: bytes):
    keys = ["a b/c d.nc", "1+1=2.nc", "50%25.nc", "ünï/☂ rain.nc", "a?b#c&d;e.nc", "$util.x/#set($y).nc", "q'\"<>.nc"]
    bodies = [s3_event(quote_plus(key, safe="/"), flow.put(key, content), second=n) for n, key in enumerate(keys)]
    for number, (key, body) in enumerate(zip(keys, bodies, strict=True), 1):
        assert ingest(flow, body) == []
        assert flow.aside() == []
        (item,) = found(flow)
        assert item["key"].rpartition("/")[2] == key.rpartition("/")[2]
        assert len(flow.ours()) == number
        assert flow.s3.get_object(Bucket=RAW, Key=item["key"], VersionId=item["version"])["Body"].read() == content


def test_a_forged_announcement_fetches_nothing_and_a_signed_one_does(flow: Flow, content: bytes):
    services = forecasts()
    services.signatures = verifier()
    topic = {Setting.FORECAST_TOPIC: SIGNED_TOPIC}
    services.settings = Settings({**{each: flow.settings()[each] for each in Setting}, **topic}, "the test")
    event = s3_event("a.nc", flow.put("a.nc", content))
    message = signed("2", Message=event, TopicArn=SIGNED_TOPIC)
    forged = [
        json.dumps({**message, "Message": event.replace('"a.nc"', '"other.nc"')}),
        json.dumps({**message, "SigningCertURL": "https://sns.eu-west-2.amazonaws.com.evil.example/x.pem"}),
        json.dumps({**message, "TopicArn": "arn:aws:sns:eu-west-2:666666666666:topic"}),
        event,
    ]
    assert ingest(flow, *forged) == []
    assert flow.ours() == []
    aside = dict(flow.aside())
    for body, reason in zip(forged, ("is forged", "not at SNS's address", "topic", "not signed"), strict=True):
        assert reason in aside[body]
    assert ingest(flow, json.dumps(message)) == []
    assert len(found(flow)) == 1


@needs_real_files
def test_real_announcements_find_their_real_files(flow: Flow):
    flow.source = ForecastSource(source="met_office", form="met-office-json", licence="Crown copyright")
    announced = {}
    for path in MESSAGES:
        document = json.loads(path.read_text())
        message = json.loads(json.loads(document.get("Body", path.read_text()))["Message"])
        announced[message["name"]] = {**message, "bucket": PROVIDER}
    for path in sorted(MET_OFFICE.glob("files/*.nc")):
        message = announced[path.stem]
        flow.put(message["key"], path.read_bytes())
        assert ingest(flow, json.dumps(message)) == []
        (item,) = found(flow, message["time"])
        assert item["forecast_reference_time"] == message["forecast_reference_time"]
        assert (item["variable"], item["model"]) == (path.stem, "mo-atmospheric-mogreps-uk-prd")
        assert item["forecast_period"] == f"PT{int(message['forecast_period']) // 3600}H"
        assert item["bucket"] == RAW
    assert flow.aside() == []
