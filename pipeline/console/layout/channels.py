"""The lines between two rows: each in a track of its own, so that no two lie over each other. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

APART = 8.0
"""Lines that are nearer than this would be taken for one."""


@dataclass(slots=True, eq=False)
class Net:
    """Lines of one source, or to one target: they share a horizontal line, in `track` from the top.

    `tops` are where they come from above, `bottoms` where they go on below; `track` is None if they are straight.
    `reach` is how far the last of `bottoms` may be moved to either side.
    """

    tops: list[float] = field(default_factory=list)
    bottoms: list[float] = field(default_factory=list)
    reach: float = 0.0
    track: int | None = None

    @property
    def ends(self) -> tuple[float, float]:
        """The ends of its horizontal line."""
        pins = self.tops + self.bottoms
        return min(pins), max(pins)

    @property
    def is_straight(self) -> bool:
        """Whether it needs no horizontal line."""
        left, right = self.ends
        return right - left < 0.5


def assign(nets: Sequence[Net]) -> int:
    """Give every net its track; the number of tracks. An end below may be moved where lines would overlap otherwise.

    The left-edge algorithm with vertical constraints: of two nets that meet in a column, the one that comes from
    above there is in the higher track.
    """
    waiting = sorted((net for net in nets if not net.is_straight), key=lambda net: net.ends)
    above = _constraints(waiting)
    track = 0
    while waiting:
        free = [net for net in waiting if not above[net]]
        if not free:
            if _move_one(waiting, nets):
                above = _constraints(waiting)
                continue
            free = waiting[:1]
        reached = None
        for net in sorted(free, key=lambda net: net.ends):
            left, right = net.ends
            if reached is None or left >= reached + APART:
                net.track, reached = track, right
        waiting = [net for net in waiting if net.track is None]
        for others in above.values():
            others.difference_update(net for net in nets if net.track is not None)
        track += 1
    return track


def _constraints(nets: Sequence[Net]) -> dict[Net, set[Net]]:
    """For each net the nets that have to be above it."""
    above: dict[Net, set[Net]] = {net: set() for net in nets}
    tops = sorted(((x, number) for number, net in enumerate(nets) for x in net.tops))
    bottoms = sorted(((x, number) for number, net in enumerate(nets) for x in net.bottoms))
    first = 0
    for x, number in tops:
        while first < len(bottoms) and bottoms[first][0] <= x - APART:
            first += 1
        for other_x, other in bottoms[first:]:
            if other_x >= x + APART:
                break
            if other != number:
                above[nets[other]].add(nets[number])
    return above


def _move_one(waiting: Sequence[Net], nets: Sequence[Net]) -> bool:
    """Move one end below out of the way of all that comes from above; False if none can be moved."""
    for net in waiting:
        if not net.bottoms or not net.reach:
            continue
        x = net.bottoms[-1]
        others = [top for other in nets if other is not net for top in other.tops]
        taken = [bottom for other in nets if other is not net for bottom in other.bottoms]
        if not any(abs(top - x) < APART for top in others):
            continue
        for step in range(1, int(net.reach / 4) + 1):
            for moved in (x + 4 * step, x - 4 * step):
                if all(abs(moved - other) >= APART for other in [*others, *taken]):
                    net.bottoms[-1], net.reach = moved, 0.0
                    return True
    return False
