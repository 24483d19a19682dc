from __future__ import annotations

import json
import random

import pytest

from pipeline.state_machines.comparison import first_difference, normalised, to_text


def event(number, previous, kind, **details):
    return {"id": number, "previousEventId": previous, "type": kind, "timestamp": number, **details}


def iteration(index):
    return {"mapIterationStartedEventDetails": {"name": "Each", "index": index}}


def entered(name, text="{}"):
    return {"stateEnteredEventDetails": {"name": name, "input": text, "inputDetails": {"truncated": False}}}


ONE_AFTER_THE_OTHER = [
    event(1, 0, "ExecutionStarted"),
    event(2, 0, "MapStateEntered", **entered("Each")),
    event(3, 2, "MapStateStarted", mapStateStartedEventDetails={"length": 2}),
    event(4, 3, "MapIterationStarted", **iteration(0)),
    event(5, 4, "PassStateEntered", **entered("Pass")),
    event(6, 5, "MapIterationSucceeded"),
    event(7, 3, "MapIterationStarted", **iteration(1)),
    event(8, 7, "PassStateEntered", **entered("Pass")),
    event(9, 8, "MapIterationSucceeded"),
    event(10, 9, "MapStateSucceeded"),
    event(11, 9, "MapStateExited"),
    event(12, 11, "ExecutionSucceeded"),
]
AT_ONCE = [
    *ONE_AFTER_THE_OTHER[:3],
    event(4, 3, "MapIterationStarted", **iteration(1)),
    event(5, 3, "MapIterationStarted", **iteration(0)),
    event(6, 5, "PassStateEntered", **entered("Pass")),
    event(7, 4, "PassStateEntered", **entered("Pass")),
    event(8, 7, "MapIterationSucceeded"),
    event(9, 6, "MapIterationSucceeded"),
    event(10, 9, "MapStateSucceeded"),
    event(11, 9, "MapStateExited"),
    event(12, 11, "ExecutionSucceeded"),
]


def test_iterations_that_ran_at_once_read_as_if_one_had_followed_the_other():
    assert normalised(AT_ONCE, "x") == normalised(ONE_AFTER_THE_OTHER, "x")
    assert [e["type"] for e in normalised(AT_ONCE, "x")] == [e["type"] for e in ONE_AFTER_THE_OTHER]


def test_every_event_stays_whatever_the_order():
    shuffled = random.Random(1).sample(AT_ONCE, len(AT_ONCE))
    assert len(normalised(shuffled, "x")) == len(AT_ONCE)


@pytest.mark.parametrize("kind", ["Map", "Parallel"])
def test_what_follows_a_failure_that_was_caught_stays(kind):
    start = event(4, 3, "MapIterationStarted", **iteration(0)) if kind == "Map" else event(4, 3, "PassStateEntered")
    caught = [
        event(1, 0, "ExecutionStarted"),
        event(2, 0, f"{kind}StateEntered", **entered("Each")),
        event(3, 2, f"{kind}StateStarted"),
        start,
        event(5, 4, "TaskFailed"),
        event(6, 5, f"{kind}StateFailed"),
        event(7, 6, f"{kind}StateExited"),
        event(8, 7, "PassStateEntered", **entered("Caught")),
        event(9, 8, "PassStateExited"),
        event(10, 9, "ExecutionSucceeded"),
    ]
    assert [e["type"] for e in normalised(caught, "x")] == [e["type"] for e in caught]


def test_times_names_and_random_ids_are_replaced_and_documents_are_read():
    cause = "Function not found (Service: AWSLambda; Request ID: x56Upm5Zua5n; Proxy: null)"
    (failed,) = normalised([event(1, 0, "TaskFailed", taskFailedEventDetails={"cause": cause})], "run-7")
    assert "Request ID: <id>;" in failed["taskFailedEventDetails"]["cause"]
    text = json.dumps(
        {"at": "2026-01-31T12:00:00.123Z", "name": "run-7", "token": "1b4e28ba-2fa1-11d2-883f-0016d3cca427"}
    )
    (found,) = normalised([event(1, 0, "PassStateEntered", **entered("A", text))], "run-7")
    assert found["stateEnteredEventDetails"] == {
        "name": "A",
        "input": {"at": "<time>", "name": "<execution>", "token": "<uuid>"},
    }
    assert "timestamp" not in found


def test_only_the_details_own_documents_are_read_and_a_number_is_not_its_text():
    def told(payload):
        return normalised([event(1, 0, "PassStateEntered", **entered("A", json.dumps(payload)))], "x")

    assert first_difference(told({"output": "5"}), told({"output": 5})) == 0
    assert first_difference(told({"a": True}), told({"a": 1})) == 0
    assert first_difference(told({"a": 1}), told({"a": 1})) is None


def test_a_history_is_written_an_event_a_line_and_reads_back():
    events = normalised(AT_ONCE, "x")
    assert json.loads(to_text(events)) == events
    assert len(to_text(events).splitlines()) == len(events) + 2


def test_the_first_difference_is_a_place_or_none():
    events = normalised(AT_ONCE, "x")
    assert first_difference(events, events) is None
    assert first_difference(events, events[:-1]) == 11
    assert first_difference(events, [*events[:4], {"type": "other"}, *events[5:]]) == 4
