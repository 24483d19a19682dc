"""Announcements of both forms are read, and those that nobody of the source's sent are refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import BadInput
from pipeline.forecasts.announcements import Announcement, read
from tests.forecasts.files import MESSAGES, needs_real_files

TOPIC = "arn:aws:sns:eu-west-2:021908831235:aws-earth-mo-atmospheric-mogreps-uk-prd"
BUCKET = "aws-earth-mo-atmospheric-mogreps-uk-prd"
JSON = "met-office-json"
S3 = "s3-event"


def accept(message: Mapping[str, Any]) -> None:
    """What verifies a message that is signed well."""


def announced(**changes: Any) -> str:
    message = {
        "bucket": BUCKET, "key": "9a9d.nc", "name": "air_temperature", "model": "uk", "height": "1.5",
        "created_time": "2020-07-16T15:50:39Z", "object_size": 4034391.0, **changes,
    }  # fmt: skip
    return json.dumps({name: value for name, value in message.items() if value is not None})


def wrapped(text: str, **changes: Any) -> str:
    return json.dumps({"Type": "Notification", "TopicArn": TOPIC, "MessageId": "1", "Message": text, **changes})


def s3_event(*keys: str, name: str = "ObjectCreated:Put", version: str = "v1") -> str:
    records = [
        {
            "eventName": name,
            "eventTime": "2026-11-30T05:00:00.000Z",
            "s3": {
                "bucket": {"name": BUCKET},
                "object": {"key": key, "size": 5, "eTag": "e", "versionId": version, "sequencer": "0A1B"},
            },
        }
        for key in keys
    ]
    return json.dumps({"Records": records})


@needs_real_files
@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_real_announcements_are_read(path: Path):
    document = json.loads(path.read_text())
    body = document.get("Body") or path.read_text()
    inner = json.loads(json.loads(body)["Message"])
    (found,) = read(body, JSON, BUCKET, TOPIC, accept)
    assert (found.key, found.variable, found.model) == (inner["key"], inner["name"], inner["model"])
    assert found.version is None
    assert read(json.loads(body)["Message"], JSON, BUCKET, TOPIC, None) == [found]


def test_an_s3_event_announces_each_version_that_came_and_nothing_else():
    found = read(s3_event("a/b+c%20d.nc", "x/"), S3, BUCKET, TOPIC, None)
    assert [(each.key, each.version, each.variable) for each in found] == [("a/b c d.nc", "v1", None)]
    assert read(s3_event("a.nc", version="null"), S3, BUCKET, TOPIC, None)[0].version is None
    assert read(s3_event("a.nc", name="ObjectRemoved:Delete"), S3, BUCKET, TOPIC, None) == []
    assert read(json.dumps({"Event": "s3:TestEvent"}), S3, BUCKET, TOPIC, None) == []


def test_a_later_announcement_of_a_key_has_a_greater_order():
    (first,) = read(announced(), JSON, BUCKET, TOPIC, None)
    (later,) = read(announced(created_time="2020-07-16T15:50:40Z"), JSON, BUCKET, TOPIC, None)
    assert first.order < later.order


@pytest.mark.parametrize(
    ("body", "form", "reason"),
    [
        ("{", JSON, "the message is not JSON"),
        ("[1]", JSON, "a JSON list"),
        (announced(bucket="elsewhere"), JSON, "the bucket elsewhere, and the source's is"),
        (announced(key=None), JSON, "the announcement's key is missing"),
        (announced(key="k" * 1025), JSON, "the announcement's key is not valid"),
        (announced(model=7), JSON, "the announcement's model is not valid"),
        (announced(created_time="yesterday"), JSON, "created_time is no time"),
        (wrapped(announced(), TopicArn="arn:aws:sns:eu-west-2:1:other"), JSON, "of the topic arn:aws:sns:eu-west-2:1"),
        (wrapped(announced(), Message=None), JSON, "no text in `Message`"),
        (announced(), S3, "not an S3 event"),
        (s3_event("a.nc").replace(BUCKET, "elsewhere"), S3, "the bucket elsewhere"),
    ],
)
def test_what_announces_no_file_of_the_source_is_refused_with_the_reason(body: str, form: str, reason: str):
    with pytest.raises(BadInput, match=reason):
        read(body, form, BUCKET, TOPIC, None)


def test_where_signatures_are_asked_for_nothing_comes_without_one():
    with pytest.raises(BadInput, match="not signed"):
        read(announced(), JSON, BUCKET, TOPIC, accept)
    seen: list[Mapping[str, Any]] = []
    assert isinstance(read(wrapped(announced()), JSON, BUCKET, TOPIC, seen.append)[0], Announcement)
    assert [each["MessageId"] for each in seen] == ["1"]
