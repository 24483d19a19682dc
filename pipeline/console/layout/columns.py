"""Where in its row each slot is: as straight below what it is joined with as the others leave room. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.console.layout.rows import Slot

Wish = list[tuple[float, float]]
"""Places that a slot would like to have, each with its weight."""

SWEEPS = 8
_SOMEWHERE = 0.001
"""The weight of the place that a slot without neighbours has."""


def place(rows: Sequence[Sequence[Slot]]) -> None:
    """Set the x of every slot. The sum of weighted distances between joined slots becomes small."""
    for row in rows:
        _fit(row, [[(0.0, 1.0)] for _ in row])
    for wishes in (_of_ups, _of_downs, _of_ups):
        for row in rows if wishes is _of_ups else rows[::-1]:
            _fit(row, [wishes(slot) for slot in row])
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 else rows[::-1]:
            _fit(row, [_of_all(slot) for slot in row])
    # Whole pixels: a line that is almost straight would be drawn aslant.
    for row in rows:
        for slot in row:
            slot.x = float(round(slot.x))


def _of_ups(slot: Slot) -> Wish:
    return _wish(slot, slot.ups)


def _of_downs(slot: Slot) -> Wish:
    return _wish(slot, slot.downs)


def _of_all(slot: Slot) -> Wish:
    return _wish(slot, [*slot.ups, *slot.downs])


def _wish(slot: Slot, joined: Sequence[tuple[Slot, float]]) -> Wish:
    return [(other.x, weight) for other, weight in joined] or [(slot.x, _SOMEWHERE)]


def _fit(row: Sequence[Slot], wishes: Sequence[Wish]) -> None:
    """Give the slots of a row the places nearest to their wishes that keep their order and room.

    Isotonic regression of weighted medians by merging of neighbours that are in each other's way (pool adjacent
    violators): the least sum of absolute distances.
    """
    offset, offsets = 0.0, []
    for place, slot in enumerate(row):
        offset += row[place - 1].right + slot.left if place else 0.0
        offsets.append(offset)
    blocks: list[tuple[float, Wish, int]] = []
    for shift, wish in zip(offsets, wishes, strict=True):
        values = [(value - shift, weight) for value, weight in wish]
        middle, number = _median(values), 1
        while blocks and blocks[-1][0] > middle:
            _, before, more = blocks.pop()
            values, number = before + values, number + more
            middle = _median(values)
        blocks.append((middle, values, number))
    positions = [middle for middle, _, number in blocks for _ in range(number)]
    for slot, shift, position in zip(row, offsets, positions, strict=True):
        slot.x = position + shift


def _median(values: Wish) -> float:
    """The weighted median; between two that are as good, the middle."""
    if len(values) == 1:
        return values[0][0]
    values.sort()
    half, seen = sum(weight for _, weight in values) / 2, 0.0
    for number, (value, weight) in enumerate(values):
        seen += weight
        if seen > half + 1e-9:
            return value
        if seen > half - 1e-9 and number + 1 < len(values):
            return (value + values[number + 1][0]) / 2
    return values[-1][0]
