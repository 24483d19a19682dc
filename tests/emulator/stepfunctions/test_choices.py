"""Choices on paths that lead nowhere, moments with offsets, and names of errors that AWS has not."""

from __future__ import annotations

import pytest

from tests.emulator.stepfunctions.running_machines import PASS, Machines

YES, NO = {"Type": "Pass", "Result": "Y", "End": True}, {"Type": "Pass", "Result": "N", "End": True}
MOMENT = "2023-11-13T19:00:00Z"


@pytest.fixture(scope="module")
def machines(aws):
    return Machines(aws("stepfunctions"))


def choose(machines, rule, value):
    choice = {"Type": "Choice", "Choices": [{**rule, "Next": "Y"}], "Default": "N"}
    return machines.run({"C": choice, "Y": YES, "N": NO}, value)


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ({"Variable": "$.foo", "NumericEquals": 1}, "$.foo"),
        ({"Variable": "$.foo.bar", "StringEquals": "a"}, "$.foo.bar"),
        ({"Variable": "$.foo", "IsNull": True}, "$.foo"),
        ({"Variable": "$.there", "NumericEqualsPath": "$.foo"}, "$.foo"),
        ({"Variable": "$.at", "TimestampLessThanPath": "$.foo"}, "$.foo"),
        ({"Not": {"Variable": "$.foo", "BooleanEquals": True}}, "$.foo"),
        ({"Or": [{"Variable": "$.there", "NumericEquals": 2}, {"Variable": "$.foo", "NumericEquals": 1}]}, "$.foo"),
    ],
)
def test_a_comparison_whose_path_leads_nowhere_fails_the_execution(machines, rule, path):
    found = choose(machines, rule, {"there": 1, "at": MOMENT})
    words = f"Invalid path '{path}': The choice state's condition path references an invalid value."
    assert (found["status"], found["error"]) == ("FAILED", "States.Runtime")
    assert found["cause"].endswith(words)


@pytest.mark.parametrize(
    ("rule", "taken"),
    [
        ({"Variable": "$.foo", "IsPresent": False}, '"Y"'),
        ({"And": [{"Variable": "$.foo", "IsPresent": True}, {"Variable": "$.foo", "NumericEquals": 1}]}, '"N"'),
        ({"Or": [{"Variable": "$.there", "NumericEquals": 1}, {"Variable": "$.foo", "NumericEquals": 1}]}, '"Y"'),
        ({"Variable": "$.none", "IsNull": True}, '"Y"'),
    ],
)
def test_a_path_that_is_asked_for_first_may_lead_nowhere(machines, rule, taken):
    assert choose(machines, rule, {"there": 1, "none": None})["output"] == taken


@pytest.mark.parametrize(
    "written", ["2023-11-13T21:00:00+02:00", "2023-11-13T19:00:00.000Z", "2023-11-13T18:30:00-00:30"]
)
def test_moments_are_compared_whatever_their_offset(machines, written):
    for operator in ("TimestampEquals", "TimestampGreaterThanEquals", "TimestampLessThanEquals"):
        assert choose(machines, {"Variable": "$.t", operator: MOMENT}, {"t": written})["output"] == '"Y"'
    assert choose(machines, {"Variable": "$.t", "IsTimestamp": True}, {"t": written})["output"] == '"Y"'
    assert choose(machines, {"Variable": "$.t", "TimestampLessThan": MOMENT}, {"t": written})["output"] == '"N"'
    assert machines.run({"W": {"Type": "Wait", "Timestamp": written, "End": True}})["status"] == "SUCCEEDED"
    waited = machines.run({"W": {"Type": "Wait", "TimestampPath": "$.t", "End": True}}, {"t": written})
    assert waited["status"] == "SUCCEEDED"


@pytest.mark.parametrize("text", ["2023-11-13T21:00:00", "2023-11-13t21:00:00z", "2023-13-13T21:00:00Z", "soon", ""])
def test_what_is_no_moment_is_none_for_a_choice_and_fails_a_wait(machines, text):
    assert choose(machines, {"Variable": "$.t", "IsTimestamp": True}, {"t": text})["output"] == '"N"'
    wait = {"Type": "Wait", "TimestampPath": "$.t", "End": True}
    assert machines.run({"W": wait}, {"t": text})["error"] == "States.Runtime"
    expression = {"Type": "Wait", "QueryLanguage": "JSONata", "Timestamp": "{% $states.input.t %}", "End": True}
    found = machines.run({"W": expression}, {"t": text})
    assert found["error"] == "States.QueryEvaluationError"
    assert "EvaluationFailed" in [event["type"] for event in found["events"]]


@pytest.mark.parametrize("field", ["Catch", "Retry"])
def test_an_error_of_a_name_like_those_of_aws_can_be_named(machines, field):
    branch = {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "States.Met"}}}
    state = {
        "Type": "Parallel",
        "Branches": [branch],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "G"}],
        "End": True,
    }
    rule = {"ErrorEquals": ["States.Met"]}
    state[field] = [{**rule, "Next": "G"}] if field == "Catch" else [{**rule, "MaxAttempts": 1, "IntervalSeconds": 1}]
    found = machines.run({"P": state, "G": PASS})
    assert found["status"] == "SUCCEEDED"
    assert [event["type"] for event in found["events"]].count("ParallelStateStarted") == (1 if field == "Catch" else 2)
