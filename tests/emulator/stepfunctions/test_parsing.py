"""Parsing a definition leaves nothing behind in the process, whatever becomes of it."""

from __future__ import annotations

import copy
import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.emulator.moto.patch import install_all
from pipeline.emulator.stepfunctions.definitions import diagnostics
from pipeline.emulator.stepfunctions.validation.diagnostics import diagnose
from tests.examples import examples

ROOT = Path(__file__).resolve().parents[3]
numbers = itertools.count()

ECHO = {"Type": "Pass", "Parameters": {"a.$": "States.Format('{}', $.b)"}, "End": True}
CALL = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke",
    "Arguments": {"FunctionName": "f", "Payload": "{% $states.input.x %}"},
    "Retry": [{"ErrorEquals": ["States.ALL"]}],
    "Output": "{% 1 + 1 %}",
    "End": True,
}
EACH = {"Type": "Map", "Items": "{% [1, 2] %}", "ItemProcessor": {"StartAt": "C", "States": {"C": CALL}}, "End": True}
ONE = {"StartAt": "P", "States": {"P": ECHO}}
ODD = [
    None,
    1,
    True,
    "",
    "{% $x",
    "{% 1 %}",
    "{% ( %}",
    "$.a",
    "$.a[",
    "States.Format('a",
    "JSONata",
    [],
    {},
    ECHO,
    CALL,
]
GOOD: list[dict[str, Any]] = [
    ONE,
    {"QueryLanguage": "JSONata", "StartAt": "E", "States": {"E": EACH}},
    {"StartAt": "B", "States": {"B": {"Type": "Parallel", "Branches": [ONE], "End": True}}},
    {"StartAt": "C", "States": {"C": {**CALL, "QueryLanguage": "JSONata"}}},
    *(json.loads(path.read_text()) for path in sorted((ROOT / "definitions" / "state_machines").glob("*.asl.json"))),
]


@pytest.fixture(scope="module", autouse=True)
def _mended():
    install_all()


def verdict(definition: dict[str, Any]) -> list[str]:
    """What is wrong with a definition that this process has not seen before: parsed ones are kept."""
    return [str(each) for each in diagnostics(json.dumps({**definition, "Comment": f"{next(numbers)}"}))]


def nothing_is_wrong_with_good_ones(definitions: list[dict[str, Any]] = GOOD) -> None:
    assert [verdict(definition) for definition in definitions] == [[] for _ in definitions]


def task(resource: str, **fields: Any) -> dict[str, Any]:
    state = {"Type": "Task", "Resource": resource, "End": True, **fields}
    return {"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": state}}


@pytest.mark.parametrize(
    "refused",
    [
        task("arn:aws:states:::http:invoke", Arguments={}),
        task("arn:aws:states:::sqs:receiveMessage", Arguments={}),
        task("arn:aws:states:::lambda:invoke", Arguments={"FunctionName": "f"}, Retry=[{"ErrorEquals": ["a", 1]}]),
        {"StartAt": "P", "States": {"P": {**ECHO, "Parameters": {"a.$": "States.Format('{}', $.b"}}}},
        {"StartAt": "P", "States": {"P": {**ECHO, "InputPath": "$.a["}}},
        task("arn:aws:states:::lambda:invoke", Arguments={"FunctionName": "{% ( %}"}),
        {**GOOD[1], "States": {"E": {**EACH, "ItemProcessor": {"StartAt": "C", "States": {"C": ECHO}}}}},
    ],
)
def test_a_refused_definition_changes_nothing_for_those_that_follow(refused):
    assert verdict(refused)
    nothing_is_wrong_with_good_ones()


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container in a document with each of its keys."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in entries for place in [(value, key), *places(inner)]]


def altered(data: st.DataObject, definition: dict[str, Any]) -> dict[str, Any]:
    """A definition with something else in up to three of its places."""
    changed = copy.deepcopy(definition)
    for _ in range(data.draw(st.integers(1, 3))):
        container, key = data.draw(st.sampled_from(places(changed) or [({}, "")]))
        container[key] = copy.deepcopy(data.draw(st.sampled_from(ODD)))
    return changed


@settings(max_examples=examples(40))
@given(st.data())
def test_whatever_is_put_into_a_definition_good_ones_still_pass(data):
    verdict(altered(data, data.draw(st.sampled_from(GOOD[:4]))))
    # The small ones: parsing takes most of the time of this test.
    nothing_is_wrong_with_good_ones(GOOD[:2])


@settings(max_examples=examples(200))
@given(st.data())
def test_whatever_a_definition_is_it_is_judged_and_not_an_error_of_ours(data):
    diagnose(json.dumps(altered(data, data.draw(st.sampled_from(GOOD)))))


def test_definitions_are_parsed_beside_each_other():
    with ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(verdict, GOOD * 3))
