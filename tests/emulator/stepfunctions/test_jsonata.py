"""State machines in JSONata, and variables in both languages."""

from __future__ import annotations

import pytest

from pipeline.emulator.stepfunctions.interpreter.jsonata import QueryFailed, evaluate
from tests.emulator.stepfunctions.running_machines import PASS, Machines, details, types

JSONATA = {"QueryLanguage": "JSONata"}
ENTERED = "An error occurred while executing the state 'A' (entered at the event id #2). "


@pytest.fixture(scope="module")
def machines(aws):
    return Machines(aws("stepfunctions"))


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$partition([1..5], 2)", [[1, 2], [3, 4], [5]]),
        ("$range(0, 10, 5)", [0, 5, 10]),
        ("$range(3, 1, -1)", [3, 2, 1]),
        ("$range(1, 1, 1)", 1),
        ("$hash('a', 'SHA-256')", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
        ("$random(7) = $random(7)", True),
        ("$match($uuid(), /^[0-9a-f-]{36}$/).match != ''", True),
        ("$parse('{\"a\": [null, 1]}').a[1]", 1),
        ("{'kept': $states.input.none, 'dropped': $states.input.absent}", {"kept": None}),
        ("$states.input.none", None),
        ("$text & '!'", 'a "quoted" $text!'),
    ],
)
def test_an_expression_gives_the_value_that_aws_documents(expression, value):
    assert evaluate(expression, {"states": {"input": {"none": None}}, "text": 'a "quoted" $text'}) == value


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("$states.input.absent", "returned nothing (undefined)."),
        ("$range(1, 5, -1)", "returned nothing (undefined)."),
        ("$hash('a')", "returned nothing (undefined)."),
        ("$hash('a', 'CRC')", 'T0410: Argument 2 of function "hash" does not match function signature'),
        ("$lowercase(1)", 'T0410: Argument 1 of function "lowercase" does not match function signature'),
        ("'a' + 1", 'T2001: The left side of the "+" operator must evaluate to a number'),
        ("$number('a')", 'D3030: Unable to cast value to a number: "a"'),
        ("$eval('1')", "T1006: Attempted to invoke a non-function"),
        ("function($x) {$x}", "returned an unsupported result type."),
    ],
)
def test_an_expression_that_fails_says_what_aws_says(expression, words):
    with pytest.raises(QueryFailed) as failed:
        evaluate(expression, {"states": {"input": {}}})
    assert str(failed.value).endswith(words)


def test_a_machine_in_jsonata_chooses_assigns_and_answers(machines):
    states = {
        "A": {
            "Type": "Pass",
            "Output": {"sum": "{% $states.input.x + 1 %}", "state": "{% $states.context.State.Name %}"},
            "Assign": {"x": "{% $states.input.x %}", "text": 'a "quote"'},
            "Next": "B",
        },
        "B": {
            "Type": "Choice",
            "Choices": [
                {"Condition": "{% $x > 5 %}", "Next": "Never"},
                {"Condition": "{% $states.input.sum = 3 %}", "Assign": {"y": "{% $x * 10 %}"}, "Next": "C"},
            ],
        },
        "C": {"Type": "Succeed", "Output": "{% {'y': $y, 'text': $text, 'was': $states.input} %}"},
        "Never": {"Type": "Fail"},
    }
    found = machines.run(states, {"x": 2}, **JSONATA)
    assert found["output"] == '{"y":20,"text":"a \\"quote\\"","was":{"sum":3,"state":"A"}}'
    assert details(found, "PassStateExited")[0]["assignedVariables"] == {"x": "2", "text": '"a \\"quote\\""'}
    assert details(found, "ChoiceStateExited")[0]["assignedVariables"] == {"y": "20"}


def test_a_map_takes_items_and_context_in_jsonata(machines):
    states = {
        "A": {
            "Type": "Map",
            "Items": "{% $states.input.items %}",
            "ItemSelector": {"n": "{% $states.context.Map.Item.Index %}", "v": "{% $states.context.Map.Item.Value %}"},
            "ItemProcessor": {
                "StartAt": "P",
                "States": {
                    "P": {"Type": "Pass", "Output": "{% $states.input.v * 10 + $states.input.n %}", "End": True}
                },
            },
            "Output": {"sum": "{% $sum($states.result) %}", "first": "{% $states.result[0] %}"},
            "End": True,
        }
    }
    assert machines.output(states, {"items": [1, 2]}, **JSONATA) == {"sum": 31, "first": 10}


def test_one_state_may_have_a_language_of_its_own(machines):
    states = {
        "A": {**JSONATA, "Type": "Pass", "Output": "{% {'n': $count($states.input.items)} %}", "Next": "B"},
        "B": {"Type": "Pass", "Parameters": {"count.$": "$.n"}, "End": True},
    }
    assert machines.output(states, {"items": [1, 2, 3]}) == {"count": 3}


