"""The room that text takes, in pixels, without asking a browser: on the safe side of what browsers draw. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Font:
    """`cell` is the pixels that a letter of usual width takes. In one that `is_mono` all letters are as wide."""

    cell: float
    is_mono: bool = False

    def cells(self, text: str) -> float:
        """How many letters' room a text takes."""
        return sum(self._cells(each) for each in text)

    def cut(self, text: str, width: float) -> str:
        """As much of its beginning as has room in so many cells."""
        room = 0.0
        for place, letter in enumerate(text):
            room += self._cells(letter)
            if room > width + 1e-9:
                return text[:place]
        return text

    def _cells(self, letter: str) -> float:
        # Those of East Asian scripts, and signs that are pictures.
        if unicodedata.east_asian_width(letter) in "WF":
            return 2.0
        if self.is_mono:
            return 1.0
        if letter in _WIDEST:
            return 1.7
        return 1.3 if letter.isupper() or letter in "w+=<>~" else 1.0


_WIDEST = frozenset("MWm@%&…—")
NAME, SMALL, TICK = Font(8.4), Font(7.2), Font(7.0)
"""Of a box's name; of a thing's in a picture of lineage; of axes' labels, and of what stands below such a name."""
MONO = Font(6.7, is_mono=True)
"""Of the labels of lines."""


def wrapped(text: str, width: int, most: int, font: Font) -> list[str]:
    """The text in at most `most` lines of at most `width` cells, broken where words end or, in long ones, within."""
    lines: list[str] = []
    for word in _words(" ".join(text.split()), width, font):
        if lines and font.cells(lines[-1]) + font.cells(word.rstrip()) <= width:
            lines[-1] += word
        else:
            lines.append(word)
    lines = [line.strip() for line in lines] or [""]
    if len(lines) > most:
        last = lines[most - 1]
        lines = [*lines[: most - 1], f"{font.cut(last, width - font.cells('…'))}…"]
    return lines


def _words(text: str, width: int, font: Font) -> Sequence[str]:
    """Words with the space behind them; parts of names such as `LoadOrders-now` may be apart; none is too wide."""
    found = []
    for word in re.findall(r"[^ ]+ ?|^$", text):
        parts = [word] if font.cells(word.rstrip()) <= width else re.findall(r"[A-Z]?[^A-Z_.:/-]*[_.:/-]*", word)
        for part in filter(None, parts):
            start = 0
            # The space behind a word needs no room.
            end = len(part.rstrip())
            while start + len(piece := font.cut(part[start : start + width], width) or part[start]) < end:
                found.append(piece)
                start += len(piece)
            found.append(part[start:])
    return found


def widest(lines: Sequence[str], font: Font) -> float:
    """The pixels of the longest line."""
    return max((font.cells(line) for line in lines), default=0.0) * font.cell
