"""Where the brackets and commas of JSON text are, and how deep: whole arrays at once, so that any depth is no matter.

Values are not read here. What is no JSON has a structure too; who reads the values finds out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_QUOTE, _COMMA, _BACKSLASH = b'",\\'
_OPEN, _CLOSE = b"[{", b"]}"


def _steps() -> NDArray[np.int8]:
    steps = np.zeros(256, np.int8)
    steps[list(_OPEN)], steps[list(_CLOSE)] = 1, -1
    return steps


def _marks() -> NDArray[np.bool_]:
    marks = np.zeros(256, np.bool_)
    marks[[*_OPEN, *_CLOSE, _QUOTE, _COMMA]] = True
    return marks


_STEPS, _MARKS = _steps(), _marks()


@dataclass(frozen=True, slots=True)
class Structure:
    """The brackets and commas outside of strings: where they stand, what they are, and the depth behind each."""

    places: NDArray[np.int64]
    marks: NDArray[np.uint8]
    depths: NDArray[np.int64]

    def end(self) -> int | None:
        """The place of the first bracket that closes what was not opened here."""
        found = np.flatnonzero(self.depths < 0)
        return int(self.places[found[0]]) if len(found) else None

    def commas(self) -> list[int]:
        """The places of the commas within no bracket, up to `end`."""
        end = self.end()
        chosen = self.places[(self.marks == _COMMA) & (self.depths == 0)]
        return [int(place) for place in (chosen if end is None else chosen[chosen < end])]

    def first_end(self) -> int | None:
        """Behind the first object or array."""
        closed = np.flatnonzero((_STEPS[self.marks] < 0) & (self.depths == 0))
        return int(self.places[closed[0]]) + 1 if len(closed) else None

    def values(self) -> list[tuple[int, int]]:
        """Where each object or array starts and ends that lies in no other."""
        opened = self.places[(_STEPS[self.marks] > 0) & (self.depths == 1)]
        closed = self.places[(_STEPS[self.marks] < 0) & (self.depths == 0)] + 1
        return [(int(start), int(end)) for start, end in zip(opened, closed, strict=False)]


def scan(data: bytes) -> Structure:
    """The structure of text that begins outside of strings."""
    text = np.frombuffer(data, np.uint8)
    places = np.flatnonzero(_MARKS[text])
    marks = text[places]
    quotes = marks == _QUOTE
    if b"\\" in data:
        quotes &= ~np.isin(places, _escaped(text))
    outside = (np.cumsum(quotes) % 2 == 0) & (marks != _QUOTE)
    places, marks = places[outside], marks[outside]
    return Structure(places, marks, np.cumsum(_STEPS[marks], dtype=np.int64))


def _escaped(text: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The places right behind an odd number of backslashes."""
    slashes = np.flatnonzero(text == _BACKSLASH)
    last = np.append(np.diff(slashes) != 1, True)
    ends = np.flatnonzero(last)
    lengths = np.diff(ends, prepend=-1)
    found: NDArray[np.int64] = slashes[ends[lengths % 2 == 1]] + 1
    return found
