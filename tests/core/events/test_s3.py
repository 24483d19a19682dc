from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.core.errors import BadInput
from pipeline.core.events.s3 import ObjectCreated, ObjectDeleted, SendAgain, parse
from pipeline.core.objects import ObjectVersion, event_ms_of, order_of, staged_key


def record(key: str = "shop/orders/a.csv", name: object = "ObjectCreated:Put", **more: object) -> dict:
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


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["v1", "0A"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
FORMS: list[Any] = [
    {"Records": [record()]},
    {"Type": "Notification", "TopicArn": "arn:x", "Message": body(record())},
    {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": "2026-01-01T00:00:00Z",
        "detail": {"bucket": {"name": "raw"}, "object": {"key": "a/b/c", "size": 3, "version-id": "v1"}},
    },
    json.loads(SendAgain(EXPECTED.object, 3).to_json()),
]


def places(document: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return [*([at] if at else []), *(place for name, each in inner for place in places(each, (*at, name)))]


@st.composite
def garbled(draw: st.DrawFn) -> str:
    """An event of one of the known forms in which one thing is lacking or something else."""
    document = copy.deepcopy(draw(st.sampled_from(FORMS)))
    *way, last = draw(st.sampled_from(places(document)))
    found = document
    for name in way:
        found = found[name]
    if draw(st.booleans()):
        del found[last]
    else:
        found[last] = draw(ANY)
    return json.dumps(document)


@given(st.text() | ANY.map(json.dumps) | garbled() | st.binary().map(lambda raw: raw.decode("latin-1")))
@example("[" * 100_000)
@example(body(record(name=3)))
@example(body(record(key="%ED%A0%80", size=1e400)))
@example(body(record(sequencer="Z" * 99)))
@example(body({**record(), "eventTime": "0001-01-01T00:00:00Z"}))
@example(body({**record(), "eventTime": "2026-01-01T00:00:00"}))
@example('{"sluice": {"send_again": {"bucket": "raw", "key": "\\ud800", "version_id": "v", "generation": 1}}}')
def test_whatever_comes_is_events_that_the_lake_can_keep_or_bad_input(text: str):
    try:
        events = parse(text)
    except BadInput:
        return
    for event in events:
        assert 0 < len(event.object.key.encode()) <= 1024
        if isinstance(event, ObjectCreated):
            order = order_of(event.event_ms, event.sequencer, event.object)
            assert order.index("|") == 13
            assert event_ms_of(order) == event.event_ms
            assert 0 <= event.size < 2**63
            assert staged_key("shop/orders", event.object, 1, event.event_ms)
