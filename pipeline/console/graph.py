"""A state machine's graph: where each state's box and each transition is drawn. Pure; in pixels."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pipeline.console.layout.arrangement import Line, arrange
from pipeline.console.layout.rows import Link, Node
from pipeline.console.layout.texts import MONO, NAME, widest, wrapped
from pipeline.operate.formatting import visible
from pipeline.state_machines.calls import inner_machines
from pipeline.state_machines.conditions import OTHERWISE, condition, errors

LEAST_WIDTH = 164.0
NAME_CELLS, NAME_LINES = 26, 4
LABEL_CELLS, LABEL_LINES = 30, 3
LINE, LABEL_LINE = 18.0, 14.0
"""The height of a line of a name, and of one of a label."""
HEIGHT = 32.0
"""The height of a box without its name."""
HEADER = 38.0
"""The same of the heading above the machines inside a Map or Parallel."""
PADDING = 14.0
POINT = 14.0
"""The size of the points where a machine begins and ends."""

LONGEST_STATE_NAME = 80
"""Characters (https://states-language.net/spec.html#state-name)."""
START, END = "(start)".ljust(LONGEST_STATE_NAME + 1), "(end)".ljust(LONGEST_STATE_NAME + 1)
"""The names of these two points: longer than that of any state, which may be called `(end)`, too."""


@dataclass(frozen=True, slots=True)
class Box:
    """A state. `inner` are the machines inside a Map or Parallel, placed relative to the box; `lines` is its name."""

    name: str
    type: str
    x: float
    y: float
    width: float
    height: float
    lines: tuple[str, ...] = ()
    inner: tuple[Placed, ...] = ()


@dataclass(frozen=True, slots=True)
class Way:
    """A transition from one state to another. `kind` is next, choice, default or catch.

    `label` says when it is taken; `lines` is what is drawn of that, its upper left corner at `at`.
    """

    source: str
    target: str
    kind: str
    label: str
    points: tuple[tuple[float, float], ...]
    lines: tuple[str, ...] = ()
    at: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """A machine drawn: boxes and ways inside `width` and `height`."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    ways: tuple[Way, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """A machine inside a state."""

    x: float
    y: float
    layout: Layout


@lru_cache(maxsize=32)
def layout_of(definition: str) -> Layout:
    """`lay_out` for a definition as JSON text. Kept: a page that follows an execution draws it again each second."""
    return lay_out(json.loads(definition))


def lay_out(machine: Mapping[str, Any]) -> Layout:
    """Place the states of a definition; states inside a Map or Parallel go into its box.

    `machine` is a definition that Step Functions has accepted.
    """
    states = machine["States"]
    boxes = {name: _box(name, state) for name, state in states.items()}
    start, end = (Box(name, name.rstrip(), 0, 0, POINT, POINT) for name in (START, END))
    boxes = {START: start, **boxes, END: end}
    ways = _merged(_ways(machine))
    if all(way.target != END for way in ways):
        del boxes[END]
    links = [Link(way.source, way.target, _label_size(way), way.kind == "catch") for way in ways]
    placed = arrange([Node(box.name, box.width, box.height) for box in boxes.values()], links)
    return Layout(
        placed.width,
        placed.height,
        tuple(_moved(box, *placed.boxes[name]) for name, box in boxes.items()),
        tuple(_drawn(way, line) for way, line in zip(ways, placed.lines, strict=True)),
    )


def _moved(box: Box, x: float, y: float) -> Box:
    return Box(box.name, box.type, x, y, box.width, box.height, box.lines, box.inner)


def _drawn(way: Way, line: Line) -> Way:
    return Way(way.source, way.target, way.kind, way.label, line.points, way.lines, line.label)


def _label_size(way: Way) -> tuple[float, float]:
    return (widest(way.lines, MONO), len(way.lines) * LABEL_LINE) if way.lines else (0.0, 0.0)


def _box(name: str, state: Mapping[str, Any]) -> Box:
    inner, right, bottom = [], PADDING, 0.0
    for machine in inner_machines(state):
        layout = lay_out(machine)
        inner.append((right, layout))
        right += layout.width + PADDING
        bottom = max(bottom, layout.height)
    cells = max(NAME_CELLS, int((right - 2 * PADDING) / NAME.cell)) if inner else NAME_CELLS
    lines = tuple(wrapped(visible(name), cells, NAME_LINES, NAME))
    width = max(LEAST_WIDTH, widest(lines, NAME) + 2 * PADDING)
    if not inner:
        return Box(name, state["Type"], 0, 0, width, HEIGHT + len(lines) * LINE, lines)
    width, header = max(width, right), HEADER + len(lines) * LINE
    aside = (width - right) / 2
    placed = tuple(Placed(x + aside, header, layout) for x, layout in inner)
    return Box(name, state["Type"], 0, 0, width, header + bottom + PADDING, lines, placed)


def _ways(machine: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Source, target, kind and label of every transition."""
    yield START, machine["StartAt"], "next", ""
    for name, state in machine["States"].items():
        for rule in state.get("Choices", []):
            yield name, rule["Next"], "choice", condition(rule)
        if "Default" in state:
            yield name, state["Default"], "default", OTHERWISE
        if "Next" in state:
            yield name, state["Next"], "next", ""
        if state.get("End") or state.get("Type") in ("Succeed", "Fail"):
            yield name, END, "next", ""
        for catcher in state.get("Catch", []):
            yield name, catcher["Next"], "catch", errors(catcher["ErrorEquals"])


def _merged(ways: Iterator[tuple[str, str, str, str]]) -> list[Way]:
    """Transitions between the same two states are drawn as one; those of catchers apart from the others."""
    groups: dict[tuple[str, str, bool], list[tuple[str, str]]] = {}
    for source, target, kind, label in ways:
        groups.setdefault((source, target, kind == "catch"), []).append((kind, label))
    return [_way(source, target, grouped) for (source, target, _), grouped in groups.items()]


def _way(source: str, target: str, grouped: Sequence[tuple[str, str]]) -> Way:
    labels = list(dict.fromkeys(visible(label) for _, label in grouped if label))
    lines = [line for label in labels for line in wrapped(label, LABEL_CELLS, LABEL_LINES, MONO)]
    if len(lines) > LABEL_LINES:
        lines = wrapped(" or ".join(labels), LABEL_CELLS, LABEL_LINES, MONO)
    return Way(source, target, grouped[0][0], "; ".join(labels), (), tuple(lines))
