"""One JSON record as Python's values, strictly, and what is wrong with it in words."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal, localcontext
from typing import Any, NoReturn

from pipeline.lake.files.values import JsonNumber

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,40}")
DOUBLE_DIGITS = 15
"""A decimal of so many digits is always held by a double, within its range."""
_MOST_DIGITS = 1100
"""The longest decimal that a double can be has fewer: more hold nothing that one could."""


def load_record(text: str) -> Any:
    """`json.loads`, strictly: no NaN or Infinity, no key twice, no half of a surrogate pair.

    A decimal that a double does not hold stays text, as JsonNumber. ValueError says what is wrong.
    """
    try:
        value = _RECORDS.decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise ValueError("the JSON nests too deep") from None
    if "\\u" in text:
        _check_surrogates(value)
    return value


class DuplicateKey(ValueError):
    """An object has `key` twice. The text names it: a key may be somebody's value, and not for others to read."""

    def __init__(self, key: str) -> None:
        named = f"key {key}" if _PLAIN_KEY.fullmatch(key) else "a key"
        super().__init__(f"{named} stands twice in one object")
        self.key = key


def holds(value: float, text: str) -> bool:
    """Does the double that is nearest to a decimal hold it: is it equal, or the same written with 16 or 17 digits?"""
    if len(text) <= DOUBLE_DIGITS and "e" not in text and "E" not in text:
        return True
    if len(text) > _MOST_DIGITS:
        return False
    with localcontext(prec=_MOST_DIGITS):
        exact = Decimal(text)
        return exact in (Decimal(repr(value)), Decimal(f"{value:.16g}"), Decimal(f"{value:.17g}"), Decimal(value))


def _check_surrogates(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("a string holds half of a surrogate pair") from None


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise DuplicateKey(next(key for index, key in enumerate(keys) if key in keys[:index]))
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _number(text: str) -> float | JsonNumber:
    value = float(text)
    if math.isinf(value):
        raise ValueError("a number is too large for a double")
    return value if holds(value, text) else JsonNumber(text)


_RECORDS = json.JSONDecoder(object_pairs_hook=_no_duplicates, parse_float=_number, parse_constant=_no_constant)