def test_a_failed_query_names_its_field_and_the_state(machines):
    found = machines.run({"A": {"Type": "Pass", "Output": {"a": [1, "{% $states.input.b %}"]}, "End": True}}, **JSONATA)
    cause = ENTERED + (
        "The JSONata expression '$states.input.b' specified for the field 'Output/a[1]' returned nothing (undefined)."
    )
    error = "States.QueryEvaluationError"
    assert (found["status"], found["error"], found["cause"]) == ("FAILED", error, cause)
    assert types(found) == ["ExecutionStarted", "PassStateEntered", "EvaluationFailed", "ExecutionFailed"]
    told = {"error": error, "cause": cause, "location": "Output/a[1]", "state": "A"}
    assert details(found, "EvaluationFailed") == [told]


def test_a_condition_that_is_no_boolean_fails_with_its_type(machines):
    states = {"A": {"Type": "Choice", "Choices": [{"Condition": "{% 'x' %}", "Next": "B"}]}, "B": PASS}
    found = machines.run(states, **JSONATA)
    assert found["cause"] == ENTERED + (
        "The JSONata expression ''x'' specified for the field 'Choices[0]/Condition' returned an unexpected result "
        "type. Expected 'boolean', but was 'string' for value: \"x\""
    )


@pytest.mark.parametrize(
    ("fields", "location"),
    [
        ({"Arguments": {"QueueUrl": "{% $states.input.absent %}"}}, "Arguments/QueueUrl"),
        ({"Arguments": {"QueueUrl": "@", "MessageBody": "b"}, "Output": "{% $states.result.absent %}"}, "Output"),
    ],
)
def test_a_failed_query_of_a_task_is_told_once_and_caught(aws, machines, fields, location):
    url = aws("sqs").create_queue(QueueName="queried")["QueueUrl"]
    fields["Arguments"] = {key: url if value == "@" else value for key, value in fields["Arguments"].items()}
    catch = {
        "ErrorEquals": ["States.QueryEvaluationError"],
        "Assign": {"cause": "{% $states.errorOutput.Cause %}"},
        "Output": "{% $states.errorOutput.Error %}",
        "Next": "B",
    }
    resource = "arn:aws:states:::sqs:sendMessage"
    states = {
        "A": {"Type": "Task", "Resource": resource, **fields, "Catch": [catch], "End": True},
        "B": {"Type": "Fail", "Error": "{% $states.input %}", "Cause": "{% $cause %}"},
    }
    found = machines.run(states, **JSONATA)
    assert (found["status"], found["error"]) == ("FAILED", "States.QueryEvaluationError")
    assert f"specified for the field '{location}' returned nothing" in found["cause"]
    assert found["cause"].count("An error occurred while executing the state") == 1
    assert [event["location"] for event in details(found, "EvaluationFailed")] == [location]


def test_variables_are_read_by_jsonpath_choices_and_intrinsics(machines):
    states = {
        "A": {"Type": "Pass", "Assign": {"v.$": "$.x", "o": {"list": [1, {"k": "deep"}]}}, "Next": "B"},
        "B": {
            "Type": "Pass",
            "Parameters": {"v.$": "$v", "k.$": "$o.list[1].k", "f.$": "States.Format('{}-{}', $v, $o.list[0])"},
            "Next": "C",
        },
        "C": {"Type": "Choice", "Choices": [{"Variable": "$v", "StringEquals": "s", "Next": "D"}], "Default": "E"},
        "D": PASS,
        "E": {"Type": "Fail"},
    }
    assert machines.output(states, {"x": "s"}) == {"v": "s", "k": "deep", "f": "s-1"}


def test_the_query_that_fails_in_a_branch_fails_the_parallel_state_by_its_name(machines):
    branch = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Output": "{% $states.input.absent %}", "End": True}}}
    catch = [{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "C"}]
    states = {"P": {"Type": "Parallel", "Branches": [branch], "Catch": catch, "End": True}, "C": PASS}
    assert machines.output(states, **JSONATA)["Error"] == "States.QueryEvaluationError"


def test_an_output_does_not_see_what_its_own_state_assigns(machines):
    states = {
        "A": {"Type": "Pass", "Assign": {"x": 1}, "Next": "B"},
        "B": {"Type": "Pass", "Assign": {"x": "{% $x + 1 %}"}, "Output": {"seen": "{% $x %}"}, "Next": "C"},
        "C": {**PASS, "Output": "{% [$states.input.seen, $x] %}"},
    }
    assert machines.output(states, **JSONATA) == [1, 2]


@pytest.mark.parametrize(("value", "by"), [(1, "rule"), (2, "default")])
def test_a_rule_that_leads_to_the_default_assigns_its_own(machines, value, by):
    rule = {"Condition": "{% $states.input = 1 %}", "Assign": {"by": "rule"}, "Next": "B"}
    choice = {"Type": "Choice", "Choices": [rule], "Assign": {"by": "default"}, "Default": "B"}
    states = {"A": choice, "B": {**PASS, "Output": "{% $by %}"}}
    assert machines.output(states, value, **JSONATA) == by
