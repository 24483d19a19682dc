"""What Arrow's JSON reader cannot tell of numbers, found in the bytes of a block: how they were written.

It works on the whole block at once: the places of points and exponents, and the bytes around them. What looks like a
number between commas within a string counts as one; who is told that there may be something reads the rows one by one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from pipeline.lake.files.readers.json_values import DOUBLE_DIGITS, holds

_REACH = 32
"""Bytes that are looked at on each side of a point or exponent. A number that reaches further may be anything."""

_WIDTH = 2 * _REACH + 1
_JSON_NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$"


def _table(characters: bytes) -> NDArray[np.bool_]:
    table = np.zeros(256, bool)
    table[list(characters)] = True
    return table


_OF_NUMBERS = _table(b"0123456789.+-eE")
_BEFORE, _BEHIND = _table(b":,[ \t\r\n"), _table(b",]} \t\r\n")
_POINT, _SPACE = b". "


class _Numbers(NamedTuple):
    """What may be numbers: the bytes around a mark in the middle, and where each begins and ends in them."""

    windows: NDArray[np.uint8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]


def may_round(data: bytes) -> bool:
    """May there be a decimal in JSON that the nearest double does not hold? See `json_values.holds`."""
    text = np.frombuffer(data, np.uint8)
    points = _numbers(text, np.flatnonzero(text == _POINT), DOUBLE_DIGITS + 2)
    return any(_some_rounded(numbers) for numbers in (points, _numbers(text, _exponents(text), 0)))


def has_exponent(data: bytes) -> bool:
    """May there be a number with an exponent in JSON?"""
    text = np.frombuffer(data, np.uint8)
    return bool(len(_numbers(text, _exponents(text), 0).windows))


def _exponents(text: NDArray[np.uint8]) -> NDArray[np.int64]:
    found = np.flatnonzero((text | 0x20) == b"e"[0])
    found = found[found > 0]
    before = text[found - 1]
    return found[(before - b"0"[0]) < 10]


def _numbers(text: NDArray[np.uint8], marks: NDArray[np.int64], length: int) -> _Numbers:
    """The numbers of at least that length around the marks."""
    parts = [_among(window, length) for window in _windows(text, marks)]
    return _Numbers(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _windows(text: NDArray[np.uint8], marks: NDArray[np.int64]) -> list[NDArray[np.uint8]]:
    inner = (marks >= _REACH) & (marks < len(text) - _REACH)
    found = [sliding_window_view(text, _WIDTH)[marks[inner] - _REACH]] if inner.any() else []
    edge = np.full(_WIDTH, _SPACE, np.uint8)
    for mark in marks[~inner]:
        window = edge.copy()
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


def _some_rounded(numbers: _Numbers) -> bool:
    if not len(numbers.windows):
        return False
    if (numbers.starts == 1).any() or (numbers.ends == _WIDTH - 1).any():
        return True
    texts = _texts(numbers)
    try:
        doubles = texts.cast(pa.float64())
    except pa.ArrowInvalid:
        texts = texts.filter(pc.match_substring_regex(texts, _JSON_NUMBER))
        doubles = texts.cast(pa.float64())
    # Most are written in the shortest way that gives the same double: Arrow's own.
    others = texts.filter(pc.not_equal(doubles.cast(pa.string()), texts)).unique()
    return not all(holds(float(text), text) for text in others.to_pylist())


def _texts(numbers: _Numbers) -> pa.StringArray:
    places = np.arange(_WIDTH)
    within = (places >= numbers.starts[:, np.newaxis]) & (places < numbers.ends[:, np.newaxis])
    sizes = numbers.ends - numbers.starts
    offsets = np.concatenate(([0], np.cumsum(sizes))).astype(np.int32)
    return pa.StringArray.from_buffers(
        len(sizes), pa.py_buffer(offsets.tobytes()), pa.py_buffer(numbers.windows[within].tobytes())
    )
