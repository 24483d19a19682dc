"""Whatever can be parsed in a definition is parsed when the machine is made, and told with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.emulator.moto.patch import install_all
from pipeline.emulator.stepfunctions.definitions import diagnostics
from pipeline.emulator.stepfunctions.interpreter.paths import is_path, is_readable
from pipeline.emulator.stepfunctions.validation import fields as fields
from pipeline.emulator.stepfunctions.validation.diagnostics import NOT_EMBEDDED, diagnose
from pipeline.emulator.stepfunctions.validation.unparsable import unparsable
from tests.emulator.stepfunctions.definition_fields import (
    ARITIES,
    BROKEN_CALLS,
    BROKEN_EXPRESSIONS,
    BROKEN_PATHS,
    CALL,
    DISTRIBUTED,
    EXPRESSIONS,
    GOOD_CALLS,
    GOOD_PATHS,
    MAP,
    NO_PATH,
    NO_PATHS,
    NO_REFERENCE,
    NOT_BEGUN,
    PATHS,
    TEMPLATES,
)
from tests.emulator.stepfunctions.machines import message
from tests.emulator.stepfunctions.running_machines import PASS, Machines
from tests.examples import examples


@pytest.fixture(scope="module", autouse=True)
def _mended():
    install_all()


def put(template: Any, value: Any) -> Any:
    """A copy with `value` in the place of `...`."""
    if template is ...:
        return value
    if isinstance(template, dict):
        return {name: put(inner, value) for name, inner in template.items()}
    return [put(inner, value) for inner in template] if isinstance(template, list) else template


def definition(state: Any, value: Any = None, **top: Any) -> str:
    made = put(state, value)
    needs_another = made["Type"] == "Choice" or "Catch" in made
    return json.dumps({**top, "StartAt": "A", "States": {"A": made, **({"B": PASS} if needs_another else {})}})


def told(state: Any, value: Any = None, **top: Any) -> list[str]:
    """What is wrong with the values of a machine; the interpreter, which is slow, is not asked whether it reads it."""
    text = definition(state, value, **top)
    assert diagnose(text) == []
    found = unparsable(json.loads(text))
    return [f"{each.code}: {each.message} at {each.location}" for each in found if each.code != NOT_EMBEDDED]


def is_taken(state: Any, value: Any = None, **top: Any) -> bool:
    """Whether a machine can be made, and read by the interpreter."""
    return all(each.code == NOT_EMBEDDED for each in diagnostics(definition(state, value, **top)))


def schema(words: str, place: str) -> list[str]:
    return [f"SCHEMA_VALIDATION_FAILED: {words} at /States/A/{place}"]


def test_the_tables_have_every_field():
    assert {place.split("/")[-1] for _, place in PATHS} == fields.PATHS | fields.PATHS_OR_CALLS
    assert {place.split("/")[-1] for _, place in TEMPLATES} == fields.TEMPLATES
    names = {part.split("[")[0] for _, place in EXPRESSIONS for part in place.split("/")}
    assert names >= fields.EXPRESSIONS


@pytest.mark.parametrize(("state", "place"), PATHS, ids=[place for _, place in PATHS])
def test_a_path_is_parsed(state, place):
    name = place.split("/")[-1]
    words = CALL.format(name) if name in fields.PATHS_OR_CALLS else NO_PATH
    for broken in [*BROKEN_PATHS, *NO_PATHS]:
        assert told(state, broken) == schema(words, place), broken
    for value in (1, True, [], {}):
        assert told(state, value) == schema("Expected value of type String", place)
    good = ["$", "$.a", "$['a b'][0]"] if name == "ResultPath" else GOOD_PATHS
    assert [told(state, path) for path in good] == [[] for _ in good]
    assert is_taken(state, "$.a[0]")
    assert is_taken(state, None) == (name in fields.MAY_BE_NULL)


@pytest.mark.parametrize("path", ["$..a", "$.a[*]", "$.a[?(@.b)]", "$$", "$$.Execution", "$known", "$known.a"])
@pytest.mark.parametrize(("state", "place"), [each for each in PATHS if each[1].endswith("ResultPath")])
def test_a_result_goes_to_one_place_of_the_input(state, place, path):
    assert told(state, path) == schema(NO_REFERENCE, place)


@pytest.mark.parametrize(("state", "place"), TEMPLATES, ids=[place for _, place in TEMPLATES])
def test_what_a_template_takes_by_a_path_or_call_is_parsed(state, place):
    inner = "RoleArn.$" if place == "Credentials" else "x.$"
    for broken in [*BROKEN_PATHS, *NO_PATHS, *BROKEN_CALLS, 5, None, {}, []]:
        assert told(state, {inner: broken}) == schema(CALL.format(inner), place), broken
        if place != "Credentials":
            assert told(state, {"y": [1, {inner: broken}]}) == schema(CALL.format(inner), place), broken
    values = ["$.a", "States.Format('{}', $.a)", "$known.x"]
    assert [told(state, {inner: value}) for value in values] == [[] for _ in values]
    assert is_taken(state, {inner: values[1]})


@pytest.mark.parametrize("value", [*GOOD_PATHS, *GOOD_CALLS])
def test_good_paths_and_calls_are_taken(value):
    assert is_taken({**PASS, "Parameters": {"x.$": value, "plain": "$.a[", "text": "States.Foo("}})


@pytest.mark.parametrize("name", ["ErrorPath", "CausePath"])
def test_what_fails_an_execution_may_be_a_call_that_gives_a_text(name):
    state = {"Type": "Fail", name: ...}
    assert is_taken(state, "States.Format('{}', $.a-b)")
    for call in ["States.UUID()", "States.Hash($.a, 'MD5')", "States.JsonToString($.a)", "States.ArrayGetItem($.a, 0)"]:
        assert told(state, call) == []
    for call in [*BROKEN_CALLS, "States.Array($.a)", "States.MathAdd(1, 2)", "States.StringToJson($.a)"]:
        assert told(state, call) == schema(CALL.format(name), name), call


@pytest.mark.parametrize("function", sorted(ARITIES))
def test_a_function_takes_as_many_arguments_as_it_has(function):
    for count in range(5):
        call = f"States.{function}({', '.join(['$.a'] * count)})"
        expected = [] if count in ARITIES[function] else schema(CALL.format("x.$"), "Parameters")
        assert told({**PASS, "Parameters": {"x.$": call}}) == expected, call


def rule(**fields_of_it: Any) -> dict[str, Any]:
    return {"Type": "Choice", "Choices": [{"Next": "B", "Variable": "$.a", **fields_of_it}]}


@pytest.mark.parametrize("operator", sorted(fields.COMPARISONS))
def test_a_comparison_takes_values_of_its_own_type(operator):
    good = {"String": "x", "Numeric": 1.5, "Boolean": True, "Timestamp": "2026-01-01T00:00:00Z"}
    kind = fields.COMPARISONS[operator]
    expected = {"Numeric": "Number", "Timestamp": "String"}.get(kind, kind)
    wrong = ["x", 1.5, True, None, [], {}, "{% 1 %}"]
    for value in wrong:
        if kind in ("String", "Timestamp") and isinstance(value, str):
            continue
        if type(value) is not type(good[kind]):
            assert told(rule(**{operator: value})) == schema(
                f"Expected value of type {expected}", f"Choices[0]/{operator}"
            )
    assert is_taken(rule(**{operator: good[kind]}))
    if kind == "Timestamp":
        words = "String does not match RFC3339 timestamp"
        assert told(rule(**{operator: "2026-01-01"})) == schema(words, f"Choices[0]/{operator}")


@pytest.mark.parametrize("operator", sorted(fields.COMPARED_PATHS))
def test_what_is_compared_is_a_path(operator):
    def compared(value: Any) -> dict[str, Any]:
        return rule(**({"IsNull": True, "Variable": value} if operator == "Variable" else {operator: value}))

    at = f"Choices[0]/{operator}"
    assert [told(compared(path)) for path in BROKEN_PATHS] == [schema(NO_REFERENCE, at) for _ in BROKEN_PATHS]
    for path in [*NO_PATHS, "States.ArrayLength($.a)"]:
        assert told(compared(path)) == schema(NOT_BEGUN, at)
    for value in (1, None, True, [], {}):
        assert told(compared(value)) == schema("Expected value of type String", at)
    assert [told(compared(path)) for path in GOOD_PATHS] == [[] for _ in GOOD_PATHS]
    assert is_taken(compared("$known.a[0]"))


@pytest.mark.parametrize("combined", ["And[1]", "Or[1]", "Not", "Not/And[1]"])
def test_a_combined_comparison_is_told_by_its_place(combined):
    good = {"Variable": "$.a", "IsNull": True}
    made: Any = {"Variable": "abc", "NumericEquals": "1"}
    for part in reversed(combined.split("/")):
        made = {"Not": made} if part == "Not" else {part[:-3]: [good, made]}
    state = {"Type": "Choice", "Choices": [{**made, "Next": "B"}]}
    assert told(state) == [
        *schema(NOT_BEGUN, f"Choices[0]/{combined}/Variable"),
        *schema("Expected value of type Number", f"Choices[0]/{combined}/NumericEquals"),
    ]


@pytest.mark.parametrize(("state", "place"), EXPRESSIONS, ids=[place for _, place in EXPRESSIONS])
def test_an_expression_is_parsed(state, place):
    for broken, words in BROKEN_EXPRESSIONS:
        if place == "Timestamp" and not (broken.startswith("{%") and broken.endswith("%}")):
            continue
        found = told(state, broken, QueryLanguage="JSONata")
        assert found == [f"INVALID_JSONATA_EXPRESSION: {words} at /States/A/{place}"], broken
    assert is_taken(state, "{% $states.input.a[b > 3] %}", QueryLanguage="JSONata")


def test_what_is_no_expression_is_text():
    states = {"A": {"Type": "Pass", "Comment": "{% ( %}", "Next": "{% ( %}"}, "{% ( %}": PASS}
    machine = {"QueryLanguage": "JSONata", "StartAt": "A", "States": states}
    assert diagnostics(json.dumps(machine)) == []


def test_in_jsonpath_an_expression_is_text():
    assert told({**PASS, "Parameters": {"x": "{% ( %}"}}) == []


@pytest.mark.parametrize("language", ["JSONPath", "JSONata"])
@pytest.mark.parametrize("value", ["5", True, None, [], {}], ids=repr)
def test_what_is_counted_is_a_number(language, value):
    for state, place in EXPRESSIONS:
        if place.split("/")[-1] in fields.INTEGERS and (language == "JSONata" or "Arguments" not in state):
            found = told(state, value, QueryLanguage=language)
            assert found == schema("Expected value of type Integer", place)


def test_the_time_of_a_machine_is_a_number():
    assert told(PASS, TimeoutSeconds="5") == [
        "SCHEMA_VALIDATION_FAILED: Expected value of type Integer at /TimeoutSeconds"
    ]


def test_states_inside_of_others_are_told_by_their_own_place():
    inner = {"StartAt": "I", "States": {"I": {**PASS, "InputPath": "$.a["}}}
    parallel = {"Type": "Parallel", "Branches": [{"StartAt": "P", "States": {"P": PASS}}, inner], "End": True}
    assert told(parallel) == schema(NO_PATH, "Branches[1]/States/I/InputPath")
    for state in (MAP, DISTRIBUTED):
        processor = {**state["ItemProcessor"], **inner}
        assert told({**state, "ItemProcessor": processor}) == schema(NO_PATH, "ItemProcessor/States/I/InputPath")


def test_a_state_in_jsonata_among_others_is_parsed_as_such():
    state = {**PASS, "QueryLanguage": "JSONata", "Output": {"x.$": "abc", "y": "{% ( %}"}}
    assert [each.split(":")[0] for each in told(state)] == ["INVALID_JSONATA_EXPRESSION"]


@pytest.mark.parametrize("path", ["$.a.length()", "$.a[?(@.b in ['x'])]", "$.a[?(@.b =~ /x/)].c"])
def test_a_path_that_aws_reads_and_we_do_not_is_refused_by_name(path):
    (found,) = diagnostics(definition({**PASS, "Parameters": {"x.$": path}}))
    assert (found.code, found.location) == (NOT_EMBEDDED, "/States/A/Parameters")
    assert found.message == f"The embedded AWS does not read the path '{path}' (state 'A')"


@settings(max_examples=examples(200))
@given(st.text("$.ab0[]()?@'\"*:,-= \\~&|!", max_size=12))
def test_any_text_is_judged_as_a_path(text):
    if is_path(f"${text}"):
        is_readable(f"${text}")


def test_create_and_update_refuse_and_change_nothing(aws):
    client = aws("stepfunctions")
    machines = Machines(client)
    before = {machine["stateMachineArn"] for machine in client.list_state_machines()["stateMachines"]}
    broken = {**PASS, "Parameters": {"x.$": "abc"}}
    expected = f"Invalid State Machine Definition: '{schema(CALL.format('x.$'), 'Parameters')[0]}'"
    with pytest.raises(client.exceptions.InvalidDefinition) as refused:
        machines.create({"A": broken})
    assert message(refused) == expected
    assert {machine["stateMachineArn"] for machine in client.list_state_machines()["stateMachines"]} == before
    arn = machines.create({"A": PASS})
    with pytest.raises(client.exceptions.InvalidDefinition) as refused:
        client.update_state_machine(stateMachineArn=arn, definition=definition(broken))
    assert message(refused) == expected
    assert json.loads(client.describe_state_machine(stateMachineArn=arn)["definition"])["States"] == {"A": PASS}
