"""Which row each box is in, and in which order boxes and passing lines stand there. Pure."""

from __future__ import annotations

from bisect import bisect, insort
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

PASSING = 9.0
"""Half the room of a line that passes between boxes, in pixels."""
SPACE = 14.0
"""Half the room between two boxes."""
BESIDE = 7.0
"""From a line to the label beside it."""
SWEEPS = 6
STRAIGHT = 8.0
"""How much more it counts that the only way on from a box is straight than one of several."""


@dataclass(frozen=True, slots=True)
class Node:
    """A box of this size in pixels."""

    name: str
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Link:
    """A line from one box to another. `label` is the size of its label, if it has one.

    Those that are `aside` go in a lane beside all boxes, one for each target, unless the target is in the next row.
    """

    source: str
    target: str
    label: tuple[float, float] = (0.0, 0.0)
    is_aside: bool = False


@dataclass(slots=True, eq=False)
class Slot:
    """A place in a row: of a box, of a line that passes between boxes, or of a line that leaves one, with its label.

    `x` is where lines go through it; it takes room to the `left` and to the `right` of that.
    """

    left: float
    right: float
    order: float = 0.0
    x: float = 0.0
    place: int = 0
    ups: list[tuple[Slot, float]] = field(default_factory=list)
    downs: list[tuple[Slot, float]] = field(default_factory=list)


@dataclass(slots=True)
class Walk:
    """A walk through the graph, depth first in the order of definition."""

    order: dict[str, int] = field(default_factory=dict)
    link_order: dict[int, int] = field(default_factory=dict)
    back: set[int] = field(default_factory=set)
    """Links that lead back to a box from which the walk came."""


def walk(nodes: Sequence[Node], links: Sequence[Link]) -> Walk:
    """Begin at the first node; what cannot be reached from it is begun at in the order of definition."""
    outs: dict[str, list[int]] = defaultdict(list)
    for number, link in enumerate(links):
        outs[link.source].append(number)
    found, count, done = Walk(), 0, set()
    for root in nodes:
        if root.name in found.order:
            continue
        found.order[root.name] = count = count + 1
        way = [(root.name, iter(outs[root.name]))]
        while way:
            name, rest = way[-1]
            for number in rest:
                found.link_order[number] = count = count + 1
                target = links[number].target
                if target not in found.order:
                    found.order[target] = count = count + 1
                    way.append((target, iter(outs[target])))
                    break
                if target not in done:
                    found.back.add(number)
            else:
                done.add(name)
                way.pop()
    return found


