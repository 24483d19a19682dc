"""Buckets, a table and a queue, as the stacks make them, and the function's settings."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.core.clients import client
from pipeline.core.settings import Settings
from pipeline.forecasts.definition import ForecastSource
from pipeline.forecasts.services import forecasts
from pipeline.forecasts.settings import Setting
from pipeline.forecasts.store import Index
from tests.forecasts.conftest import TABLE, index

__all__ = ["index"]

SOURCE = ForecastSource(source="demo", form="s3-event", licence="Free to use")
PROVIDER, RAW = "provider", "raw"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:announcements"


class Flow:
    """The parts of the flow; `run` is a call of its function with messages, `put` a file that the provider has."""

    def __init__(self, index: Index, source: ForecastSource = SOURCE) -> None:
        self.index = index
        self.s3, self.sqs = client("s3"), client("sqs")
        for name in (PROVIDER, RAW):
            self.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
            self.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        self.dead_letters = self.sqs.create_queue(QueueName="dead-letters")["QueueUrl"]
        self.source = source

    def settings(self) -> Settings:
        values: Mapping[Setting, str] = {
            Setting.FORECASTS_TABLE: TABLE,
            Setting.RAW_BUCKET: RAW,
            Setting.FORECAST_SOURCE: self.source.to_json(),
            Setting.FORECAST_TOPIC: TOPIC,
            Setting.FORECAST_BUCKET: PROVIDER,
            Setting.FORECAST_DELIVERY: "raw",
            Setting.FORECAST_DEAD_LETTERS: self.dead_letters,
        }
        return Settings(values, "the test")

    def put(self, key: str, content: bytes) -> str:
        version: str = self.s3.put_object(Bucket=PROVIDER, Key=key, Body=content)["VersionId"]
        return version

    def aside(self) -> list[tuple[str, str]]:
        """Body and reason of what was put aside."""
        found = self.sqs.receive_message(
            QueueUrl=self.dead_letters, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages", [])
        return [(each["Body"], each["MessageAttributes"]["reason"]["StringValue"]) for each in found]

    def ours(self) -> list[str]:
        """All versions of all our copies, by their keys."""
        return [each["Key"] for each in self.s3.list_object_versions(Bucket=RAW).get("Versions", [])]

    def run(self, function: Callable[[dict[str, Any], Any], Any], *bodies: str) -> list[str]:
        """The numbers of the messages that come back."""
        records = [
            {"messageId": str(number), "eventSource": "aws:sqs", "body": body} for number, body in enumerate(bodies)
        ]
        answer = function({"Records": records}, SimpleNamespace(aws_request_id="request"))
        return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def s3_event(key: str, version: str, *, second: int = 0, bucket: str = PROVIDER) -> str:
    described = {"key": key, "size": 1, "eTag": "e", "versionId": version, "sequencer": "0A"}
    record = {
        "eventName": "ObjectCreated:Put",
        "eventTime": f"2026-11-30T05:00:{second:02d}.000Z",
        "s3": {"bucket": {"name": bucket}, "object": described},
    }
    return json.dumps({"Records": [record]})


@pytest.fixture
def flow(index: Index, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flow]:
    made = Flow(index)
    monkeypatch.setattr("pipeline.forecasts.services.Settings.from_environment", made.settings)
    forecasts.cache_clear()
    yield made
    forecasts.cache_clear()
