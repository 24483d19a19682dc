"""Machines laid out: every state has its place, and every way its points."""

from __future__ import annotations

import json
from itertools import combinations

import pytest

from pipeline.console.graph import END, START, Box, Layout, lay_out
from tests.conftest import ROOT

MACHINES = sorted((ROOT / "definitions" / "state_machines").glob("*.json"))


def names(layout: Layout) -> list[str]:
    """Of all boxes, those inside others after them."""
    found = []
    for box in layout.boxes:
        found.append(box.name)
        for inner in box.inner:
            found += names(inner.layout)
    return found


def states(machine: dict) -> list[str]:
    found = []
    for name, state in machine["States"].items():
        found.append(name)
        for inner in (state.get("ItemProcessor"), *state.get("Branches", [])):
            found += states(inner) if inner else []
    return found


def overlap(one: Box, other: Box) -> bool:
    apart = (
        one.x + one.width <= other.x
        or other.x + other.width <= one.x
        or one.y + one.height <= other.y
        or other.y + other.height <= one.y
    )
    return not apart


def check(layout: Layout) -> None:
    for one, other in combinations(layout.boxes, 2):
        assert not overlap(one, other), (one.name, other.name)
    for box in layout.boxes:
        assert 0 <= box.x <= box.x + box.width <= layout.width
        assert 0 <= box.y <= box.y + box.height <= layout.height
        for inner in box.inner:
            assert inner.x + inner.layout.width <= box.width
            assert inner.y + inner.layout.height <= box.height
            check(inner.layout)
    for way in layout.ways:
        assert len(way.points) >= 2
        assert all(0 <= x <= layout.width for x, _ in way.points)


@pytest.mark.parametrize("path", MACHINES, ids=lambda p: p.name)
def test_our_machines_have_every_state_in_a_place_of_its_own(path):
    machine = json.loads(path.read_text())
    layout = lay_out(machine)
    assert sorted(name for name in names(layout) if name not in (START, END)) == sorted(states(machine))
    check(layout)


def test_ways_are_told_apart_and_loops_and_states_that_nothing_leads_to_are_drawn():
    catch = [{"ErrorEquals": ["A", "B"], "Next": "Again"}]
    machine = {
        "StartAt": "Do",
        "States": {
            "Do": {"Type": "Task", "Catch": catch, "Next": "Choose"},
            "Choose": {"Type": "Choice", "Choices": [{"Next": "Choose"}, {"Next": "Do"}], "Default": "Done"},
            "Again": {"Type": "Pass", "Next": "Do"},
            "Done": {"Type": "Succeed"},
            "Lost": {"Type": "Pass", "End": True},
        },
    }
    layout = lay_out(machine)
    check(layout)
    assert {(way.kind, way.label) for way in layout.ways} == {
        ("next", ""),
        ("catch", "A, B"),
        ("choice", "rule 1"),
        ("choice", "rule 2"),
        ("default", "default"),
    }


def test_branches_stand_beside_each_other_in_their_box():
    branch = {"StartAt": "%s", "States": {"%s": {"Type": "Pass", "End": True}}}
    branches = [json.loads(json.dumps(branch).replace("%s", name)) for name in ("One", "Two")]
    machine = {"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "Branches": branches, "End": True}}}
    (both,) = [box for box in lay_out(machine).boxes if box.name == "Both"]
    first, second = both.inner
    assert first.x + first.layout.width <= second.x
