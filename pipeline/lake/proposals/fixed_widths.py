"""Columns as wide in each line, told from where no line has a character."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from pipeline.lake.proposals.kinds import common_kind
from pipeline.lake.proposals.rows import Row, is_rule

_LINES = 3
_LOOKED_AT = 500
_LONGEST = 4000
_RULE = re.compile(r"(?:-+|=+)(?: +(?:-+|=+))+")
_PART = re.compile(r"[-=]+")
_RULE_DEPTH = 10
"""Lines within which a line is drawn below the header."""


def find_widths(lines: Sequence[str]) -> tuple[int, ...]:
    """The characters of each column, the spaces behind it among them; none if the lines are not cut so."""
    bodies = [line.rstrip("\r\n") for line in lines[:_LOOKED_AT] if line.strip()]
    if len(bodies) < _LINES or any("\t" in line or len(line) > _LONGEST for line in bodies):
        return ()
    # A title above, or a remark below, is as long as it likes.
    length = max(map(len, bodies))
    if drawn := _drawn(bodies, length):
        return drawn
    filled = [any(len(line) > place and line[place] != " " for line in bodies) for place in range(length)]
    starts = [place for place in range(length) if filled[place] and (place == 0 or not filled[place - 1])]
    if len(starts) < 2:
        return ()
    edges = [0, *starts[1:], length]
    widths = tuple(end - start for start, end in pairwise(edges))
    rows = [cut_line(line, widths) for line in bodies[1:] if not is_rule(line)]
    kinds = [common_kind(row[place] for row in rows) for place in range(len(widths))]
    gaps = [not any(filled[edge - 2 : edge]) for edge in edges[1:-1]]
    full = sum(all(row) for row in rows) * 2 >= len(rows)
    return widths if full and (any(kinds) or all(gaps)) else ()


def _drawn(bodies: Sequence[str], length: int) -> tuple[int, ...]:
    """The widths that a line of dashes below the header shows, as SQL*Plus and sqlcmd draw it: a part a column."""
    rule = next((line for line in bodies[:_RULE_DEPTH] if _RULE.fullmatch(line.rstrip())), None)
    if rule is None:
        return ()
    starts = [part.start() for part in _PART.finditer(rule)]
    others = [line for line in bodies if not is_rule(line) and len(line) > starts[-1]]
    parted = [all(line[start - 1] == " " for start in starts[1:]) for line in others]
    if starts[0] != 0 or not parted or sum(parted) * 10 < len(parted) * 8:
        return ()
    return tuple(end - start for start, end in pairwise([*starts, max(length, starts[-1] + 1)]))


def cut_line(line: str, widths: Sequence[int]) -> tuple[str, ...]:
    """The cells of a line, without the spaces around them."""
    cells, at = [], 0
    for width in widths:
        cells.append(line[at : at + width].strip())
        at += width
    return tuple(cells)


def fixed_rows(lines: Sequence[str], widths: Sequence[int]) -> list[Row]:
    """All lines as rows."""
    return [Row(number, cut_line(line.rstrip("\r\n"), widths), line) for number, line in enumerate(lines, 1)]
