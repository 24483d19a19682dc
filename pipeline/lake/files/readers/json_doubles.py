"""`json_values.holds` for many decimals at once, with twice the digits of a double where it takes them."""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.lake.files.readers.json_values import holds

Doubles = NDArray[np.float64]

_PARTS = r"^-?(?P<whole>[0-9]+)(?:\.(?P<fraction>[0-9]*))?(?:[eE](?P<exponent>[+-]?[0-9]+))?$"
_MOST_DIGITS = 17
_RANGE = 280
"""Powers of ten up to which products with a double of that size neither overflow nor lose digits."""

_SPLIT = 2.0**27 + 1
HALF = 0.5 - 1e-6
"""Of a last digit: what is off by less is rounded to it, also if the sums here were rounded."""


def all_hold(texts: pa.StringArray, doubles: Doubles) -> bool:
    """Does each double hold its text, a JSON number?"""
    doubtful = ~_surely_hold(texts, np.abs(doubles))
    rest = texts.filter(pa.array(doubtful)).unique()
    return all(holds(float(text), text) for text in rest.to_pylist())


def _surely_hold(texts: pa.StringArray, doubles: Doubles) -> NDArray[np.bool_]:
    """Which doubles, written with as many digits as their text, are the text: by less than half of its last digit."""
    parts = pc.extract_regex(texts, _PARTS)
    fraction = pc.fill_null(parts.field("fraction"), "")
    digits = pc.utf8_ltrim(pc.binary_join_element_wise(parts.field("whole"), fraction, ""), "0")
    sizes = pc.binary_length(digits).to_numpy()
    exponents = pc.if_else(pc.equal(parts.field("exponent"), ""), "0", parts.field("exponent"))
    short = pc.less(pc.binary_length(exponents), 5)
    powers = pc.binary_length(fraction).to_numpy().astype(np.int64)
    powers -= pc.cast(pc.utf8_ltrim(pc.if_else(short, exponents, "0"), "+"), pa.int64()).to_numpy()
    known = short.to_numpy(zero_copy_only=False) & (sizes > 0) & (sizes <= _MOST_DIGITS) & (np.abs(powers) <= _RANGE)
    # The number times its power of ten is an integer, and so has to be within the range.
    known &= (doubles > 1e-270) & (doubles < 1e270)
    integers = pc.cast(pc.if_else(pa.array(known), digits, "0"), pa.int64()).to_numpy()
    off = _difference(np.where(known, doubles, 0), np.where(known, powers, 0), integers)
    sure: NDArray[np.bool_] = known & (np.abs(off) < HALF)
    return sure


def _difference(doubles: Doubles, powers: NDArray[np.int64], integers: NDArray[np.int64]) -> Doubles:
    """Each double times ten to its power, less the integer."""
    high, low = (table[powers + _RANGE] for table in _powers())
    return difference(doubles, high, integers, doubles * low)


def difference(doubles: Doubles, factors: Doubles, integers: NDArray[np.int64], more: Doubles | float = 0.0) -> Doubles:
    """Each double times its factor, with a little more, less the integer, as if the product were not rounded."""
    product = doubles * factors
    nearest = integers.astype(np.float64)
    rounded = _rest(doubles, factors, product) + more
    found: Doubles = (product - nearest) + (rounded - (integers - nearest.astype(np.int64)))
    return found


def _rest(one: Doubles, other: Doubles, product: Doubles) -> Doubles:
    """What the product of two doubles was rounded by (Dekker, 1971)."""
    (a, b), (c, d) = _halves(one), _halves(other)
    found: Doubles = ((a * c - product) + a * d + b * c) + b * d
    return found


def _halves(values: Doubles) -> tuple[Doubles, Doubles]:
    scaled = values * _SPLIT
    high = scaled - (scaled - values)
    return high, values - high


@cache
def _powers() -> tuple[Doubles, Doubles]:
    """Powers of ten from minus `_RANGE` on, as a double and what it lacks."""
    exact = [Fraction(10) ** power for power in range(-_RANGE, _RANGE + 1)]
    high = [float(power) for power in exact]
    low = [float(power - Fraction(each)) for power, each in zip(exact, high, strict=True)]
    return np.array(high), np.array(low)
