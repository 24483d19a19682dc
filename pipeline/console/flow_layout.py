"""The places of what flows into what, from left to right: a column a step, lines between them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pipeline.console.layout import rows as layout
from pipeline.console.layout.arrangement import arrange
from pipeline.console.layout.texts import SMALL, TICK, widest
from pipeline.operate.formatting import visible

WIDTH, HEIGHT = 190, 46
"""Pixels of a box."""
ROOM = WIDTH - 18
"""Pixels for the text in a box."""
CHARACTERS = 20
"""Of a name, at most."""
BEGIN = "the point from which all begins, and which is not drawn"


@dataclass(frozen=True, slots=True)
class Node:
    """A thing that rows pass, or several of a kind as one. `to` is its page, `kind` how its box looks."""

    kind: str
    name: str
    to: str
    what: str
    status: str | None = None
    note: str = ""
    is_shown: bool = False


Edge = tuple[Node, Node]


def chain(*groups: Sequence[Node]) -> list[Edge]:
    """From each of a group to each of the next; a group of none is passed over."""
    there = [group for group in groups if group]
    return [(one, other) for before, after in pairwise(there) for one in before for other in after]


def laid_out(edges: Iterable[Edge], alone: Iterable[Node] = ()) -> dict[str, Any] | None:
    """Boxes and lines with their places in pixels, and the same `told`, a line an edge; None of nothing."""
    pairs = list(dict.fromkeys(edges))
    nodes = list(dict.fromkeys([*(node for pair in pairs for node in pair), *alone]))
    if not nodes:
        return None
    # Laid out from top to bottom, and then turned: what nothing leads to stands at the left.
    numbers = {node: str(number) for number, node in enumerate(nodes)}
    targets = {other for _, other in pairs}
    links = [layout.Link(BEGIN, numbers[node]) for node in nodes if node not in targets]
    first = len(links)
    links += [layout.Link(numbers[one], numbers[other]) for one, other in pairs]
    boxes = [layout.Node(BEGIN, 0.0, 0.0), *(layout.Node(number, HEIGHT, WIDTH) for number in numbers.values())]
    placed = arrange(boxes, links)
    places = {node: placed.boxes[number] for node, number in numbers.items()}
    left = min(x for _, x in places.values()) - 1
    return {
        "width": placed.height - left,
        "height": placed.width,
        "box": {"width": WIDTH, "height": HEIGHT},
        "boxes": [_box(node, x - left, y) for node, (y, x) in places.items()],
        "lines": [[(x - left, y) for y, x in line.points] for line in placed.lines[first:]],
        "told": [{"from": _told(one), "to": _told(other)} for one, other in pairs],
    }


def _box(node: Node, x: float, y: float) -> dict[str, Any]:
    return {
        "x": x,
        "y": y,
        "kind": node.kind,
        "what": node.what,
        "name": node.name,
        "short": shortened(visible(node.name)),
        "to": node.to,
        "status": node.status,
        "note": node.note,
        "below": _below(node),
        "is_shown": node.is_shown,
    }


def _told(node: Node) -> dict[str, Any]:
    return {"what": node.what, "name": node.name, "to": node.to, "status": node.status, "note": node.note}


def shortened(name: str) -> str:
    """A name that has room: without its middle, because names of files and ids differ at both ends."""
    half, short = CHARACTERS // 2, name
    if len(name) > CHARACTERS:
        short = f"{name[: half - 1]}…{name[-half:]}"
    while widest([short], SMALL) > ROOM:
        half -= 1
        short = f"{name[: half - 1]}…{name[-half:]}"
    return short


def _below(node: Node) -> str:
    """What stands below a name, besides its status: what it is and what is to note of it, or the latter alone."""
    if node.status:
        return f"{node.what} · "
    both = f"{node.what} · {node.note}" if node.note else node.what
    if widest([both], TICK) <= ROOM:
        return both
    told = node.note or node.what
    return told if widest([told], TICK) <= ROOM else f"{TICK.cut(told, ROOM / TICK.cell - TICK.cells('…'))}…"
