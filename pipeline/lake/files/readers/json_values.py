"""One JSON record as Python's values, strictly, and what is wrong with it in words."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

from pipeline.lake.files.strict_json import JsonNumber, strict_decoder

DOUBLE_DIGITS = 15
"""A decimal of so many digits is always held by a double, within its range."""
_MOST_DIGITS = 1100
"""The longest decimal that a double can be has fewer: more hold nothing that one could."""


def holds(value: float, text: str) -> bool:
    """Does the double that is nearest to a decimal hold it: is it equal, or the same written with 16 or 17 digits?"""
    if len(text) <= DOUBLE_DIGITS and "e" not in text and "E" not in text:
        return True
    if len(text) > _MOST_DIGITS:
        return False
    with localcontext(prec=_MOST_DIGITS):
        exact = Decimal(text)
        return exact in (Decimal(repr(value)), Decimal(f"{value:.16g}"), Decimal(f"{value:.17g}"), Decimal(value))


def _number(text: str) -> float | JsonNumber:
    value = float(text)
    if math.isinf(value):
        raise ValueError("a number is too large for a double")
    return value if holds(value, text) else JsonNumber(text)


load_record = strict_decoder(_number)
"""`json.loads`, strictly; a decimal that a double does not hold stays text, as JsonNumber."""
