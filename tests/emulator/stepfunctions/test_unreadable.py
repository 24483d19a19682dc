"""What the interpreter cannot read is told with its place, in words of the language and not of a parser."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.emulator.stepfunctions.machines import message
from tests.emulator.stepfunctions.running_machines import PASS, Machines, task

SEND = task("sqs:sendMessage", {})
RULE = {"Variable": "$.a", "StringEquals": "b", "Next": "B"}
FIELD = "The value of the field '{}' cannot be read at /States/A/{}"


@pytest.fixture(scope="module")
def machines(aws):
    return Machines(aws("stepfunctions"))


def choice(*rules):
    return {"Type": "Choice", "Choices": [*rules]}


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({**SEND, "Parameters": 5}, FIELD.format("Parameters", "Parameters")),
        ({**SEND, "TimeoutSeconds": 1.5}, FIELD.format("TimeoutSeconds", "TimeoutSeconds")),
        ({"Type": "Wait", "Seconds": 5.5, "End": True}, FIELD.format("Seconds", "Seconds")),
        (
            {**SEND, "Retry": [{"ErrorEquals": ["a"]}, {"ErrorEquals": ["b"], "MaxAttempts": "x"}]},
            FIELD.format("MaxAttempts", "Retry[1]/MaxAttempts"),
        ),
        (choice(RULE, {**RULE, "StringEqualz": "b"}), FIELD.format("StringEqualz", "Choices[1]/StringEqualz")),
        (choice(RULE, {"Variable": "$.a", "Next": "B"}), "The rule cannot be read at /States/A/Choices[1]"),
        (choice({"StringEquals": "b", "Next": "B"}), "The rule cannot be read at /States/A/Choices[0]"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(machines, state, told):
    states = {"A": state, **({"B": PASS} if state["Type"] == "Choice" else {})}
    expected = f"Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: {told}'"
    with pytest.raises(ClientError) as refused:
        machines.create(states)
    assert message(refused) == expected


def test_a_state_inside_of_another_is_told_by_its_own_place(machines):
    inner = {"StartAt": "In", "States": {"In": {**PASS, "Parameters": 5}}}
    fine = {"StartAt": "Fine", "States": {"Fine": PASS}}
    map_state = {"Type": "Map", "ItemProcessor": {"StartAt": "P", "States": {"P": PASS}}, "Next": "A"}
    parallel = {"Type": "Parallel", "Branches": [fine, inner], "End": True}
    with pytest.raises(ClientError, match=r"cannot be read at /States/A/Branches\[1\]/States/In/Parameters'$"):
        machines.create({"M": map_state, "A": parallel})


def test_in_jsonata_the_place_is_told_too(machines):
    with pytest.raises(ClientError, match=r"'Seconds' cannot be read at /States/A/Seconds'$"):
        machines.create({"A": {"Type": "Wait", "Seconds": 5.5, "End": True}}, QueryLanguage="JSONata")
