"""A state machine's graph as pages draw it: states with their outcomes, transitions with how often they were taken."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.console.graph import END, START, Box, Layout, Way, layout_of
from pipeline.state_machines.history import Visit

ORDER = ("running", "failed", "left", "caught", "retried", "done")
"""The outcome shown for a state that was visited more than once: the first of these that it had."""

Passages = Counter[tuple[str, str]]
"""How often an execution went from one state to another, with START and END as states."""


def drawn(definition: str, seen: Sequence[Visit] = (), status: str = "") -> dict[str, Any]:
    """The graph of a definition, as JSON text, with the outcomes of an execution of this `status` and these visits.

    A dict of `width`, `height` (pixels), `boxes` and `ways`, as the template `graph.html` draws it.
    """
    caught = Counter(visit.state for visit in seen if visit.left and visit.errors and not visit.recovered)
    return _graph(layout_of(definition), _outcomes(seen, status), _passages(seen), caught)


def _outcomes(seen: Sequence[Visit], status: str) -> dict[str, dict[str, Any]]:
    """The outcome of each state that was entered, over all its visits: `outcome`, and `told`, its label."""
    by_state: dict[str, list[Visit]] = defaultdict(list)
    for visit in seen:
        by_state[visit.state].append(visit)
    outcomes = {}
    for state, passages in by_state.items():
        met = {visit.outcome(status) for visit in passages}
        outcome = next(each for each in ORDER if each in met)
        bad = sum(1 for visit in passages if visit.errors and not visit.recovered)
        retries = sum(max(visit.attempts - 1, 0) for visit in passages)
        label = [outcome]
        if len(passages) > 1:
            label.append(f"{len(passages):,} times")
            label += [f"{bad:,} failed"] if bad else []
        label += [f"{retries:,} {'retry' if retries == 1 else 'retries'}"] if retries else []
        outcomes[state] = {"outcome": outcome, "told": ", ".join(label)}
    return outcomes


def _passages(seen: Sequence[Visit]) -> Passages:
    passages = Counter((visit.before or START, visit.state) for visit in seen)
    went_on = Counter(visit.before for visit in seen)
    ended = Counter(visit.state for visit in seen if visit.left)
    # A state that was left and led to no other state ended its machine.
    passages.update({(state, END): times - went_on[state] for state, times in ended.items() if times > went_on[state]})
    return passages


def _graph(
    layout: Layout, outcomes: Mapping[str, dict[str, Any]], passages: Passages, caught: Counter[str]
) -> dict[str, Any]:
    boxes: list[dict[str, Any]] = []
    for box in layout.boxes:
        if box.name in (START, END):
            end: dict[str, Any] = {"name": _told(box.name), "inner": [], "told": None, "outcome": None, "is_end": True}
            boxes.append({**_place(box), **end})
            continue
        outcome = outcomes.get(box.name)
        inner = [{"x": p.x, "y": p.y, "graph": _graph(p.layout, outcomes, passages, caught)} for p in box.inner]
        label = outcome["told"] if outcome else None
        state = {"inner": inner, "told": label, "outcome": outcome["outcome"] if outcome else None, "is_end": False}
        boxes.append({**_place(box), **state})
    failing = {box.name for box in layout.boxes if box.type == "Fail" and box.name in outcomes}
    catches = {(way.source, way.target) for way in layout.ways if way.kind == "catch"}
    ways = [_way(way, passages, failing, caught, catches) for way in layout.ways]
    # Transitions that were taken are drawn last, over the others.
    ways.sort(key=lambda way: bool(way["taken"]))
    return {"width": layout.width, "height": layout.height, "boxes": boxes, "ways": ways}


def _way(
    way: Way, passages: Passages, failing: set[str], caught: Counter[str], catches: set[tuple[str, str]]
) -> dict[str, Any]:
    """A transition. One from a Fail state to the end counts as taken: histories have no exit event of Fail states."""
    taken = passages[way.source, way.target] or int(way.target == END and way.source in failing)
    if (way.source, way.target) in catches:
        # A catcher may lead where the state leads anyway.
        by_catch = min(taken, caught[way.source])
        taken = by_catch if way.kind == "catch" else taken - by_catch
    described = {name: getattr(way, name) for name in ("kind", "label", "points", "lines", "at")}
    return {"source": _told(way.source), "target": _told(way.target), **described, "taken": taken}


def _told(name: str) -> str:
    return name.rstrip() if name in (START, END) else name


def _place(box: Box) -> dict[str, Any]:
    return {name: getattr(box, name) for name in ("name", "type", "x", "y", "width", "height", "lines")}
