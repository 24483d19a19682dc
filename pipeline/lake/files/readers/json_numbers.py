"""What Arrow's JSON reader cannot tell of numbers, found in the bytes of a block: how they were written.

It works on the whole block at once: the places of points and exponents, and the bytes around them. What looks like a
number between commas within a string counts as one; who is told that there may be something reads the rows one by one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from pipeline.lake.files.byte_places import places_of
from pipeline.lake.files.readers.json_digits import leading_digits, surely_held, words_of
from pipeline.lake.files.readers.json_doubles import all_hold
from pipeline.lake.files.readers.json_values import DOUBLE_DIGITS, holds

Text = NDArray[np.uint8]
Places = NDArray[np.int64]

_REACH = 32
"""Bytes that are looked at on each side of a point or exponent. A number that reaches further may be anything."""

_WIDTH = 2 * _REACH + 1
_LEFT, _RIGHT = 16, 24
"""Digits on each side of a point up to which the quick way counts them, by eights."""

_FEW = 40
"""Numbers that are sooner looked at one by one than put into columns."""

JSON_NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
_VIEW = np.dtype([("size", "<i4"), ("prefix", "<u4"), ("buffer", "<i4"), ("offset", "<i4")])
"""Arrow's string view of more than 12 bytes."""


def _table(characters: bytes) -> NDArray[np.bool_]:
    table = np.zeros(256, np.bool_)
    table[list(characters)] = True
    return table


_OF_NUMBERS = _table(b"0123456789.+-eE")
_BEFORE, _BEHIND = _table(b":,[ \t\r\n"), _table(b",]} \t\r\n")
_POINT, _MINUS, _SPACE, _ZERO, _E = b".- 0e"
_LOWER = 0x20


class _Numbers(NamedTuple):
    """What may be numbers: the bytes around a mark in the middle, and where each begins and ends in them."""

    windows: NDArray[np.uint8]
    starts: Places
    ends: Places


def may_round(text: Text) -> bool:
    """May there be a decimal in JSON that the nearest double does not hold? See `json_values.holds`."""
    # A minus and a point follow each other.
    places = places_of(text, _MINUS, _POINT)
    is_point = text[places] == _POINT
    points, minuses = places[is_point], places[~is_point]
    exponents = _exponents(text, minuses[minuses > 1] - 1)
    inner = (points >= _REACH) & (points < len(text) - _REACH)
    others = points[~inner]
    if inner.any():
        points = points[inner]
        starts, ends, more = _long_numbers(text, points[~surely_held(text, points)])
        if _some_rounded(_cut(text, starts, ends)):
            return True
        others = np.concatenate((others, more))
    # Without a point, digits are lost by negative exponents only; large numbers are seen in their doubles.
    return _some_rounded_around(text, others) or _some_rounded_around(text, exponents, _is_doubtful)


def has_exponent(text: Text) -> bool:
    """May there be a number with an exponent in JSON?"""
    letters = np.flatnonzero((text | _LOWER) == _E)
    return len(_numbers(text, _exponents(text, letters[letters > 0]), 0).windows) > 0


def _exponents(text: Text, places: Places) -> Places:
    """Which of the places have an E behind a digit."""
    found = places[(text[places] | _LOWER) == _E]
    exponents: Places = found[text[found - 1] - _ZERO < 10]
    return exponents


def _long_numbers(text: Text, points: Places) -> tuple[Places, Places, Places]:
    """Starts and ends of the numbers of too many digits around the points; the third are points to look at closer."""
    words = words_of(text)
    right = _run(words, points + 1, points + 9, points + 17)
    left = _run(words, points - 8, points - 16, backward=True)
    long = left + right > DOUBLE_DIGITS
    points, left, right = points[long], left[long], right[long]
    starts, ends = points - left, points + 1 + right
    starts -= text[starts - 1] == _MINUS
    behind = text[ends]
    beyond = (left >= _LEFT) | (right >= _RIGHT) | ((behind | _LOWER) == _E)
    plain = ~beyond & _BEFORE[text[starts - 1]] & _BEHIND[behind]
    return starts[plain], ends[plain], points[beyond]


def _run(words: NDArray[np.uint64], *places: Places, backward: bool = False) -> Places:
    """How many digits follow each other in the eight bytes at the first places, and if all are some, at the next."""
    count = np.zeros(len(places[0]), np.int64)
    for number, each in enumerate(places):
        full = count == 8 * number
        if full.any():
            found = words[each]
            count += np.where(full, leading_digits(found.byteswap() if backward else found), 0)
    return count


