from __future__ import annotations

import json

import pytest

from pipeline.errors import BadInput
from pipeline.events.s3 import ObjectCreated, ObjectDeleted, SendAgain, parse
from pipeline.objects import ObjectVersion


def record(key: str = "shop/orders/a.csv", name: str = "ObjectCreated:Put", **more: object) -> dict:
    found = {"key": key, "size": 3, "eTag": "e", "versionId": "v1", "sequencer": "0A", **more}
    return {
        "eventName": name,
        "eventTime": "2026-01-01T00:00:00.123Z",
        "s3": {"bucket": {"name": "raw"}, "object": found},
    }


def body(*records: dict) -> str:
    return json.dumps({"Records": list(records)})


EXPECTED = ObjectCreated(ObjectVersion("raw", "shop/orders/a.csv", "v1"), 3, "e", 1767225600123, "0A")


def test_a_notification_of_s3_is_read():
    assert parse(body(record())) == [EXPECTED]


def test_a_notification_wrapped_by_sns_is_read():
    wrapped = {"Type": "Notification", "TopicArn": "arn:x", "Message": body(record())}
    assert parse(json.dumps(wrapped)) == [EXPECTED]


def test_an_event_of_eventbridge_is_read_and_its_key_is_not_decoded():
    detail = {
        "bucket": {"name": "raw"},
        "object": {"key": "shop/orders/a+b%20c.csv", "size": 3, "etag": "e", "version-id": "v1", "sequencer": "0A"},
    }
    event = {"source": "aws.s3", "detail-type": "Object Created", "time": "2026-01-01T00:00:00Z", "detail": detail}
    assert parse(json.dumps(event))[0].object.key == "shop/orders/a+b%20c.csv"


@pytest.mark.parametrize(
    ("encoded", "key"),
    [
        ("a/b/x+y.csv", "a/b/x y.csv"),
        ("a/b/x%2By.csv", "a/b/x+y.csv"),
        ("a/b/x%252Fy.csv", "a/b/x%2Fy.csv"),
        ("a/b/%C3%BC%E2%82%AC.csv", "a/b/ü€.csv"),
        ("a/b/line%0Abreak.csv", "a/b/line\nbreak.csv"),
    ],
)
def test_keys_of_notifications_are_decoded_exactly_once(encoded: str, key: str):
    assert parse(body(record(encoded)))[0].object.key == key


def test_a_delete_marker_is_an_event_and_a_removed_version_is_not():
    assert parse(body(record(name="ObjectRemoved:DeleteMarkerCreated"))) == [
        ObjectDeleted(EXPECTED.object, EXPECTED.event_ms, "0A")
    ]
    assert parse(body(record(name="ObjectRemoved:Delete"))) == []


def test_the_test_event_that_s3_sends_is_no_event():
    assert parse('{"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "raw"}') == []


def test_an_event_without_a_sequencer_is_read():
    assert parse(body(record(sequencer=None)))[0].sequencer is None


def test_our_own_message_comes_back_as_it_was_sent():
    again = SendAgain(ObjectVersion("raw", "shop/ördérs/a b.csv", "v1"), 3)
    assert parse(again.to_json()) == [again]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("[]", "list"),
        ("{}", "not an S3 event"),
        ('{"Records": [{"eventName": "ObjectCreated:Put"}]}', "s3"),
        ('{"Records": 3}', "int"),
        ('{"sluice": {}}', "send_again"),
    ],
)
def test_anything_else_is_bad_input_that_says_why(text: str, reason: str):
    with pytest.raises(BadInput, match=reason):
        parse(text)
