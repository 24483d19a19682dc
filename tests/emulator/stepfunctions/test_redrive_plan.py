"""Where a redriven execution goes on, in cases that are hard to bring about."""

from __future__ import annotations

import json

from pipeline.emulator.stepfunctions.redrive_plan import Done, Resume, plan

PASS = {"Type": "Pass"}
STATES = {
    "First": {**PASS, "Next": "Choose"},
    "Choose": {"Type": "Choice", "Choices": [], "Default": "Last"},
    "Task": {"Type": "Task", "Resource": "r", "Next": "Last", "Catch": [{"ErrorEquals": ["E"], "Next": "First"}]},
    "Last": {**PASS, "End": True},
}


def history(*events):
    """Each after the one before it."""
    return [{"id": n, "previousEventId": n - 1, **event} for n, event in enumerate(events, 1)]


def entered(name, value):
    details = {"name": name, "input": json.dumps(value)}
    return {"type": "StateEntered", "stateEnteredEventDetails": details}


def exited(name, value, **assigned):
    details = {"name": name, "output": json.dumps(value), "assignedVariables": assigned}
    return {"type": "StateExited", "stateExitedEventDetails": details}


def planned(*events):
    return plan({"StartAt": "First", "States": STATES}, history({"type": "ExecutionStarted"}, *events), {"in": 1})


def test_before_the_first_state_it_begins_at_the_start():
    assert planned({"type": "ExecutionAborted"}) == Resume("First", {"in": 1})


def test_between_two_states_it_enters_the_next_one():
    assert planned(entered("First", 1), exited("First", 2)) == Resume("Choose", 2)


def test_after_a_choice_the_rules_are_evaluated_again():
    found = planned(entered("First", 1), exited("First", 2), entered("Choose", 2), exited("Choose", 2))
    assert (found.state, found.input, found.entered) == ("Choose", 2, [4])


def test_after_a_caught_failure_the_task_runs_again():
    found = planned(entered("Task", 1), {"type": "TaskFailed"}, exited("Task", {"error": 1}))
    assert (found.state, found.input, found.entered) == ("Task", 1, [2])


def test_after_the_last_state_it_is_done():
    assert planned(entered("Last", 1), exited("Last", 2)) == Done(2)


def test_variables_of_an_iteration_are_assigned_again():
    inner = {"StartAt": "A", "States": {"A": {**PASS, "Next": "B"}, "B": {**PASS, "End": True}}}
    states = {"Each": {"Type": "Map", "ItemProcessor": inner, "End": True}}
    events = history(
        {"type": "ExecutionStarted"},
        {**entered("Each", [7, 8]), "type": "MapStateEntered"},
        {"type": "MapStateStarted", "mapStateStartedEventDetails": {"length": 2}},
        {"type": "MapIterationStarted", "mapIterationStartedEventDetails": {"name": "Each", "index": 0}},
        entered("A", 7),
        exited("A", 7, seen="[1]"),
        entered("B", 7),
    )
    found = plan({"StartAt": "Each", "States": states}, events, [7, 8])
    assert (found.state, found.entered, found.started) == ("Each", [2], [3])
    assert found.parts == {0: Resume("B", 7, entered=[7], iteration=[4], variables={"seen": [1]})}


def test_after_a_payload_that_was_too_large_all_iterations_run_again():
    inner = {"StartAt": "A", "States": {"A": {**PASS, "End": True}}}
    states = {"Each": {"Type": "Map", "ItemProcessor": inner, "End": True}}
    failed = {"type": "ExecutionFailed", "executionFailedEventDetails": {"error": "States.DataLimitExceeded"}}
    events = history(
        {"type": "ExecutionStarted"},
        {**entered("Each", [7, 8]), "type": "MapStateEntered"},
        {"type": "MapStateStarted", "mapStateStartedEventDetails": {"length": 2}},
        {"type": "MapIterationStarted", "mapIterationStartedEventDetails": {"name": "Each", "index": 0}},
        entered("A", 7),
        exited("A", 7),
        failed,
    )
    assert plan({"StartAt": "Each", "States": states}, events, [7, 8]) == Resume("Each", [7, 8], entered=[2])
