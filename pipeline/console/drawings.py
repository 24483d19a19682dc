"""A state machine's layout as pages draw it: each state with what became of it, each way with whether it was taken."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.console.graph import END, START, Box, Layout, Way, lay_out
from pipeline.state_machines.history import Visit

ORDER = ("running", "failed", "left", "caught", "retried", "done")
"""What is told of a state that was passed more than once: the first of these that it met."""

Passages = Counter[tuple[str, str]]
"""How often an execution went from one state to another; START and END stand for those of any machine."""


def drawn(machine: Mapping[str, Any], seen: Sequence[Visit] = (), status: str = "") -> dict[str, Any]:
    """The graph of a definition, and on it what an execution of that `status` did."""
    return _graph(lay_out(machine), _outcomes(seen, status), _passages(seen))


def _outcomes(seen: Sequence[Visit], status: str) -> dict[str, dict[str, Any]]:
    """What became of each state that was entered, over all its passages."""
    by_state: dict[str, list[Visit]] = defaultdict(list)
    for visit in seen:
        by_state[visit.state].append(visit)
    found = {}
    for state, passages in by_state.items():
        met = {visit.outcome(status) for visit in passages}
        outcome = next(each for each in ORDER if each in met)
        bad = sum(1 for visit in passages if visit.errors and not visit.recovered)
        retries = sum(max(visit.attempts - 1, 0) for visit in passages)
        told = [outcome]
        if len(passages) > 1:
            told.append(f"{len(passages):,} times")
            told += [f"{bad:,} failed"] if bad else []
        told += [f"{retries:,} {'retry' if retries == 1 else 'retries'}"] if retries else []
        found[state] = {"outcome": outcome, "told": ", ".join(told)}
    return found


def _passages(seen: Sequence[Visit]) -> Passages:
    found = Counter((visit.before or START, visit.state) for visit in seen)
    went_on = Counter(visit.before for visit in seen)
    ended = Counter(visit.state for visit in seen if visit.left)
    # A state that was left and led to no other one ended its machine, where its machine may end there.
    found.update({(state, END): number - went_on[state] for state, number in ended.items() if number > went_on[state]})
    return found


def _graph(layout: Layout, outcomes: Mapping[str, dict[str, Any]], passages: Passages) -> dict[str, Any]:
    boxes = []
    for box in layout.boxes:
        if box.name in (START, END):
            boxes.append({**_place(box), "inner": [], "told": None, "outcome": None, "is_end": True})
            continue
        outcome = outcomes.get(box.name)
        inner = [{"x": p.x, "y": p.y, "graph": _graph(p.layout, outcomes, passages)} for p in box.inner]
        told = outcome["told"] if outcome else None
        state = {"inner": inner, "told": told, "outcome": outcome["outcome"] if outcome else None, "is_end": False}
        boxes.append({**_place(box), **state})
    failing = {box.name for box in layout.boxes if box.type == "Fail" and box.name in outcomes}
    ways = [_way(way, passages, failing) for way in layout.ways]
    # What was taken is drawn over what was not.
    ways.sort(key=lambda way: bool(way["taken"]))
    return {"width": layout.width, "height": layout.height, "boxes": boxes, "ways": ways}


def _way(way: Way, passages: Passages, failing: set[str]) -> dict[str, Any]:
    """A history does not say that a Fail state was left."""
    taken = passages[way.source, way.target] or int(way.target == END and way.source in failing)
    described = {name: getattr(way, name) for name in ("source", "target", "kind", "label", "points")}
    return {**described, "taken": taken}


def _place(box: Box) -> dict[str, Any]:
    return {name: getattr(box, name) for name in ("name", "type", "x", "y", "width", "height")}
