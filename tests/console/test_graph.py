"""Machines laid out: every state has its place, and every way its points."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.console.drawings import drawn
from pipeline.console.graph import END, START, Layout, lay_out
from pipeline.console.pages import TEMPLATES
from tests.conftest import ROOT
from tests.console.geometry import faults
from tests.console.shapes import machine

MACHINES = sorted((ROOT / "definitions" / "state_machines").glob("*.json"))


def names(layout: Layout) -> list[str]:
    """Of all boxes, those inside others after them."""
    found = []
    for box in layout.boxes:
        found.append(box.name)
        for inner in box.inner:
            found += names(inner.layout)
    return found


def states(definition: dict) -> list[str]:
    found = []
    for name, state in definition["States"].items():
        found.append(name)
        for inner in (state.get("ItemProcessor"), *state.get("Branches", [])):
            found += states(inner) if inner else []
    return found


PUBLISHED = dict(
    line.split(": ", 1)
    for line in (ROOT / "tests" / "console" / "published_machines.txt").read_text().splitlines()
    if not line.startswith("#")
)


@pytest.mark.parametrize("path", MACHINES, ids=lambda p: p.name)
def test_our_machines_have_every_state_in_a_place_of_its_own(path):
    definition = json.loads(path.read_text())
    layout = lay_out(definition)
    assert sorted(name for name in names(layout) if name not in (START, END)) == sorted(states(definition))
    assert faults(layout) == []


@pytest.mark.parametrize("name", PUBLISHED)
def test_in_published_machines_nothing_lies_over_anything_else(name):
    assert faults(lay_out(machine(PUBLISHED[name]))) == []


def test_the_check_finds_what_lies_over_something_else():
    layout = lay_out(machine("a?b?c>d b. c. d."))
    boxes, ways = layout.boxes, layout.ways
    moved = replace(boxes[2], x=boxes[3].x + 5, y=boxes[3].y)
    assert any("lies over" in fault for fault in faults(replace(layout, boxes=(*boxes[:2], moved, *boxes[3:]))))
    through = replace(ways[1], points=((0.0, boxes[1].y + 5), (layout.width, boxes[1].y + 5)))
    assert any("runs through" in fault for fault in faults(replace(layout, ways=(through, *ways[2:]))))
    onto = replace(ways[1], at=ways[2].at)
    assert any("overlap" in fault for fault in faults(replace(layout, ways=(onto, *ways[2:]))))
    assert any("outside" in fault for fault in faults(replace(layout, width=10.0)))
    other = replace(ways[0], source="x", target="y", points=ways[1].points)
    assert any("lies over" in fault for fault in faults(replace(layout, ways=(*ways, other))))


def test_ways_are_told_apart_and_loops_and_states_that_nothing_leads_to_are_drawn():
    one = {"Variable": "$.rows", "NumericGreaterThan": 0, "Next": "Choose"}
    choices = [one, {"Variable": "$.rows", "IsPresent": False, "Next": "Do"}]
    catch = [{"ErrorEquals": ["A", "B"], "Next": "Again"}]
    definition = {
        "StartAt": "Do",
        "States": {
            "Do": {"Type": "Task", "Catch": catch, "Next": "Choose"},
            "Choose": {"Type": "Choice", "Choices": choices, "Default": "Done"},
            "Again": {"Type": "Pass", "Next": "Do"},
            "Done": {"Type": "Succeed"},
            "Lost": {"Type": "Pass", "End": True},
        },
    }
    layout = lay_out(definition)
    assert faults(layout) == []
    assert {(way.kind, way.label) for way in layout.ways} == {
        ("next", ""),
        ("catch", "A or B"),
        ("choice", "$.rows > 0"),
        ("choice", "$.rows is missing"),
        ("default", "otherwise"),
    }


def test_branches_stand_beside_each_other_in_their_box():
    branch = {"StartAt": "%s", "States": {"%s": {"Type": "Pass", "End": True}}}
    branches = [json.loads(json.dumps(branch).replace("%s", name)) for name in ("One", "Two")]
    both = {"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "Branches": branches, "End": True}}}
    (drawn,) = [box for box in lay_out(both).boxes if box.name == "Both"]
    first, second = drawn.inner
    assert first.x + first.layout.width <= second.x


def anything(random: Random) -> str:
    """The shape of some machine, whose states may lead back, to themselves, or nowhere."""
    names = [f"s{number}" for number in range(random.randint(2, 25))]
    states = []
    for name in names:
        some = [random.choice(names) for _ in range(5)]
        choice = "".join(f"?{each}" for each in some[: random.randint(1, 4)]) + f">{some[4]}"
        state = random.choice(
            [choice, ".", f">{some[0]}", f">{some[0]}", f">{some[0]}!{some[1]}!{some[2]}", f".!{some[1]}"]
        )
        states.append(name + state)
    return " ".join(states)


def test_in_any_machine_nothing_lies_over_anything_else():
    random = Random(17)
    for shape in (anything(random) for _ in range(12)):
        assert faults(lay_out(machine(shape))) == [], shape


NAMED = st.one_of(st.text(min_size=1, max_size=80), st.sampled_from(["(start)", "(end)", "W" * 80]))
TARGETED = ("Pass", "Task", "Map", "Parallel")
WITHOUT_INNER = ("Pass", "Task", "Choice", "Succeed", "Fail")


@st.composite
def machines(draw: Any, depth: int = 2) -> dict[str, Any]:
    """Any definition: of any names, whose states lead anywhere, with machines inside of machines."""
    names = draw(st.lists(NAMED, min_size=1, max_size=8 if depth == 2 else 4, unique=True))
    target = st.sampled_from(names)
    states: dict[str, Any] = {}
    for name in names:
        kind = draw(st.sampled_from((*WITHOUT_INNER, "Map", "Parallel") if depth else WITHOUT_INNER))
        state = states[name] = {"Type": kind}
        if kind == "Choice":
            rules = draw(st.lists(st.tuples(st.text(max_size=60), target), min_size=1, max_size=6))
            state["Choices"] = [{"Variable": "$.x", "StringEquals": text, "Next": to} for text, to in rules]
        elif kind in TARGETED:
            state |= {"Next": draw(target)} if draw(st.booleans()) else {"End": True}
            caught = draw(st.lists(st.tuples(st.text(min_size=1, max_size=50), target), max_size=3))
            state["Catch"] = [{"ErrorEquals": [error], "Next": to} for error, to in caught]
        if kind == "Map":
            state["ItemProcessor"] = draw(machines(depth=depth - 1))
        elif kind == "Parallel":
            state["Branches"] = draw(st.lists(machines(depth=depth - 1), min_size=1, max_size=3))
    return {"StartAt": names[0], "States": states}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(machines())
def test_whatever_the_definition_nothing_lies_over_anything_else(definition):
    layout = lay_out(definition)
    assert faults(layout) == []
    assert sorted(name for name in names(layout) if name not in (START, END)) == sorted(states(definition))


@pytest.mark.parametrize("depth", [10, 60])
def test_machines_inside_of_machines_are_drawn(depth):
    definition = {"StartAt": "0", "States": {"0": {"Type": "Pass", "End": True}}}
    for n in range(1, depth):
        inner = (
            {"Type": "Map", "ItemProcessor": definition} if n % 2 else {"Type": "Parallel", "Branches": [definition]}
        )
        definition = {"StartAt": f"{n}", "States": {f"{n}": {**inner, "End": True}}}
    html = TEMPLATES.from_string('{% import "graph.html" as graph %}{{ graph.machine(it, "graph", "/x") }}')
    assert html.render(it=drawn(json.dumps(definition))).count("data-state=") == depth


def chain(length: int) -> str:
    """States one after the other, with ways around some and a catcher of many."""
    last = f"s{length - 1}"
    states = []
    for n in range(length - 1):
        around = f"?s{n + 2}" if n % 7 == 3 and n < length - 3 else ""
        states.append(f"s{n}{around}>s{n + 1}" + (f"!{last}" if n % 7 == 1 else ""))
    return " ".join([*states, f"{last}."])


def test_a_chain_of_five_hundred_states_is_no_wider_than_a_short_one_and_takes_little_more_than_its_share():
    times = []
    for length in (50, 500):
        definition = machine(chain(length))
        began = time.process_time()
        layout = lay_out(definition)
        times.append(time.process_time() - began)
        assert layout.width < 600
    assert times[1] < 60 * times[0]
    assert faults(lay_out(machine(chain(80)))) == []
