"""`sluice forecasts` against an embedded AWS: a source of one's own, from a file in its bucket to values at a place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from pipeline.cli import forecasts as commands
from pipeline.cli.app import app
from pipeline.core.clients import client
from pipeline.core.errors import NotThere, Refused, SluiceError
from pipeline.core.settings import Settings
from pipeline.emulator.gateway.server import AwsServer
from pipeline.forecasts import services
from pipeline.forecasts.definition import ForecastSource
from pipeline.forecasts.settings import Setting
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting as LakeSetting
from stages.forecasts.ingest import ingest_announced_files
from tests.conftest import load_template
from tests.forecasts.files import made

TIME = "2026-11-30T06:00:00Z"
OWN = ForecastSource(source="own", form="s3-event", licence="Free to [use]")
OTHERS = ForecastSource(
    source="others",
    form="met-office-json",
    licence="Crown copyright",
    topic="arn:aws:sns:eu-west-2:021908831235:topic",
    bucket="of-others",
)
Sluice = Callable[..., Result]
assert commands


@pytest.fixture
def sluice(front: AwsServer) -> Sluice:
    def run(*arguments: str) -> Result:
        result = CliRunner().invoke(app, ["--endpoint", front.endpoint, "forecasts", *arguments])
        if isinstance(result.exception, SluiceError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result

    return run


def deploy(source: ForecastSource, bucket: str) -> dict[str, str]:
    """What the stacks make of a source; the URLs of its queues."""
    urls = {
        kind: client("sqs").create_queue(QueueName=f"{kind}-{source.source}")["QueueUrl"] for kind in ("queue", "aside")
    }
    name = f"forecast-{source.source}"
    dead = {"url": urls["aside"], "function": name, "queue": name}
    published = {
        f"functions/{name}": f"arn:aws:lambda:eu-west-1:123456789012:function:{name}:live",
        f"queues/{name}": urls["queue"],
        f"dead-letters/{name}": json.dumps(dead),
        f"forecast-sources/{source.source}": source.to_json(),
        f"forecast-buckets/{source.source}": bucket,
    }
    for key, value in published.items():
        client("ssm").put_parameter(Name=f"/sluice/local/{key}", Value=value, Type="String")
    return urls


def test_from_a_file_in_a_bucket_to_values_at_a_place(
    sluice: Sluice, lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(NotThere, match="no forecasts are deployed here"):
        sluice("sources")
    properties = load_template("forecasts.yaml")["Resources"]["ForecastsTable"]["Properties"]
    wanted = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
    client("dynamodb").create_table(TableName="forecasts", **{name: properties[name] for name in wanted})
    client("ssm").put_parameter(Name="/sluice/local/forecasts-table", Value="forecasts", Type="String")
    client("s3").create_bucket(Bucket="own", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    client("s3").put_bucket_versioning(Bucket="own", VersioningConfiguration={"Status": "Enabled"})
    urls, _ = deploy(OWN, "own"), deploy(OTHERS, "of-others")
    for key in ("uk/a.nc", "us/a.nc"):
        client("s3").put_object(Bucket="own", Key=key, Body=made(tmp_path / "a.nc"))

    assert "1 file announced again" in sluice("replay", "own", "--prefix", "uk/").output
    assert "0 files announced again" in sluice("replay", "own", "--since", "2999-01-01").output
    shown = sluice("sources").output
    assert "own  s3-event  s3://own  1 waiting, 0 put aside" in shown
    assert "Free to [use]" in shown
    ingest(urls, lake, monkeypatch)

    assert f"{TIME}  run 2026-11-30T00:00:00Z" in sluice("times").output
    assert "PT6H  own  air_temperature  s3://" in sluice("times", TIME).output
    assert sluice("times", "--variable", "snow").output == "none\n"
    (listed,) = json.loads(sluice("times", "--json", "--limit", "1").stdout)["times"]
    assert listed["forecast_time"] == TIME
    place = ("--lat", "49.6", "--lon=-9.4", "--variable", "air_temperature")
    # The field counts its points, 30 in a row: the nearest is the second of the first row.
    assert "  1 K" in sluice("values", TIME, *place).output
    (file,) = json.loads(sluice("values", TIME, *place, "--json").stdout)["files"]
    assert file["values"] == [{"value": 1.0}]

    with pytest.raises(Refused, match="signed by its provider"):
        sluice("replay", "others")
    with pytest.raises(NotThere, match="no source of forecasts other is"):
        sluice("replay", "other")


def ingest(urls: dict[str, str], lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the source's function does with the messages of its queue."""
    values: dict[Any, str] = {
        Setting.FORECASTS_TABLE: "forecasts",
        Setting.RAW_BUCKET: lake.settings[LakeSetting.RAW_BUCKET],
        Setting.FORECAST_SOURCE: OWN.to_json(),
        Setting.FORECAST_TOPIC: "arn:aws:sns:eu-west-1:123456789012:own",
        Setting.FORECAST_BUCKET: "own",
        Setting.FORECAST_DELIVERY: "raw",
        Setting.FORECAST_DEAD_LETTERS: urls["aside"],
    }
    monkeypatch.setattr(services.Settings, "from_environment", lambda: Settings(values, "the test"))
    services.forecasts.cache_clear()
    messages = client("sqs").receive_message(QueueUrl=urls["queue"], MaxNumberOfMessages=10)["Messages"]
    records = [{"messageId": each["MessageId"], "eventSource": "aws:sqs", "body": each["Body"]} for each in messages]
    assert ingest_announced_files({"Records": records}, SimpleNamespace(aws_request_id="1")) == {
        "batchItemFailures": []
    }
    assert len(records) == 1
    services.forecasts.cache_clear()