def ranks(nodes: Sequence[Node], links: Sequence[Link], back: set[int]) -> dict[str, int]:
    """The row of each box: one below the lowest box that leads to it. What nothing leads to stands in row 1, below
    the first node."""
    ways = [link for number, link in enumerate(links) if number not in back]
    waiting: dict[str, int] = defaultdict(int)
    outs: dict[str, list[str]] = defaultdict(list)
    for link in ways:
        waiting[link.target] += 1
        outs[link.source].append(link.target)
    rank = {node.name: int(place > 0) for place, node in enumerate(nodes)}
    free = [node.name for node in nodes if not waiting[node.name]]
    while free:
        name = free.pop()
        for target in outs[name]:
            rank[target] = max(rank[target], rank[name] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                free.append(target)
    return rank


@dataclass(slots=True)
class Grid:
    """All slots in their order. `states` are the rows of boxes; `exits[r]` is the row of lines that leave row r.

    `passes` are the lines that go by between the boxes of a row, by target and row: all that lead to one target are
    one. `lane` says of a link whether it goes in a lane: `left`, back to a row above, or `right`.
    """

    rank: dict[str, int]
    states: list[list[Slot]]
    exits: list[list[Slot]]
    boxes: dict[str, Slot]
    passes: dict[tuple[str, int], Slot]
    pass_exits: dict[tuple[str, int], Slot]
    link_exits: list[Slot]
    lane: list[str]


def grid(nodes: Sequence[Node], links: Sequence[Link]) -> Grid:
    """Give every box and line its slot, and order each row so that few lines cross."""
    walked = walk(nodes, links)
    rank = ranks(nodes, links, walked.back)
    depth = max(rank.values()) + 1
    made = Grid(rank, [[] for _ in range(depth)], [[] for _ in range(depth)], {}, {}, {}, [], [])
    for node in nodes:
        half = node.width / 2 + SPACE
        made.boxes[node.name] = Slot(half, half, walked.order[node.name])
        made.states[rank[node.name]].append(made.boxes[node.name])
    ways = Counter(link.source for n, link in enumerate(links) if not link.is_aside and n not in walked.back)
    forks = {name for name, number in ways.items() if number > 1}
    into = Counter(link.target for n, link in enumerate(links) if not link.is_aside and n not in walked.back)
    joins = {name for name, number in into.items() if number > 1}
    for number, link in enumerate(links):
        far = rank[link.target] - rank[link.source] > 1
        lane = "left" if number in walked.back else "right" if link.is_aside and far else ""
        made.lane.append(lane)
        width = link.label[0]
        out = Slot(
            PASSING, BESIDE + width + PASSING if width else PASSING, _exit_order(lane, walked.link_order[number])
        )
        made.link_exits.append(out)
        made.exits[rank[link.source]].append(out)
        weight = 0.1 if link.is_aside or lane else 1.0 if link.source in forks else STRAIGHT
        _join(made.boxes[link.source], out, weight)
        if not lane:
            first = rank[link.source] + 1
            # A line bends once, below its box, and then leads straight down. Where lines join, the box is between them.
            straight = 2.0 if weight > 1 and link.target in joins else 2 * weight
            _join(out, _hop(made, link.target, first, walked.link_order[number]), straight)
    for row in made.states:
        row.sort(key=lambda slot: slot.order)
    _settle(made)
    _fewer_crossings(made)
    return made


def _exit_order(lane: str, order: int) -> float:
    """Lines to a lane leave at the side of their lane."""
    return {"left": -1e9, "right": 1e9, "": 0.0}[lane] + order


def _join(upper: Slot, lower: Slot, weight: float) -> None:
    upper.downs.append((lower, weight))
    lower.ups.append((upper, weight))


def _hop(made: Grid, target: str, row: int, order: int) -> Slot:
    """Where a line to `target` goes through this row: the target itself, or the slot of lines that pass there."""
    first = upper = None
    for each in range(row, made.rank[target]):
        known = made.passes.get((target, each))
        passing = known or Slot(PASSING, PASSING, order)
        first = first or passing
        if upper:
            _join(upper, passing, 4.0)
        if known:
            return first
        upper = Slot(PASSING, PASSING, order)
        made.passes[target, each], made.pass_exits[target, each] = passing, upper
        made.states[each].append(passing)
        made.exits[each].append(upper)
        _join(passing, upper, 8.0)
    if upper:
        _join(upper, made.boxes[target], 2.0)
    return first or made.boxes[target]


def _settle(made: Grid) -> None:
    """Number the places of each row, and put the exits under their boxes, in the order of where they lead."""
    for row in made.states:
        for place, slot in enumerate(row):
            slot.place = place
    for row in made.exits:
        row.sort(key=_exit_key)


def _exit_key(out: Slot) -> tuple[int, float, float]:
    owner = out.ups[0][0]
    if not out.downs:
        return owner.place, -1.0 if out.order < 0 else 1e9, out.order
    return owner.place, out.downs[0][0].place, out.order


def _fewer_crossings(made: Grid) -> None:
    """Move boxes to the mean place of those they are joined with, if fewer lines cross then. Otherwise the order of
    definition stays."""
    best, kept = _crossings(made), [list(row) for row in made.states]
    for sweep in range(SWEEPS):
        if not best:
            break
        rows = made.states[1:] if sweep % 2 == 0 else made.states[-2::-1]
        for row in rows:
            row.sort(key=_upper_mean if sweep % 2 == 0 else _lower_mean)
            for place, slot in enumerate(row):
                slot.place = place
        _settle(made)
        crossings = _crossings(made)
        if crossings < best:
            best, kept = crossings, [list(row) for row in made.states]
    made.states[:] = kept
    _settle(made)


def _upper_mean(slot: Slot) -> float:
    places = [out.ups[0][0].place for out, _ in slot.ups]
    return sum(places) / len(places) if places else slot.place


def _lower_mean(slot: Slot) -> float:
    places = [out.downs[0][0].place for out, _ in slot.downs if out.downs]
    return sum(places) / len(places) if places else slot.place


def _crossings(made: Grid) -> int:
    return sum(_inversions([out.downs[0][0].place for out in row if out.downs]) for row in made.exits)


def _inversions(places: Sequence[int]) -> int:
    seen: list[int] = []
    count = 0
    for place in places:
        count += len(seen) - bisect(seen, place)
        insort(seen, place)
    return count


def extents(rows: Sequence[Sequence[Slot]]) -> tuple[float, float]:
    """How far these rows reach to the left and to the right."""
    slots = [slot for row in rows for slot in row]
    return min((s.x - s.left for s in slots), default=0.0), max((s.x + s.right for s in slots), default=0.0)


def by_target(links: Sequence[Link], lanes: Sequence[str], lane: str) -> Mapping[str, list[int]]:
    """The links that go in lanes of one side, by their target."""
    found: dict[str, list[int]] = defaultdict(list)
    for number, link in enumerate(links):
        if lanes[number] == lane:
            found[link.target].append(number)
    return found
