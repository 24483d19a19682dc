from __future__ import annotations

import itertools
from datetime import UTC, datetime

from pipeline.state_machines.coverage import CATCHES, CHOOSES, DEFAULT, RETRIES, STOPS, Part, parts, probed, taken

MACHINE = {
    "StartAt": "Ask",
    "States": {
        "Ask": {
            "Type": "Task",
            "Retry": [{"ErrorEquals": ["Busy"], "MaxAttempts": 1}, {"ErrorEquals": ["Odd"], "MaxAttempts": 0}],
            "Catch": [{"ErrorEquals": ["Busy"], "Next": "Which?"}, {"ErrorEquals": ["States.ALL"], "Next": "Which?"}],
            "Next": "Which?",
        },
        "Which?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.a", "IsPresent": True, "Next": "Each"}],
            "Default": "Each",
        },
        "Each": {"Type": "Map", "ItemProcessor": {"StartAt": "In", "States": {"In": {"Type": "Pass", "End": True}}}},
    },
}


def history(*steps):
    """Events of states that follow each other: a name, or a name and the errors of its attempts."""
    number, found = itertools.count(1), []

    def add(kind, **details):
        at = next(number)
        found.append({"id": at, "previousEventId": at - 1, "type": kind, "timestamp": datetime.now(UTC), **details})

    for name, *errors in steps:
        add("TaskStateEntered", stateEnteredEventDetails={"name": name})
        for error in errors:
            add("TaskScheduled")
            add(*(("TaskSucceeded",) if error is None else ("TaskFailed",)), taskFailedEventDetails={"error": error})
        add("TaskStateExited", stateExitedEventDetails={"name": name})
    return found


def test_the_parts_of_a_machine_are_those_that_a_case_can_take():
    assert parts(MACHINE) == [
        Part("Ask"),
        Part("Ask", RETRIES, 0),
        Part("Ask", STOPS, 0),
        Part("Ask", STOPS, 1),
        Part("Ask", CATCHES, 0),
        Part("Ask", CATCHES, 1),
        Part("Which?"),
        Part("Which?", CHOOSES, 0),
        Part("Which?", DEFAULT),
        Part("Each"),
        Part("In"),
    ]


def test_a_retry_that_helps_takes_the_retrier_and_no_catcher():
    assert taken(MACHINE, history(("Ask", "Busy", None))) == {Part("Ask"), Part("Ask", RETRIES, 0)}


def test_a_retrier_gives_up_after_its_attempts():
    expected = {Part("Ask"), Part("Ask", RETRIES, 0), Part("Ask", STOPS, 0)}
    assert taken(MACHINE, history(("Ask", "Busy", "Busy"))) == expected


def test_attempts_are_counted_by_retrier():
    expected = {Part("Ask"), Part("Ask", RETRIES, 0), Part("Ask", STOPS, 1)}
    assert taken(MACHINE, history(("Ask", "Busy", "Odd"))) == expected


def test_an_error_after_which_nothing_was_tried_again_is_no_retry():
    assert taken(MACHINE, history(("Ask", "Busy"))) == {Part("Ask")}


def test_catchers_that_lead_to_one_state_are_told_apart():
    first, second = (catcher["Next"] for catcher in probed(MACHINE)["States"]["Ask"]["Catch"])
    assert taken(MACHINE, history(("Ask", "Other"), (second,))) == {Part("Ask"), Part("Ask", CATCHES, 1)}
    assert taken(MACHINE, history(("Ask", "Other"), (first,))) == {Part("Ask"), Part("Ask", CATCHES, 0)}


def test_the_retriers_of_a_map_are_left_out_for_its_failures_carry_no_name():
    machine = {"States": {"Each": {"Type": "Map", "Retry": [{"ErrorEquals": ["Busy"]}], "Catch": []}}}
    assert parts(machine) == [Part("Each")]


def test_two_ways_out_of_a_choice_to_one_state_are_told_apart():
    states = probed(MACHINE)["States"]
    rule, default = states["Which?"]["Choices"][0]["Next"], states["Which?"]["Default"]
    assert rule != default
    assert states[rule]["Next"] == states[default]["Next"] == "Each"
    assert taken(MACHINE, history(("Which?",), (default,))) == {Part("Which?"), Part("Which?", DEFAULT)}
    assert MACHINE["States"]["Which?"]["Default"] == "Each", "the definition itself stays as it is"


def test_a_part_reads_as_what_it_is():
    assert [str(part) for part in parts(MACHINE)][:5] == [
        "Ask",
        "Ask: retrier 1 retries",
        "Ask: retrier 1 gives up",
        "Ask: retrier 2 gives up",
        "Ask: catcher 1",
    ]
