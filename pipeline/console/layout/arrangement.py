"""Boxes, lines and labels in their places, in pixels from the upper left corner. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.console.layout.channels import APART, Net, assign
from pipeline.console.layout.columns import place
from pipeline.console.layout.rows import BESIDE, SPACE, Grid, Link, Node, by_target, extents, grid

TRACK = 12.0
"""Between two lines."""
ABOVE, ARROW = 10.0, 18.0
"""Above and below the lines between two rows: below them, arrowheads have their place."""
LANE = 16.0
MARGIN = 12.0

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """The course of a link, and the upper left corner of its label, if it has one."""

    points: tuple[Point, ...]
    label: Point | None


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The upper left corners of boxes by name, and the lines of the links in their order."""

    width: float
    height: float
    boxes: dict[str, Point]
    lines: tuple[Line, ...]


def arrange(nodes: Sequence[Node], links: Sequence[Link]) -> Arrangement:
    """Lay out a graph; the first node stands at the top. Links name nodes, and no two have the same ends."""
    made = grid(nodes, links)
    place([row for pair in zip(made.states, made.exits, strict=True) for row in pair])
    return _Drawing(nodes, links, made).arrangement()


class _Drawing:
    """The steps after slots have their x: lanes, the lines between rows, heights, and the course of each line."""

    def __init__(self, nodes: Sequence[Node], links: Sequence[Link], made: Grid) -> None:
        self.nodes, self.links, self.grid = nodes, links, made
        self.lanes = {**self._lanes("right"), **self._lanes("left")}
        # Of each row, the lines from boxes to exits by their slot, and those from exits by what they lead to.
        self.fans: list[dict[int, Net]] = [{} for _ in made.states]
        self.joins: list[dict[tuple[str, str], Net]] = [defaultdict(Net) for _ in made.states]
        self._fill()
        self.fan_tracks, self.join_tracks = self._assign()
        self._stack()

    def _lanes(self, side: str) -> dict[tuple[str, str], tuple[float, int, int]]:
        """Of each lane its x, and the first and last of the rows below which it runs."""
        rank, spans = self.grid.rank, {}
        for target, numbers in by_target(self.links, self.grid.lane, side).items():
            sources = [rank[self.links[number].source] for number in numbers]
            below = rank[target] - 1
            spans[target] = (min(sources), below) if side == "right" else (below, max(sources))
        lanes: dict[tuple[str, str], tuple[float, int, int]] = {}
        for target, (first, last) in sorted(spans.items(), key=lambda item: (item[1][1] - item[1][0], item[1])):
            rows = [row for r in range(max(first, 0), last + 1) for row in (self.grid.states[r], self.grid.exits[r])]
            left, right = extents(rows[1:] if side == "right" else rows)
            taken = {x for x, low, high in lanes.values() if low <= last and first <= high}
            x, step = (right + LANE / 2, LANE) if side == "right" else (left - LANE / 2, -LANE)
            while any(abs(x - other) < LANE for other in taken):
                x += step
            lanes[side, target] = x, first, last
        return lanes

    def _fill(self) -> None:
        """Which ends each net has."""
        rank = self.grid.rank
        for (target, row), passing in self.grid.passes.items():
            out = self.grid.pass_exits[target, row]
            self.fans[row][id(passing)] = Net([passing.x], [out.x])
            self._lead(row, target, out.x)
        for number, link in enumerate(self.links):
            out, row = self.grid.link_exits[number], rank[link.source]
            fan = self.fans[row].setdefault(id(self.grid.boxes[link.source]), Net([self.grid.boxes[link.source].x]))
            fan.bottoms.append(out.x)
            lane = self.grid.lane[number]
            if lane == "left" or (lane == "right" and rank[link.target] - 1 > row):
                self.joins[row][lane, link.target].tops.append(out.x)
            else:
                self._lead(row, link.target, out.x)
        for (side, target), (x, first, last) in self.lanes.items():
            for row in range(first, last + 1):
                net = self.joins[row]["to" if row == rank[target] - 1 else side, target]
                above, below = (row > first, row < last)
                net.tops += [x] if above else []
                net.bottoms += [x] if below else []
        self._enter()

    def _assign(self) -> tuple[list[int], list[int]]:
        """Tracks from the top down: a passing line that had to be moved begins the next row where it is then."""
        fans, joins = [], []
        for row, nets in enumerate(self.joins):
            fans.append(assign(list(self.fans[row].values())))
            joins.append(assign(list(nets.values())))
            for (side, target), net in nets.items():
                if side == "to" and (passing := self.grid.passes.get((target, row + 1))):
                    passing.x = self.fans[row + 1][id(passing)].tops[0] = net.bottoms[-1]
        return fans, joins

    def _lead(self, row: int, target: str, x: float) -> None:
        self.joins[row]["to", target].tops.append(x)

    def _enter(self) -> None:
        """Where the lines to a box, or to the slot in which they pass, end below: the end that may be moved."""
        widths = {node.name: node.width for node in self.nodes}
        for row, nets in enumerate(self.joins):
            for (side, target), net in nets.items():
                if side != "to":
                    continue
                is_there = self.grid.rank[target] == row + 1
                slot = self.grid.boxes[target] if is_there else self.grid.passes[target, row + 1]
                net.bottoms.append(slot.x)
                net.reach = max(widths[target] / 2 - SPACE, 0.0) if is_there else APART

    def _stack(self) -> None:
        """The heights of rows, of the labels below them, and of the lines between."""
        heights = {node.name: node.height for node in self.nodes}
        self.tops, self.fan_tops, self.label_tops, self.join_tops = [], [], [], []
        y = MARGIN
        for row in range(len(self.grid.states)):
            own = [heights[name] for name, rank in self.grid.rank.items() if rank == row]
            labels = [link.label[1] for link in self.links if self.grid.rank[link.source] == row]
            self.tops.append(y)
            y += max(own, default=0.0)
            self.fan_tops.append(y + ABOVE)
            y += ABOVE + (self.fan_tracks[row] * TRACK if self.fan_tracks[row] else 0.0)
            self.label_tops.append(y)
            y += max(labels, default=0.0)
            self.join_tops.append(y + ABOVE / 2)
            y += ABOVE / 2 + max(self.join_tracks[row] - 1, 0) * TRACK + ARROW
        self.height = self.tops[-1] + max(heights[name] for name, rank in self.grid.rank.items() if rank == row)

    def arrangement(self) -> Arrangement:
        """All in its place, moved so that nothing is left of or above the corner."""
        lines = [self._line(number) for number in range(len(self.links))]
        corners = {
            node.name: (self.grid.boxes[node.name].x - node.width / 2, self.tops[self.grid.rank[node.name]])
            for node in self.nodes
        }
        labels = [(corner[0] + link.label[0]) for (_, corner), link in zip(lines, self.links, strict=True) if corner]
        ends = [x for points, _ in lines for x, _ in points]
        ends += [
            x + edge
            for node in self.nodes
            for x, edge in [(corners[node.name][0], 0.0), (corners[node.name][0], node.width)]
        ]
        left, right = min(ends) - MARGIN, max([*ends, *labels]) + MARGIN
        # Lines back up leave the last row below its boxes.
        heights = [self.height, *(y for points, _ in lines for _, y in points)]
        heights += [corner[1] + link.label[1] for (_, corner), link in zip(lines, self.links, strict=True) if corner]
        return Arrangement(
            right - left,
            max(heights) + MARGIN,
            {name: (x - left, y) for name, (x, y) in corners.items()},
            tuple(
                Line(tuple((x - left, y) for x, y in points), (corner[0] - left, corner[1]) if corner else None)
                for points, corner in lines
            ),
        )

    def _line(self, number: int) -> tuple[list[Point], Point | None]:
        link, rank = self.links[number], self.grid.rank
        box, out, row = self.grid.boxes[link.source], self.grid.link_exits[number], rank[link.source]
        height = next(node.height for node in self.nodes if node.name == link.source)
        points = [(box.x, self.tops[row] + height)]
        self._bend(points, self._fan_y(row, id(box)), out.x)
        label = (out.x + BESIDE, self.label_tops[row]) if link.label[0] else None
        side = self.grid.lane[number]
        if side:
            x, first, last = self.lanes[side, link.target]
            end = last if side == "right" else first
            if row != end:
                self._bend(points, self._join_y(row, (side, link.target)), x)
            row = end
        while rank[link.target] > row + 1:
            row = self._pass(points, row, link.target)
        net = self.joins[row]["to", link.target]
        entry = net.bottoms[-1]
        self._bend(points, self._join_y(row, ("to", link.target)), entry)
        points.append((entry, self.tops[row + 1]))
        return _simple(points), label

    def _pass(self, points: list[Point], row: int, target: str) -> int:
        passing, out = self.grid.passes[target, row + 1], self.grid.pass_exits[target, row + 1]
        self._bend(points, self._join_y(row, ("to", target)), passing.x)
        self._bend(points, self._fan_y(row + 1, id(passing)), out.x)
        return row + 1

    def _fan_y(self, row: int, slot: int) -> float | None:
        track = self.fans[row][slot].track
        return None if track is None else self.fan_tops[row] + track * TRACK

    def _join_y(self, row: int, key: tuple[str, str]) -> float | None:
        track = self.joins[row][key].track
        return None if track is None else self.join_tops[row] + track * TRACK

    @staticmethod
    def _bend(points: list[Point], y: float | None, x: float) -> None:
        """Go down to the track, and along it to `x`."""
        if y is not None:
            points += [(points[-1][0], y), (x, y)]


def _simple(points: Sequence[Point]) -> list[Point]:
    """Without points on a straight way."""
    kept: list[Point] = []
    for point in points:
        if kept and abs(point[0] - kept[-1][0]) < 0.01 and abs(point[1] - kept[-1][1]) < 0.01:
            continue
        while len(kept) > 1 and (_same(kept[-2], kept[-1], point, 0) or _same(kept[-2], kept[-1], point, 1)):
            kept.pop()
        kept.append(point)
    return kept


def _same(one: Point, other: Point, third: Point, axis: int) -> bool:
    return abs(one[axis] - other[axis]) < 0.01 and abs(other[axis] - third[axis]) < 0.01
