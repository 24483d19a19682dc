"""Definitions are refused for what AWS refuses, in its codes, words and locations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.emulator.stepfunctions.validation import fields as fields
from pipeline.emulator.stepfunctions.validation.diagnostics import diagnose
from tests.conftest import ROOT

END = {"Type": "Pass", "End": True}
SCHEMA = "SCHEMA_VALIDATION_FAILED"
TARGET = "MISSING_TRANSITION_TARGET"


def machine(states, **more):
    return json.dumps({"StartAt": next(iter(states)), "States": states, **more})


def told(definition):
    return [(each.code, each.message, each.location) for each in diagnose(definition)]


@pytest.mark.parametrize("path", sorted((ROOT / "definitions" / "state_machines").glob("*.json")), ids=lambda p: p.name)
def test_nothing_is_wrong_with_ours(path: Path):
    assert told(path.read_text()) == []


@pytest.mark.parametrize(
    ("definition", "code", "words", "location"),
    [
        ("", SCHEMA, "Definition must be a valid JSON object", None),
        ("[]", SCHEMA, "Definition must be a valid JSON object", None),
        ("{}", SCHEMA, "These fields are required: [States, StartAt]", "/"),
        ('{"States": {"A": {"Type": "Succeed"}}}', SCHEMA, "These fields are required: [StartAt]", "/"),
        ('{"StartAt": "A"}', SCHEMA, "These fields are required: [States]", "/"),
        ('{"StartAt": "A", "States": {}}', SCHEMA, "Value cannot be empty", "/States"),
        (machine({"A": END}, Extra=1), SCHEMA, "Field 'Extra' is not supported", "/"),
        (machine({"A": {"End": True}}), SCHEMA, "These fields are required: [Type]", "/States/A"),
        (
            machine({"A": {"Type": "Wrong", "End": True}}),
            SCHEMA,
            "Value should be one of the following: [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map]",
            "/States/A/Type",
        ),
        (
            machine({"A": {"Type": "Pass"}}),
            SCHEMA,
            "This object should have only one of the following fields: [Next, End]",
            "/States/A",
        ),
        (
            machine({"A": {"Type": "Pass", "Next": "A", "End": True}}),
            SCHEMA,
            "There should only be one of the following fields: [Next, End]",
            "/States/A",
        ),
        (machine({"A": {**END, "Resource": "r"}}), SCHEMA, "Field 'Resource' is not supported", "/States/A"),
        (machine({"A": {"Type": "Task", "End": True}}), SCHEMA, "These fields are required: [Resource]", "/States/A"),
        (
            machine({"A": {"Type": "Task", "Resource": "arn:aws:lambda:ACCOUNT:function:f", "End": True}}),
            SCHEMA,
            "Value is not a valid resource ARN",
            "/States/A/Resource",
        ),
        (json.dumps({"StartAt": 1, "States": {"A": END}}), SCHEMA, "Expected value of type String", "/StartAt"),
        (
            machine({"A": {"Type": "Task", "Resource": "lambda", "End": True}}),
            SCHEMA,
            "Value is not a valid resource ARN",
            "/States/A/Resource",
        ),
        (
            machine({"A": {"Type": "Task", "Resource": "arn:a", "End": True, "TimeoutSeconds": 0}}),
            SCHEMA,
            "Minimum value is 1",
            "/States/A/TimeoutSeconds",
        ),
        (
            machine(
                {"A": {"Type": "Task", "Resource": "arn:a", "End": True, "Retry": [{"ErrorEquals": [], "Next": "A"}]}}
            ),
            SCHEMA,
            "Value cannot be empty",
            "/States/A/Retry[0]/ErrorEquals",
        ),
        (
            machine(
                {
                    "A": {
                        "Type": "Task",
                        "Resource": "arn:a",
                        "End": True,
                        "Retry": [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["E"], "BackoffRate": 1}],
                    }
                }
            ),
            SCHEMA,
            "States.ALL must appear alone and at end of list",
            "/States/A/Retry[0]/ErrorEquals",
        ),
        (
            machine(
                {"A": {"Type": "Choice", "Choices": [{"Variable": "$.a", "IsNull": True}], "Default": "B"}, "B": END}
            ),
            SCHEMA,
            "These fields are required: [Next]",
            "/States/A/Choices[0]",
        ),
        (machine({"A": {**END, "Output": 1}}), SCHEMA, None, "/States/A"),
        (
            machine({"A": {**END, "InputPath": "$"}}, QueryLanguage="JSONata"),
            SCHEMA,
            "The QueryLanguage is set to 'JSONata', but field 'InputPath' is only supported for the 'JSONPath' "
            "QueryLanguage",
            "/States/A",
        ),
        (
            machine({"A": {**END, "QueryLanguage": "JSONPath"}}, QueryLanguage="JSONata"),
            SCHEMA,
            "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine",
            "/States/A",
        ),
        (machine({"A": {"Type": "Pass", "Next": "A"}}), "MISSING_END_STATE", "Workflow has no terminal state", None),
        (machine({"A": END, "B": END}), TARGET, 'State "B" is not reachable.', "/States/B"),
        (
            machine(
                {"A": {"Type": "Map", "ItemProcessor": {"StartAt": "B", "States": {"B": END, "C": END}}, "End": True}}
            ),
            TARGET,
            'State "C" is not reachable.',
            "/States/A/ItemProcessor/States/C",
        ),
        (
            machine({"A": {"Type": "Parallel", "Branches": [{"StartAt": "B", "States": {"X": END}}], "End": True}}),
            TARGET,
            "Missing 'Next' target: B",
            "/States/A/Branches[0]/StartAt",
        ),
        (
            machine({"A": {"Type": "Map", "ItemProcessor": {"StartAt": "A", "States": {"A": END}}, "End": True}}),
            "DUPLICATE_STATE_NAME",
            "Duplicate State name: A",
            "/States/A/ItemProcessor/States/A",
        ),
        (machine({"A" * 81: END}), "INVALID_STATE_NAME", None, "/States/" + "A" * 81),
    ],
)
def test_a_fault_is_told_where_it_is(definition, code, words, location):
    found = told(definition)
    assert [(each[0], each[2]) for each in found if each[1] == (words or each[1])][:1] == [(code, location)], found


def test_every_way_to_a_state_that_is_not_there_is_told():
    states = {
        "A": {"Type": "Choice", "Choices": [{"Variable": "$.a", "IsNull": True, "Next": "w"}], "Default": "x"},
        "B": {"Type": "Task", "Resource": "arn:a", "Catch": [{"ErrorEquals": ["E"], "Next": "y"}], "Next": "z"},
    }
    found = [(words, location) for code, words, location in told(machine(states)) if code == TARGET]
    assert found == [
        ("Missing 'Next' target: x", "/States/A/Default"),
        ("Missing 'Next' target: w", "/States/A/Choices[0]/Next"),
        ("Missing 'Next' target: z", "/States/B/Next"),
        ("Missing 'Next' target: y", "/States/B/Catch[0]/Next"),
    ]


def test_text_that_is_no_json_is_told_with_its_place():
    (found,) = diagnose('{"a":\n x}')
    place = '[Source: (String)"{"a":\n x}"; line: 2, column: 3]'
    assert (found.code, found.location) == ("INVALID_JSON_DESCRIPTION", place)
    assert found.message.startswith("Unrecognized token 'x': was expecting (JSON String, ")
    assert found.message.endswith(f"\n at {place}")


def test_a_diagnostic_reads_as_in_the_error_of_a_create():
    (found,) = diagnose("")
    assert str(found) == "SCHEMA_VALIDATION_FAILED: Definition must be a valid JSON object at null"
    (found,) = diagnose("x")
    assert str(found).count("[Source: ") == 1


@pytest.mark.parametrize("kind", sorted(fields.ALLOWED))
@pytest.mark.parametrize("value", [{"Fn::GetAtt": ["f", "Arn"]}, 1, None, ["a"]], ids=repr)
def test_what_is_to_be_text_and_is_not_is_told_with_its_place(kind: str, value: object):
    for name in fields.TEXTS & (fields.ALLOWED[kind] | fields.COMMON):
        found = diagnose(machine({"A": {"Type": kind, name: value}}))
        assert ("Expected value of type String", f"/States/A/{name}") in [
            (each.message, each.location) for each in found
        ]


@pytest.mark.parametrize("kind", sorted(fields.ALLOWED))
@pytest.mark.parametrize("value", [{"a": 1}, 1, None, "{% $x"], ids=repr)
def test_what_is_to_be_a_list_of_objects_and_is_not_is_told_with_its_place(kind: str, value: object):
    for name in fields.LISTS & fields.ALLOWED[kind]:
        for given, wanted in ((value, ("Array", "")), ([value], ("Object", "[0]"))):
            found = diagnose(machine({"A": {"Type": kind, name: given}}))
            told = (f"Expected value of type {wanted[0]}", f"/States/A/{name}{wanted[1]}")
            there = [(each.message, each.location) for each in found]
            assert there.count(told) == (0 if isinstance(value, dict) and wanted[1] else 1)


@pytest.mark.parametrize("value", ["DISTRIBUTED", 1, [], None], ids=repr)
def test_a_processors_configuration_is_an_object(value: object):
    processor = {"ProcessorConfig": value, "StartAt": "P", "States": {"P": END}}
    (found,) = diagnose(machine({"A": {"Type": "Map", "ItemProcessor": processor, "End": True}}))
    assert (found.message, found.location) == (
        "Expected value of type Object",
        "/States/A/ItemProcessor/ProcessorConfig",
    )
