"""Which column type holds all values of a sample, and loses nothing of any of them. Pure.

Stricter than what the readers take: a type is proposed only where every value reads as it and could be written back as
it stood. Where that is not so the column is a string.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal as Exact
from typing import Any

from pipeline.lake.datasets.names import safe_name
from pipeline.lake.datasets.samples import Number
from pipeline.lake.datasets.types import MAX_PRECISION, Array, Decimal, Field, Map, Primitive, Struct, Type

MAX_DEPTH = 12
"""How deep nested JSON is typed; deeper it is JSON text."""

MAP_KEYS = 20
"""Objects with more different keys than this, none of them common, are maps and not structs."""

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_LEADING_ZERO = re.compile(r"[+-]?0[0-9]+", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIMESTAMP = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9]{2}:[0-9]{2}(:[0-9]{2})?)(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})?",
    re.ASCII,
)
# Digits that name something: a later 01234 has to keep its zero.
_CODE_NAME = re.compile(
    r"(^|_)(zip|zipcode|postcode|postal|plz|phone|tel|fax|mobile|code|ean|gtin|isbn|iban|account|ssn)($|_)"
)
_MONEY_PRECISION = 18
_MONEY_SCALE = 4


def infer(values: Sequence[Any], *, text: bool, name: str = "") -> Type:
    """The type of `values`, None among them for null. `text`: they come from a file without types, such as CSV."""
    return _infer([value for value in values if value is not None], text, name, 0)


def has_leading_zeros(values: Sequence[Any]) -> bool:
    """Whether the column would be numbers, were it not that a zero in front means something."""
    given = [value for value in values if value is not None]
    digits = all(isinstance(value, str) and value.lstrip("+-").isdecimal() for value in given)
    return digits and any(_LEADING_ZERO.fullmatch(value) for value in given)


def lacks_zone(values: Sequence[Any]) -> bool:
    """Whether a column of timestamps has one without a zone."""
    found = (_TIMESTAMP.fullmatch(value) for value in values if isinstance(value, str))
    return any(match and not match[5] for match in found)


def _infer(values: list[Any], text: bool, name: str, depth: int) -> Type:
    kinds = {type(value) for value in values}
    if len(kinds) != 1 or depth > MAX_DEPTH:
        return Primitive.STRING
    kind = kinds.pop()
    if kind is bool:
        return Primitive.BOOLEAN
    if kind is Number:
        return _number(values)
    if kind is list:
        items = [item for value in values for item in value if item is not None]
        return Array(_infer(items, text, name, depth + 1))
    if kind is dict:
        return _object(values, depth)
    return _text(values, text, name)


def _text(values: list[str], text: bool, name: str) -> Type:
    if all(_DATE.fullmatch(value) and _is_date(value) for value in values):
        return Primitive.DATE
    if all(_is_timestamp(value) for value in values):
        return Primitive.TIMESTAMP
    if not text or _CODE_NAME.search(name):
        return Primitive.STRING
    if all(value.lower() in ("true", "false") for value in values):
        return Primitive.BOOLEAN
    return _number(values) if all(_NUMBER.fullmatch(value) for value in values) else Primitive.STRING


def _is_date(value: str) -> bool:
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_timestamp(value: str) -> bool:
    found = _TIMESTAMP.fullmatch(value)
    if not found:
        return False
    try:
        at = datetime.fromisoformat(f"{found[1]}T{found[2]}{found[5] or 'Z'}")
    except ValueError:
        return False
    # Zones must not move the time out of the years that a timestamp has.
    return 1 < at.year < 9999


def _number(texts: list[str]) -> Type:
    if any(not _NUMBER.fullmatch(text) or len(text) > 2 * MAX_PRECISION for text in texts):
        return Primitive.STRING
    numbers = [Exact(text) for text in texts]
    scales = [-int(number.as_tuple().exponent) for number in numbers]
    if all(re.fullmatch(r"-?[0-9]+", text) for text in texts):
        if all(-(2**63) <= number < 2**63 for number in numbers):
            return Primitive.BIGINT
    elif _is_money(texts, numbers, scales):
        return Decimal(_MONEY_PRECISION, scales[0])
    elif all(_survives_double(number) for number in numbers):
        return Primitive.DOUBLE
    scale = max(0, *scales)
    whole = max(number.adjusted() + 1 for number in numbers)
    fits = scale <= MAX_PRECISION and max(whole, 1) + scale <= MAX_PRECISION
    return Decimal(MAX_PRECISION, scale) if fits else Primitive.STRING


def _is_money(texts: list[str], numbers: list[Exact], scales: list[int]) -> bool:
    """Every value has as many digits after the point, and few: somebody counts in cents."""
    same = len(texts) > 1 and len(set(scales)) == 1 and 2 <= scales[0] <= _MONEY_SCALE
    short = all(number.adjusted() + 1 + scales[0] <= _MONEY_PRECISION for number in numbers)
    return same and short and not any("e" in text.lower() for text in texts)


def _survives_double(number: Exact) -> bool:
    value = float(number)
    if number == number.to_integral_value():
        return abs(number) <= 2**53
    return Exact(repr(value)) == number


def _object(values: list[dict[str, Any]], depth: int) -> Type:
    counts: dict[str, int] = {}
    for value in values:
        for key in value:
            counts[key] = counts.get(key, 0) + 1
    if len(counts) > MAP_KEYS and max(counts.values()) * 2 <= len(values):
        items = [item for value in values for item in value.values() if item is not None]
        return Map(Primitive.STRING, _infer(items, False, "", depth + 1))
    names = [safe_name(key) for key in counts]
    if not counts or len(set(names)) < len(names) or not all(names):
        return Primitive.STRING
    fields = (
        Field(name, _infer([value[key] for value in values if value.get(key) is not None], False, name, depth + 1))
        for name, key in zip(names, counts, strict=True)
    )
    return Struct(tuple(fields))
