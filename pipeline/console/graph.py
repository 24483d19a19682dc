"""The layout of a state machine's graph: where each state's box and each transition is drawn. Pure; in pixels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grandalf.graphs import Edge as LayoutEdge
from grandalf.graphs import Graph, Vertex
from grandalf.layouts import SugiyamaLayout, VertexViewer
from grandalf.routing import EdgeViewer, route_with_lines

from pipeline.state_machines.calls import inner_machines

CHARACTER = 8.2
"""The approximate width of a character of a state's name."""
LEAST_WIDTH = 150.0
LABEL = 28
"""Characters of a label that are drawn."""
SMALL = 6.5
"""The approximate width of a character of a label."""
HEIGHT = 50.0
HEADER = 52.0
"""The height of the heading above the machine inside a Map or Parallel."""
PADDING = 16.0
BETWEEN = 34.0
"""The space between rows of boxes, for the labels of transitions."""

START, END = "(start)", "(end)"
"""The names of the two points where a machine begins and ends."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A state. `inner` are the machines inside a Map or Parallel, placed relative to the box."""

    name: str
    type: str
    x: float
    y: float
    width: float
    height: float
    inner: tuple[Placed, ...] = ()


@dataclass(frozen=True, slots=True)
class Way:
    """A transition from one state to another. `kind` is next, choice, default or catch."""

    source: str
    target: str
    kind: str
    label: str
    points: tuple[Point, ...]


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


def lay_out(machine: Mapping[str, Any]) -> Layout:
    """Place the states of a definition; states inside a Map or Parallel go into its box.

    `machine` is a definition that Step Functions has accepted.
    """
    states = machine["States"]
    sizes = {name: _size(name, state) for name, state in states.items()}
    sizes |= {START: (14.0, 14.0, ()), END: (14.0, 14.0, ())}
    ways = list(_ways(machine))
    vertices = {name: _vertex(name, width, height) for name, (width, height, _) in sizes.items()}
    edges = {}
    for source, target, _, _ in ways:
        if source != target and (source, target) not in edges:
            edges[source, target] = LayoutEdge(vertices[source], vertices[target])
            edges[source, target].view = EdgeViewer()
    _place(vertices, list(edges.values()), vertices[START])
    return _drawn(states, sizes, ways, vertices, edges)


def _vertex(name: str, width: float, height: float) -> Any:
    vertex = Vertex(name)
    vertex.view = VertexViewer(width, height)
    return vertex


def _place(vertices: Mapping[str, Any], edges: Sequence[Any], start: Any) -> None:
    """Let grandalf place the states; those that cannot be reached from the start are put to the right."""
    right = 0.0
    components = Graph(list(vertices.values()), list(edges)).C
    for component in sorted(components, key=lambda each: start not in each.sV):
        layout = SugiyamaLayout(component)
        layout.yspace, layout.xspace = BETWEEN, 20
        # The space that a long transition takes in each row that it crosses.
        layout.dw, layout.dh = 8, HEIGHT
        layout.route_edge = route_with_lines
        roots = [start] if start in component.sV else [next(iter(component.sV))]
        layout.init_all(roots=roots)
        layout.draw(6)
        moved = right - min(v.view.xy[0] - v.view.w / 2 for v in component.sV) if right else 0.0
        for vertex in component.sV:
            vertex.view.xy = (vertex.view.xy[0] + moved, vertex.view.xy[1])
        right = max(v.view.xy[0] + v.view.w / 2 for v in component.sV) + PADDING


def _size(name: str, state: Mapping[str, Any]) -> tuple[float, float, tuple[Placed, ...]]:
    width = max(LEAST_WIDTH, CHARACTER * len(name) + 2 * PADDING)
    inner, right, bottom = [], PADDING, 0.0
    for machine in inner_machines(state):
        layout = lay_out(machine)
        inner.append(Placed(right, HEADER, layout))
        right += layout.width + PADDING
        bottom = max(bottom, layout.height)
    if not inner:
        return width, HEIGHT, ()
    return max(width, right), HEADER + bottom + PADDING, tuple(inner)


def _ways(machine: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Source, target, kind and label of every transition."""
    yield START, machine["StartAt"], "next", ""
    for name, state in machine["States"].items():
        for number, rule in enumerate(state.get("Choices", []), 1):
            yield name, rule["Next"], "choice", f"rule {number}"
        if "Default" in state:
            yield name, state["Default"], "default", "default"
        if "Next" in state:
            yield name, state["Next"], "next", ""
        if state.get("End") or state.get("Type") in ("Succeed", "Fail"):
            yield name, END, "next", ""
        for catcher in state.get("Catch", []):
            yield name, catcher["Next"], "catch", ", ".join(catcher["ErrorEquals"])


def _drawn(
    states: Mapping[str, Any],
    sizes: Mapping[str, tuple[float, float, tuple[Placed, ...]]],
    ways: Sequence[tuple[str, str, str, str]],
    vertices: Mapping[str, Any],
    edges: Mapping[tuple[str, str], Any],
) -> Layout:
    left = min(v.view.xy[0] - v.view.w / 2 for v in vertices.values()) - PADDING
    top = min(v.view.xy[1] - v.view.h / 2 for v in vertices.values()) - PADDING / 2
    boxes = []
    for name, (width, height, inner) in sizes.items():
        x, y = vertices[name].view.xy
        kind = states[name]["Type"] if name in states else name
        boxes.append(Box(name, kind, x - width / 2 - left, y - height / 2 - top, width, height, inner))
    drawn = []
    for (source, target), grouped in _grouped(ways).items():
        points = _points(vertices[source].view, vertices[target].view, edges.get((source, target)))
        kind = grouped[0][0]
        label = "; ".join(dict.fromkeys(label for _, label in grouped if label))
        drawn.append(Way(source, target, kind, label, tuple((x - left, y - top) for x, y in points)))
    right = max(box.x + box.width for box in boxes) + PADDING
    bottom = max(box.y + box.height for box in boxes) + PADDING / 2
    right = max([right, *(x + PADDING + _half(way.label) for way in drawn for x, _ in way.points)])
    return Layout(right, bottom, tuple(boxes), tuple(drawn))


def _half(label: str) -> float:
    """Half the width of a transition's label, as the page draws it."""
    return min(len(label), LABEL) * SMALL / 2


def _grouped(ways: Sequence[tuple[str, str, str, str]]) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Transitions by source and target: several between the same two states are drawn as one, like the first."""
    groups: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for source, target, kind, label in ways:
        groups.setdefault((source, target), []).append((kind, label))
    return groups


def _points(source: Any, target: Any, edge: Any) -> list[Point]:
    """A transition's line: from one box's lower edge to the other's upper edge; one upwards leaves at the side."""
    (x, y), (to_x, to_y) = source.xy, target.xy
    if source is target:
        right = x + source.w / 2
        return [(right, y - 8), (right + 18, y - 8), (right + 18, y + 8), (right, y + 8)]
    bends = [tuple(point) for point in edge.view._pts[1:-1]] if edge is not None and hasattr(edge.view, "_pts") else []
    if to_y > y:
        return [(x, y + source.h / 2), *bends, (to_x, to_y - target.h / 2)]
    side = max(x + source.w / 2, to_x + target.w / 2) + 14
    return [(x + source.w / 2, y), (side, y), (side, to_y), (to_x + target.w / 2, to_y)]
