"""Failures of states: their names, what catches them, and the events that tell them."""

from __future__ import annotations

import re

import pytest

from tests.emulator.stepfunctions.running_machines import PASS, Machines, details, task, types

ENTERED = "An error occurred while executing the state 'A' (entered at the event id #2). "
ABSENT_FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:absent"
CATCH_ALL = {"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B"}]}


@pytest.fixture(scope="module")
def machines(aws):
    return Machines(aws("stepfunctions"))


def test_a_task_whose_path_finds_nothing_fails_at_once_and_no_wildcard_catches_it(machines):
    state = task("lambda:invoke", {"FunctionName": "f", "Payload.$": "$.absent"}, **CATCH_ALL)
    found = machines.run({"A": state, "B": PASS})
    assert types(found) == ["ExecutionStarted", "TaskStateEntered", "ExecutionFailed"]
    cause = "The JSONPath '$.absent' specified for the field 'Payload.$' could not be found in the input '{}'"
    assert (found["error"], found["cause"]) == ("States.Runtime", ENTERED + cause)


def test_a_runtime_failure_is_told_once(machines):
    state = task("lambda:invoke", {"FunctionName": "f"}, TimeoutSecondsPath="$.absent")
    assert types(machines.run({"A": state})).count("ExecutionFailed") == 1


def test_a_choice_without_a_match_and_a_default_fails_in_the_words_of_aws(machines):
    choices = [{"Variable": "$.absent", "IsPresent": True, "Next": "B"}]
    found = machines.run({"A": {"Type": "Choice", "Choices": choices}, "B": PASS})
    words = "Failed to transition out of the state. The state does not point to a next state."
    assert (found["error"], found["cause"]) == ("States.Runtime", ENTERED + words)


@pytest.mark.parametrize(
    ("function", "value"),
    [("States.StringToJson($.text)", {"text": "{bad"}), ("States.ArrayGetItem($.list, 7)", {"list": [1]})],
)
def test_an_intrinsic_function_fails_by_its_name_and_is_caught(machines, function, value):
    state = task("lambda:invoke", {"FunctionName": "f", "Payload.$": function})
    state["Catch"] = [{"ErrorEquals": ["States.IntrinsicFailure"], "Next": "B"}]
    caught = machines.output({"A": state, "B": PASS}, value)
    assert caught["Error"] == "States.IntrinsicFailure"
    assert function in caught["Cause"]
    assert machines.run({"A": {**PASS, "Parameters": {"value.$": function}}}, value)["error"] == caught["Error"]


def test_intrinsic_functions_nest(machines):
    nested = (
        "States.Format('{}/{}', States.ArrayGetItem(States.StringSplit($.key, '/'), 0), States.ArrayLength($.rows))"
    )
    assert machines.output({"A": {**PASS, "Parameters": {"v.$": nested}}}, {"key": "a/b", "rows": [1, 2]}) == {
        "v": "a/2"
    }


@pytest.mark.parametrize(
    ("path", "value", "output"),
    [
        ("$.a.b", {"x": 1}, {"x": 1, "a": {"b": "r"}}),
        ("$.list[1]", {"list": [1, 2]}, {"list": [1, "r"]}),
        ("$", {"x": 1}, "r"),
        (None, {"x": 1}, {"x": 1}),
    ],
)
def test_a_result_is_put_where_its_path_says(machines, path, value, output):
    assert machines.output({"A": {**PASS, "Result": "r", "ResultPath": path}}, value) == output


def test_a_result_that_does_not_fit_the_input_fails_by_its_name(machines):
    found = machines.run({"A": {**PASS, "Result": "r", "ResultPath": "$.a.b"}}, {"a": 5})
    assert found["error"] == "States.ResultPathMatchFailure"
    assert found["cause"] == 'Unable to apply ReferencePath $.a.b to input {"a":5}'


def test_a_function_named_by_its_arn_that_is_absent_fails_with_the_services_error(machines):
    found = machines.run({"A": {"Type": "Task", "Resource": ABSENT_FUNCTION, "End": True}})
    assert found["error"] == "Lambda.ResourceNotFoundException"
    assert "(Service: AWSLambda; Status Code: 404; Error Code: ResourceNotFoundException" in found["cause"]
    assert "LambdaFunctionFailed" in types(found)


@pytest.mark.parametrize("error", ["States.TaskFailed", "States.ALL", "States.Timeout"])
def test_a_branch_that_fails_with_a_name_of_awss_fails_the_parallel_state_by_it(machines, error):
    branch = {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": error, "Cause": "c"}}}
    states = {"A": {"Type": "Parallel", "Branches": [branch], **CATCH_ALL, "End": True}, "B": PASS}
    assert machines.output(states) == {"Error": error, "Cause": "c"}
    mapped = {"A": {"Type": "Map", "ItemProcessor": branch, **CATCH_ALL, "End": True}, "B": PASS}
    assert machines.output(mapped, [1]) == {"Error": error, "Cause": "c"}


def test_the_history_opens_with_the_input_as_it_was_given(machines):
    arn = machines.create({"A": PASS})
    execution = machines.client.start_execution(stateMachineArn=arn, input='[1,  {"a": 2}]')["executionArn"]
    found = machines.ended(execution)
    assert details(found, "ExecutionStarted")[0]["input"] == '[1,  {"a": 2}]'
    assert details(found, "PassStateEntered")[0]["input"] == '[1,{"a":2}]'


def test_the_context_tells_times_to_the_millisecond_and_the_redrives(machines):
    context = machines.output({"A": {**PASS, "Parameters": {"context.$": "$$"}}})["context"]
    moment = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
    assert moment.fullmatch(context["Execution"]["StartTime"])
    assert moment.fullmatch(context["State"]["EnteredTime"])
    assert context["Execution"]["RedriveCount"] == 0
