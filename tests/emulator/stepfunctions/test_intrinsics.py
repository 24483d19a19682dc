"""Literals of intrinsic functions: what is written between the quotes is what is meant."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

from pipeline.emulator.moto.patch import install_all
from pipeline.emulator.stepfunctions.interpreter.intrinsics import literal
from tests.emulator.stepfunctions.running_machines import PASS, Machines
from tests.examples import examples


@pytest.fixture(scope="module")
def machines(aws):
    return Machines(aws("stepfunctions"))


def said(machines, function, value=None):
    return machines.output({"A": {**PASS, "Parameters": {"v.$": function}}}, value)["v"]


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (r"States.Format('it\'s {}', $.id)", "it's t1"),
        (r"States.Format('{}\\{}', $.id, $.id)", "t1\\t1"),
        (r"""States.Format('\{"id":"{}"\}', $.id)""", '{"id":"t1"}'),
        (r"States.Format('\{\} {}', $.id)", "{} t1"),
        (r"States.Format('{0} {} {id}', $.id)", "{0} t1 {id}"),
        (r"States.Format('{}', '\{\}')", "{}"),
        (r"States.Format($.template, $.id)", "{0}-t1"),
        (r"States.Format('{} {} {}', 1, true, 1.5)", "1 true 1.5"),
        ("States.Format('\n\nit\\'s {}:\r\n', $.id)", "\n\nit's t1:\r\n"),
    ],
)
def test_format_fills_its_places_and_nothing_else(machines, function, text):
    assert said(machines, function, {"id": "t1", "template": "{0}-{}"}) == text


@pytest.mark.parametrize("function", ["States.Format('{} {}', 'a')", "States.Format('{}', 'a', 'b')"])
def test_a_value_too_few_or_too_many_is_a_failure_of_the_function(machines, function):
    found = machines.run({"A": {**PASS, "Parameters": {"v.$": function}}})
    assert found["error"] == "States.IntrinsicFailure"
    assert function in found["cause"]


@pytest.mark.parametrize(
    "path",
    [
        "$.my-key",
        "$.clé",
        "$.in['my-key']",
        "$.rows[0].my-key",
        "$.a-b[0][0]['my-key']",
        "$.rows[?(@.my-key == 't1')].my-key",
        "$$.Nothing-such",
    ],
)
def test_a_path_means_in_a_call_what_it_means_outside_of_one(machines, path):
    value = {
        "my-key": "t1",
        "my": "no",
        "clé": "t1",
        "cl": "no",
        "in": {"my-key": "t1"},
        "rows": [{"my-key": "t1"}],
        "a-b": [[{"my-key": "t1"}]],
    }
    states = {"A": {**PASS, "Parameters": {"plain.$": path, "call.$": f"States.ArrayGetItem(States.Array({path}), 0)"}}}
    found = machines.run(states, value)
    if path.startswith("$$"):
        assert found["error"] == "States.Runtime"
        return
    output = json.loads(found["output"])
    assert output["plain"] in ("t1", ["t1"])
    assert output["call"] == output["plain"]


@pytest.mark.parametrize(("number", "value"), [("1.5", 1.5), ("-0.25", -0.25), ("1e3", 1000.0), ("7", 7)])
def test_numbers_of_every_kind_are_arguments(machines, number, value):
    assert said(machines, f"States.Array({number})") == [value]


@given(st.text())
def test_a_text_whose_reserved_characters_are_escaped_is_read_as_itself(text):
    written = "".join(f"\\{each}" if each in "'{}\\" else each for each in text)
    assert (literal(written), literal(written).pieces) == (text, (text,))


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
@example("a/b")
@example('say "no" to \\N{BULLET}')
@example("\U0001f600")
@settings(max_examples=examples(50))
def test_texts_of_a_definition_are_read_as_json_whatever_their_escapes(text):
    install_all()
    state = {"Type": "Pass", "Parameters": {f"x{text}": text}, "ResultPath": "$.r", "End": True}
    for written in (json.dumps(state), json.dumps(state, ensure_ascii=False).replace("/", "\\/")):
        program, _ = AmazonStateLanguageParser.parse(f'{{"StartAt": "A", "States": {{"A": {written}}}}}')
        [binding] = program.states.states["A"].parameters.template_eval_component.payload_bindings
        assert (binding.field, binding.payload_value.val) == (f"x{text}", text)
