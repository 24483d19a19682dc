"""Digits around the points of decimals in JSON, eight at a time, and which of those decimals a double surely holds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.lake.files.readers.json_values import DOUBLE_DIGITS

Text = NDArray[np.uint8]
Words = NDArray[np.uint64]
Places = NDArray[np.int64]
Flags = NDArray[np.bool_]

_GOES_ON = np.zeros(256, np.bool_)
"""Whether a decimal does, with such a byte."""
_GOES_ON[[*b"0123456789eE"]] = True

_COUNTED = 18
"""Digits, with zeros before them, that 64 bits hold."""

_MOST = 10**17
"""Decimals whose digits are a smaller integer are told apart by `holds`."""

_TENS = 10 ** np.arange(_COUNTED, dtype=np.uint64)
_DOUBLE_TENS = _TENS.astype(np.float64)

_FRACTION_BITS = 52
"""Of a double, whose other bits are sign and exponent; the bit before them is 1 and not written."""

_UNIT = 1023 + _FRACTION_BITS
"""The exponent as a double writes it, with which its fraction counts ones."""

_MOST_SHIFTED = 57
"""Bits: a difference of less than 33 that is shifted so far is still an integer of 63."""


def _bytes(value: int) -> np.uint64:
    return np.uint64(int.from_bytes(bytes([value] * 8)))


def words_of(text: Text) -> Words:
    """The eight bytes from each place on, the first the lowest."""
    return np.ndarray((len(text) - 7,), np.dtype("<u8"), text.data, strides=(1,))


def leading_digits(words: Words) -> Places:
    """How many of the eight bytes, from the lowest, are digits before one is none."""
    value = words ^ _bytes(ord("0"))
    others = (((value & _bytes(0x7F)) + _bytes(0x80 - 10)) | value) & _bytes(0x80)
    below = (others & (~others + np.uint64(1))) - np.uint64(1)
    return np.bitwise_count(below).astype(np.int64) >> 3


def surely_held(text: Text, points: Places) -> Flags:
    """Around which points is a decimal that the nearest double holds, whatever it is part of?

    The points are at least 18 bytes from either end. It is told of up to 7 digits before a point and 16 behind it.
    """
    words = words_of(text)
    before, near, far = words[points - 8], words[points + 1], words[points + 9]
    left, first = leading_digits(before.byteswap()), leading_digits(near)
    second = np.where(first == 8, leading_digits(far), 0)
    count = left + first + second
    sure = (count <= DOUBLE_DIGITS) & (left < 8)
    chosen = np.flatnonzero((count > DOUBLE_DIGITS) & (count <= _COUNTED) & (left < 8))
    if len(chosen):
        left, first, second = left[chosen], first[chosen], second[chosen]
        whole = _integers(before[chosen] >> _bits(8 - left) << _bits(8 - left))
        part = whole * _TENS[first] + _integers(near[chosen] << _bits(8 - first))
        # All bits cannot be shifted out at once.
        rest = _integers(np.where(second > 0, far[chosen] << _bits(8 - np.maximum(second, 1)), 0))
        behind = text[points[chosen] + 1 + first + second]
        sure[chosen] = _are_held(part * _TENS[second] + rest, first + second) & ~_GOES_ON[behind]
    return sure


def _bits(count: Places) -> Words:
    return (count * 8).astype(np.uint64)


def _integers(words: Words) -> Words:
    """The integers that eight digits are, the first the lowest byte; zero bytes count as 0."""
    value = words & _bytes(0x0F)
    for ones, factor, shift in _JOINS:
        value = (value * factor >> shift) & ones
    return value


_JOINS = [
    (np.uint64(ones), np.uint64(factor), np.uint64(shift))
    for ones, factor, shift in (
        (0x00FF00FF00FF00FF, 10 * 2**8 + 1, 8),
        (0x0000FFFF0000FFFF, 100 * 2**16 + 1, 16),
        (0x00000000FFFFFFFF, 10000 * 2**32 + 1, 32),
    )
]


def _are_held(digits: Words, powers: Places) -> Flags:
    """Which of the integers, each divided by that power of ten, some double is when it is written with its digits.

    Then the nearest one is too. A double near it is an integer divided by a power of two; both sides times that and
    the power of ten are integers, whose lowest 64 bits tell their difference, which is small. Where the division was
    rounded the wrong way, the next double is the nearest.
    """
    tens = _TENS[powers]
    bits = (digits.view(np.int64) / _DOUBLE_TENS[powers]).view(np.uint64)
    shifts = np.uint64(_UNIT) - (bits >> np.uint64(_FRACTION_BITS))
    known = (digits < _MOST) & (shifts - np.uint64(1) < _MOST_SHIFTED)
    shifts = np.where(known, shifts, np.uint64(1))
    fractions = bits & np.uint64(2**_FRACTION_BITS - 1) | np.uint64(2**_FRACTION_BITS)
    off = np.abs((fractions * tens - (digits << shifts)).view(np.int64))
    next_off = np.abs(off - tens.view(np.int64))
    held: Flags = known & (np.minimum(off, next_off) < (np.uint64(1) << (shifts - np.uint64(1))).view(np.int64))
    return held
