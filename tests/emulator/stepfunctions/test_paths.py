"""Paths find what they find on AWS, and strings of a definition keep their escapes."""

from __future__ import annotations

import pytest

from pipeline.emulator.stepfunctions.interpreter.paths import extract_json
from tests.emulator.stepfunctions.running_machines import PASS, Machines

DATA = {"a": {"b": [1, {"k": "deep", "x y": 2}], "c-d": 3}, "rows": [{"n": 1}, {"n": 2}], "none": []}


@pytest.fixture(scope="module")
def machines(aws):
    return Machines(aws("stepfunctions"))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$", DATA),
        ("$.a.b[0]", 1),
        ("$.a.b[1].k", "deep"),
        ("$['a']['b'][-1]['x y']", 2),
        ("$.a.c-d", 3),
        ("$.a.b.[1].k", "deep"),
        ("$.rows.[0].['n']", 1),
        ("$.rows[*].n", [1, 2]),
        ("$.rows[0:1]", [{"n": 1}]),
        ("$.rows[?(@.n==2)].n", [2]),
        ("$.rows[?(@.n==9)]", []),
        ("$..n", [1, 2]),
        ("$.none[*].n", []),
    ],
)
def test_a_path_to_one_value_gives_it_and_any_other_a_list(path, value):
    assert extract_json(path, DATA) == value


@pytest.mark.parametrize("path", ["$.absent", "$.none[0]", "$.a.b.k", "$.a[0]", "$.rows[0].n.more"])
def test_a_path_to_one_value_that_is_not_there_fails_the_state(machines, path):
    found = machines.run({"A": {**PASS, "Parameters": {"value.$": path}}}, DATA)
    assert found["error"] == "States.Runtime"
    assert f"The JSONPath '{path}' specified for the field 'value.$' could not be found in the input" in found["cause"]


def test_escapes_in_a_definition_are_resolved(machines):
    literal = 'say "hi"\n\\o/'
    states = {"A": {"Type": "Pass", "Assign": {"v": literal}, "Next": "B"}, "B": {**PASS, "Parameters": {"v.$": "$v"}}}
    assert machines.output(states) == {"v": literal}
