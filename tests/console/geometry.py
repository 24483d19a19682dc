"""What may not be in a drawing: boxes, labels and lines that lie over each other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from pipeline.console.graph import LABEL_LINE, Box, Layout, Way
from pipeline.console.layout.texts import MONO, widest

Rect = tuple[float, float, float, float]
"""Left, top, right, bottom."""
Segment = tuple[tuple[float, float], tuple[float, float]]
NEAR = 3.0
"""Two parallel lines this near are one to the eye."""


def faults(layout: Layout) -> list[str]:
    """All that is wrong, in the machine and in those inside its states."""
    return [*_boxes(layout), *_lines(layout), *_labels(layout), *_outside(layout), *_inside(layout)]


def _inside(layout: Layout) -> Iterator[str]:
    for box in layout.boxes:
        for placed in box.inner:
            inner = placed.layout
            if not (0 <= placed.x <= box.width - inner.width and 0 <= placed.y <= box.height - inner.height):
                yield f"a machine inside {box.name} sticks out"
            yield from faults(inner)
        for one, other in combinations(box.inner, 2):
            if one.x + one.layout.width > other.x:
                yield f"two branches of {box.name} overlap"


def rect(box: Box) -> Rect:
    """A box."""
    return box.x, box.y, box.x + box.width, box.y + box.height


def label(way: Way) -> Rect:
    """The room of a label's text."""
    assert way.at
    x, y = way.at
    return x, y, x + widest(way.lines, MONO), y + len(way.lines) * LABEL_LINE


def _segments(way: Way) -> list[Segment]:
    return list(zip(way.points, way.points[1:], strict=False))


def _meet(one: Rect, other: Rect) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _hit(segment: Segment, area: Rect) -> bool:
    (x, y), (to_x, to_y) = segment
    thin = (min(x, to_x) - 0.1, min(y, to_y) - 0.1, max(x, to_x) + 0.1, max(y, to_y) + 0.1)
    return _meet(thin, (area[0] + 0.2, area[1] + 0.2, area[2] - 0.2, area[3] - 0.2))


def _boxes(layout: Layout) -> Iterator[str]:
    for one, other in combinations(layout.boxes, 2):
        if _meet(rect(one), rect(other)):
            yield f"{one.name} lies over {other.name}"
    for way in layout.ways:
        for segment in _segments(way):
            (x, y), (to_x, to_y) = segment
            if abs(x - to_x) > 0.01 and abs(y - to_y) > 0.01:
                yield f"{way.source} → {way.target} is aslant"
            for box in layout.boxes:
                if _hit(segment, rect(box)):
                    yield f"{way.source} → {way.target} runs through {box.name}"


def _labels(layout: Layout) -> Iterator[str]:
    told = [way for way in layout.ways if way.lines]
    for one, other in combinations(told, 2):
        if _meet(label(one), label(other)):
            yield f"the labels {one.label} and {other.label} overlap"
    for way in told:
        for box in layout.boxes:
            if _meet(label(way), rect(box)):
                yield f"{way.label} lies over {box.name}"
        for other in layout.ways:
            if any(_hit(segment, label(way)) for segment in _segments(other)):
                yield f"{other.source} → {other.target} runs through {way.label}"


def _lines(layout: Layout) -> Iterator[str]:
    """Lines of one source, or to one target, may share a way; others only cross."""
    for one, other in combinations(layout.ways, 2):
        if one.source == other.source or one.target == other.target:
            continue
        if any(_along(first, second) for first in _segments(one) for second in _segments(other)):
            yield f"{one.source} → {one.target} lies over {other.source} → {other.target}"


def _along(one: Segment, other: Segment) -> bool:
    for axis in (0, 1):
        (a, b), (c, d) = ((sorted(p[axis] for p in each)) for each in (one, other))
        (e, f), (g, h) = ((sorted(p[1 - axis] for p in each)) for each in (one, other))
        if f - e < 0.01 and h - g < 0.01 and abs(e - g) < NEAR and min(b, d) - max(a, c) > 1:
            return True
    return False


def _outside(layout: Layout) -> Iterator[str]:
    areas = [*map(rect, layout.boxes), *(label(way) for way in layout.ways if way.lines)]
    areas += [(x, y, x, y) for way in layout.ways for x, y in way.points]
    if any(a < 0 or b < 0 or c > layout.width or d > layout.height for a, b, c, d in areas):
        yield "something lies outside"
