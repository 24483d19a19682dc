"""Documents of subscription filters become JSON lines that say what was written, to the digit."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import BadInput
from pipeline.log_forwarding.events import REQUEST_BYTES, Batch, Event, batch_of, everything, line, requests


def invocation(document: Any) -> dict[str, Any]:
    packed = gzip.compress(json.dumps(document).encode())
    return {"awslogs": {"data": base64.b64encode(packed).decode()}}


def document(*messages: str, **given: Any) -> dict[str, Any]:
    events = [{"id": str(n), "timestamp": 1790000000000 + n, "message": each} for n, each in enumerate(messages)]
    return {
        "messageType": "DATA_MESSAGE",
        "owner": "111122223333",
        "logGroup": "/sluice/dev/lambda/route",
        "logStream": "2026/11/30/[1]a",
        "subscriptionFilters": ["sluice-dev-log-forwarding"],
        "logEvents": events,
        **given,
    }


def read(message: str) -> dict[str, Any]:
    batch = Batch("1", "g", "s", (Event("1", 0, message),))
    text = line(batch, batch.events[0], everything).decode()
    assert text.endswith("}\n")
    assert text.count("\n") == 1
    found: dict[str, Any] = json.loads(text)
    return found


def test_events_keep_their_order_and_say_whose_they_are() -> None:
    batch = batch_of(invocation(document("one", '{"level": "INFO"}')))
    assert batch is not None
    found = [json.loads(line(batch, each, everything)) for each in batch.events]
    whose = {"account": "111122223333", "group": "/sluice/dev/lambda/route", "stream": "2026/11/30/[1]a"}
    assert found == [
        {"id": "0", "time": "2026-09-21T14:13:20.000Z", **whose, "message": "one"},
        {"id": "1", "time": "2026-09-21T14:13:20.001Z", **whose, "record": {"level": "INFO"}},
    ]


def test_a_control_message_is_none() -> None:
    asks = document("CWL CONTROL MESSAGE: Checking health of destination", messageType="CONTROL_MESSAGE")
    assert batch_of(invocation(asks)) is None


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"awslogs": {}},
        {"awslogs": {"data": "?secret"}},
        {"awslogs": {"data": base64.b64encode(b"secret").decode()}},
        {"awslogs": {"data": base64.b64encode(gzip.compress(b"secret")).decode()}},
        {"awslogs": {"data": base64.b64encode(gzip.compress(b'{"secret": 1}')[:-9]).decode()}},
        {"awslogs": {"data": None}},
        invocation([]),
        invocation(document("secret", messageType="secret")),
        invocation({**document(), "logEvents": [{"message": "secret"}]}),
        {"Records": [{"body": "secret"}]},
    ],
)
def test_anything_else_is_refused_and_not_quoted(event: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as refused:
        batch_of(event)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "message",
    ["", "text", "{", "[1]", '"text"', '{"a": NaN}', '{"a": -Infinity}', "{" * 100_000, "a\r\n\u2028b\x00", "\ud800"],
)
def test_what_is_no_object_of_json_is_text(message: str) -> None:
    assert read(message)["message"] == message


def test_an_object_goes_on_as_it_is_written() -> None:
    message = '{"n": 12345678901234567890.10,\r\n "e": 1e400, "t": "a\\nb \\ud800"}'
    batch = Batch("1", "g", "s", (Event("1", 0, message),))
    assert message.replace("\r\n", "  ").encode() in line(batch, batch.events[0], everything)
    assert line(batch, batch.events[0], everything).count(b"\n") == 1


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none()), st.booleans())
def test_every_object_comes_back(record: dict[str, Any], spread: bool) -> None:
    assert read(json.dumps(record, indent=1 if spread else None, ensure_ascii=spread))["record"] == record


@given(st.text(st.characters()))
def test_every_text_comes_back(message: str) -> None:
    found = read(f"- {message}")
    assert found["message"] == f"- {message}"


@given(st.lists(st.integers(1, REQUEST_BYTES * 2), max_size=8))
def test_requests_have_every_line_once_in_order_and_are_bounded(sizes: list[int]) -> None:
    lines = [bytes([n]) * size for n, size in enumerate(sizes)]
    made = list(requests(lines))
    assert b"".join(made) == b"".join(lines)
    assert all(len(each) <= REQUEST_BYTES or len(set(each)) == 1 for each in made)
    assert all(made)
    assert all(len(one) + len(other) > REQUEST_BYTES for one, other in itertools.pairwise(made)) or len(made) < 2
