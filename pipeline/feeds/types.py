"""Types of a feed's columns, and what PostgreSQL calls them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator

_DECIMAL = re.compile(r"decimal\((\d{1,3}),(\d{1,3})\)")
_MOST_DIGITS = 38
"""Digits of a number in DynamoDB (Developer Guide, "Supported data types")."""

_PLAIN = {
    "text": "text",
    "bigint": "bigint",
    "double": "double precision",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp with time zone",
}


@dataclass(frozen=True, slots=True)
class Type:
    """`kind` is text, bigint, decimal, double, boolean, date or timestamp; `sql` what PostgreSQL calls it."""

    kind: str
    sql: str
    precision: int = 0
    scale: int = 0


def parse_type(text: str) -> Type:
    """The type that `text` names; ValueError where it names none."""
    if text in _PLAIN:
        return Type(text, _PLAIN[text])
    found = _DECIMAL.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is none of {', '.join(_PLAIN)} and decimal(p,s)")
    precision, scale = int(found[1]), int(found[2])
    if not (1 <= precision <= _MOST_DIGITS and scale <= precision):
        raise ValueError(f"{text} has not between 1 and {_MOST_DIGITS} digits, of which s stand behind the point")
    return Type("decimal", f"numeric({precision},{scale})", precision, scale)


def _checked(text: str) -> str:
    parse_type(text)
    return text


TypeName = Annotated[str, AfterValidator(_checked)]