def _cut(text: Text, starts: Places, ends: Places) -> pa.StringArray:
    """The texts between those places, all of more than 12 bytes."""
    if len(starts) <= _FEW:
        cut = [bytes(text[start:end]).decode() for start, end in zip(starts, ends, strict=True)]
        return pa.array(cut, pa.string())
    # Views take no copy of what lies between, but their cast makes room for it.
    prefixes = np.ndarray((len(text) - 3,), np.dtype("<u4"), text.data, strides=(1,))
    views = np.zeros(len(starts), _VIEW)
    views["size"], views["offset"], views["prefix"] = ends - starts, starts, prefixes[starts]
    buffers = [None, pa.py_buffer(views), pa.py_buffer(text)]
    return pa.Array.from_buffers(pa.string_view(), len(views), buffers).cast(pa.string())


def _is_doubtful(numbers: _Numbers) -> NDArray[np.bool_]:
    """Of numbers around a negative exponent: do they have many digits, or an exponent near the end of the doubles?"""
    return (numbers.ends - numbers.starts > DOUBLE_DIGITS + 1) | (numbers.ends - _REACH > len("e-99"))


def _some_rounded_around(
    text: Text, marks: Places, which: Callable[[_Numbers], NDArray[np.bool_]] | None = None
) -> bool:
    if not len(marks):
        return False
    numbers = _numbers(text, marks, 0)
    if which:
        chosen = which(numbers)
        numbers = _Numbers(numbers.windows[chosen], numbers.starts[chosen], numbers.ends[chosen])
    if (numbers.starts == 1).any() or (numbers.ends == _WIDTH - 1).any():
        return True
    return _some_rounded(_texts(numbers))


def _texts(numbers: _Numbers) -> pa.StringArray:
    places = np.arange(_WIDTH)
    within = (places >= numbers.starts[:, np.newaxis]) & (places < numbers.ends[:, np.newaxis])
    offsets = np.concatenate(([0], np.cumsum(numbers.ends - numbers.starts))).astype(np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(numbers.windows[within])]
    return pa.Array.from_buffers(pa.string(), len(numbers.starts), buffers)


def _some_rounded(texts: pa.StringArray) -> bool:
    if len(texts) <= _FEW:
        numbers = [text for text in texts.to_pylist() if re.fullmatch(JSON_NUMBER, text)]
        return not all(holds(float(text), text) for text in numbers)
    try:
        doubles = texts.cast(pa.float64())
    except pa.ArrowInvalid:
        texts = texts.filter(pc.match_substring_regex(texts, JSON_NUMBER))
        doubles = texts.cast(pa.float64())
    # Most are written in the shortest way that gives the same double: Arrow's own.
    others = pc.not_equal(doubles.cast(pa.string()), texts)
    return not all_hold(texts.filter(others), doubles.filter(others).to_numpy())


def _numbers(text: Text, marks: Places, length: int) -> _Numbers:
    """The numbers of at least that length around the marks."""
    parts = [_among(window, length) for window in _windows(text, marks)]
    return _Numbers(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _windows(text: Text, marks: Places) -> list[NDArray[np.uint8]]:
    inner = (marks >= _REACH) & (marks < len(text) - _REACH)
    found = [sliding_window_view(text, _WIDTH)[marks[inner] - _REACH]] if inner.any() else []
    for mark in marks[~inner]:
        window = np.full(_WIDTH, _SPACE, np.uint8)
        start, end = max(mark - _REACH, 0), min(mark + _REACH + 1, len(text))
        window[start - mark + _REACH : end - mark + _REACH] = text[start:end]
        found.append(window[np.newaxis])
    return found or [np.empty((0, _WIDTH), np.uint8)]


def _among(windows: NDArray[np.uint8], length: int) -> _Numbers:
    """Those of the windows whose middle is in a number, by what stands around it."""
    within = _OF_NUMBERS[windows]
    within[:, 0] = within[:, -1] = False
    starts = _REACH + 1 - within[:, _REACH::-1].argmin(axis=1)
    ends = _REACH + within[:, _REACH:].argmin(axis=1)
    rows = np.arange(len(windows))
    before, behind = windows[rows, starts - 1], windows[rows, ends]
    # A number that reaches to the end of its window is taken for one whatever is behind it.
    cut = (starts == 1) | (ends == _WIDTH - 1)
    keep = (ends - starts >= length) & ((_BEFORE[before] & _BEHIND[behind]) | cut)
    return _Numbers(windows[keep], starts[keep], ends[keep])
