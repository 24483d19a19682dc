"""Names that a variable cannot have, and expressions about an input that JSONata in a state machine does not have."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.emulator.moto.patch import install_all
from pipeline.emulator.stepfunctions.definitions import diagnostics
from tests.emulator.stepfunctions.machines import message
from tests.emulator.stepfunctions.running_machines import PASS, Machines

JSONATA = {"QueryLanguage": "JSONata"}


@pytest.fixture(scope="module", autouse=True)
def _mended():
    install_all()


def told(state: dict[str, Any], **top: Any) -> list[str]:
    definition = json.dumps({**top, "StartAt": "A", "States": {"A": state, "B": {"Type": "Pass", "End": True}}})
    return [str(each) for each in diagnostics(definition)]


def assigning(names: dict[str, Any]) -> dict[str, Any]:
    return {"Type": "Pass", "Assign": names, "Next": "B"}


GOOD_NAMES = ["x", "snake_case", "_led", "Größe", "名前", "state", "States", "x" * 80]
BAD_NAMES = {
    "states": "Variable name 'states' is reserved",
    "x" * 81: f"Variable name '{'x' * 81}' is longer than 80 characters",
    "": "Variable name '' is not a Unicode identifier",
    "1st": "Variable name '1st' is not a Unicode identifier",
    "x.y": "Variable name 'x.y' is not a Unicode identifier",
    "x[2]": "Variable name 'x[2]' is not a Unicode identifier",
    "a-b": "Variable name 'a-b' is not a Unicode identifier",
    "$x": "Variable name '$x' is not a Unicode identifier",
}


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_an_identifier_of_80_characters_is_a_variable(name: str) -> None:
    assert told(assigning({name: 1})) == []
    assert told(assigning({f"{name}.$": "$"})) == []
    assert told(assigning({name: "{% 1 %}"}), **JSONATA) == []


@pytest.mark.parametrize("name", BAD_NAMES)
def test_another_name_is_refused_wherever_it_is_assigned(name: str) -> None:
    wanted = f"SCHEMA_VALIDATION_FAILED: {BAD_NAMES[name]} at"
    assert told(assigning({name: 1})) == [f"{wanted} /States/A/Assign/{name}"]
    assert told(assigning({f"{name}.$": "$"})) == [f"{wanted} /States/A/Assign/{name}.$"]
    assert told(assigning({"x": {name: 1}})) == []
    assert told(assigning({name: 1}), **JSONATA) == [f"{wanted} /States/A/Assign/{name}"]
    rule = {"Variable": "$.x", "IsPresent": True, "Assign": {name: 1}, "Next": "B"}
    assert told({"Type": "Choice", "Choices": [rule]}) == [f"{wanted} /States/A/Choices[0]/Assign/{name}"]
    catcher = {"ErrorEquals": ["States.ALL"], "Assign": {name: 1}, "Next": "B"}
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Next": "B", "Catch": [catcher]}
    assert told({**task, "Parameters": {"FunctionName": "f"}}) == [f"{wanted} /States/A/Catch[0]/Assign/{name}"]


GOOD_EXPRESSIONS = [
    "$states.input.name",
    "$states.input.items[price > 100].name",
    "$states.input.items[$.price > 10]",
    "$states.input.users.(first & ' ' & last)",
    "$states.input.items^(>price)",
    "$states.input.items{name: price}",
    "$states.input.(a & $$.b)",
    "($x := $states.input; $x.y)",
    "$map($states.input.items, function($each) { $each.name })",
    "$states.input ~> |items|{'seen': true}|",
    "[1, 2].($ * 2)",
    "{'name': 'value'}",
    "'name' & \"$\"",
    "$merge([$states.input, {'at': $now()}])",
    "$states.input.`odd name`",
]
BAD_EXPRESSIONS = {
    "name": "name",
    "`odd name`": "odd name",
    "name.first": "name",
    "names[0]": "names",
    "$uppercase(name)": "name",
    "$x ? 'yes' : name": "name",
    "name = 'x' ? 1 : 2": "name",
    "'a' & name": "name",
    "-name": "name",
    "[1, name]": "name",
    "{'key': name}": "name",
    "{name: 1}": "name",
    "($x := name; $x)": "name",
    "name ~> $sum": "name",
    "$y ~> $append(name)": "name",
    "$append(?, name)": "name",
    "[1 .. name]": "name",
    "name^(x)": "name",
    "name{x: y}": "name",
    "name.(other)": "name",
    "$": "$",
    "$.name": "$",
    "$$": "$$",
    "$$.name": "$$",
    "$count($$)": "$$",
    "$[0]": "$",
}


@pytest.mark.parametrize("expression", GOOD_EXPRESSIONS)
def test_names_inside_of_what_an_expression_has_found_are_good(expression: str) -> None:
    assert told({"Type": "Pass", "Output": {"x": [f"{{% {expression} %}}"]}, "Next": "B"}, **JSONATA) == []


@pytest.mark.parametrize("expression", BAD_EXPRESSIONS)
def test_an_expression_about_no_input_is_refused(expression: str) -> None:
    of = BAD_EXPRESSIONS[expression]
    words = f"'{of}' refers to no input: begin with $states.input or a variable"
    wanted = f"SCHEMA_VALIDATION_FAILED: {words} at /States/A/Output/x[0]"
    state = {"Type": "Pass", "Output": {"x": [f"{{% {expression} %}}"]}, "Next": "B"}
    assert told(state, **JSONATA) == [wanted]
    assert told({**state, **JSONATA}) == [wanted]


def test_a_choice_and_an_assignment_are_read_too() -> None:
    rule = {"Condition": "{% amount > 3 %}", "Next": "B"}
    found = told({"Type": "Choice", "Choices": [rule], "Assign": {"x": "{% $$ %}"}}, **JSONATA)
    places = sorted(each.rpartition(" at ")[2] for each in found)
    assert places == ["/States/A/Assign/x", "/States/A/Choices[0]/Condition"]


def test_deep_expressions_end_in_an_answer() -> None:
    deep = "(" * 50 + "name" + ")" * 50
    assert len(told({"Type": "Pass", "Output": f"{{% {deep} %}}", "Next": "B"}, **JSONATA)) == 1
    assert told({"Type": "Pass", "Output": "{% " + "$x & " * 300 + "'' %}", "Next": "B"}, **JSONATA) == []


@pytest.mark.parametrize("wrong", [{"Assign": {"states": 1}}, {"Output": "{% $$.x %}"}, {"Output": "{% name %}"}])
def test_such_a_machine_is_not_made(aws, wrong: dict[str, Any]) -> None:
    client = aws("stepfunctions")
    with pytest.raises(client.exceptions.InvalidDefinition) as refused:
        Machines(client).create({"A": {**PASS, **wrong}}, **JSONATA)
    assert message(refused).startswith("Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: ")
