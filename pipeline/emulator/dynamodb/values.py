"""DynamoDB's attribute values: what may be stored, and how numbers are written. moto keeps whatever it is given."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

DIGITS = 38
NESTING = 32
LARGEST_EXPONENT = 125
SMALLEST_EXPONENT = -130
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html, as those above"""

TYPES = ("S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_SETS = {"SS": "string", "NS": "number", "BS": "binary"}


class Invalid(Exception):
    """A value that DynamoDB does not take; the message is DynamoDB's."""


def check_item(item: dict[str, Any]) -> None:
    """Raise `Invalid` for what may not be stored; write numbers as DynamoDB gives them back."""
    for name, value in item.items():
        if not name:
            raise Invalid("Empty attribute name")
        check(value)


def check(value: dict[str, Any], depth: int = 0) -> None:
    """Raise `Invalid` for an attribute value that is none; write its numbers as DynamoDB gives them back."""
    if len(value) != 1:
        what = "has more than one datatypes set" if value else "is empty"
        raise Invalid(f"Supplied AttributeValue {what}, must contain exactly one of the supported datatypes")
    if depth > NESTING:
        raise Invalid(
            "Nesting Levels have exceeded supported limits: "
            "Attributes in the item have nested levels beyond supported limit"
        )
    ((kind, content),) = value.items()
    if kind == "N":
        value["N"] = number(content)
    elif kind == "NULL" and content is not True:
        raise Invalid(
            "One or more parameter values were invalid: Null attribute value types must have the value of true"
        )
    elif kind in _SETS:
        _check_set(value, kind)
    elif kind in ("M", "L"):
        for inner in content.values() if kind == "M" else content:
            check(inner, depth + 1)


def _check_set(value: dict[str, Any], kind: str) -> None:
    content = value[kind] = [number(each) for each in value[kind]] if kind == "NS" else value[kind]
    if not content:
        raise Invalid(f"One or more parameter values were invalid: An {_SETS[kind]} set  may not be empty")
    if len(set(content)) < len(content):
        shown = ", ".join(str(each) for each in content)
        raise Invalid(f"One or more parameter values were invalid: Input collection [{shown}] contains duplicates")


def number(text: str) -> str:
    """`text` without what does not count: `007.50` is `7.5`, `1e3` is `1000`; `Invalid` if it is no number."""
    if not _NUMBER.fullmatch(text.strip()):
        raise Invalid(f"The parameter cannot be converted to a numeric value: {text}")
    found = Decimal(text.strip())
    if not found:
        return "0"
    digits = found.as_tuple().digits
    if len("".join(map(str, digits)).strip("0")) > DIGITS:
        raise Invalid(f"Attempting to store more than {DIGITS} significant digits in a Number")
    if found.adjusted() > LARGEST_EXPONENT:
        raise Invalid("Number overflow. Attempting to store a number with magnitude larger than supported range")
    if found.adjusted() < SMALLEST_EXPONENT:
        raise Invalid("Number underflow. Attempting to store a number with magnitude smaller than supported range")
    plain = f"{found:f}"
    whole, _, part = plain.partition(".")
    sign, whole = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    part = part.rstrip("0")
    return sign + (whole.lstrip("0") or "0") + (f".{part}" if part else "")


def size(value: dict[str, Any]) -> int:
    """Bytes of a string, number or binary value, as key limits count them."""
    ((kind, content),) = value.items()
    if kind == "B" and isinstance(content, str):
        return len(content) * 3 // 4
    return len(content if isinstance(content, bytes) else str(content).encode())
