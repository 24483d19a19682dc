"""The type of values that JSON gave one: numbers as they were written, objects and lists within each other. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal as Exact
from typing import Any

from pipeline.lake.datasets.names import safe_name
from pipeline.lake.datasets.types import Array, Field, Map, Primitive, Struct, Type
from pipeline.lake.proposals.dates import find_date_form
from pipeline.lake.proposals.number_types import Typed, type_of_numbers

MAX_DEPTH = 12
"""How deep nested JSON is typed; deeper it is JSON text."""

MAP_KEYS = 20
"""Objects with more different keys than this, none of them common, are maps and not structs."""

_GREATEST = Exact("1.8e308")


class Number(str):
    """A JSON number as it was written."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Nested:
    """A type, and what is to be doubted about it."""

    type: Type
    doubts: tuple[str, ...] = ()


def infer(values: Sequence[Any], name: str = "") -> Nested:
    """The type of a column's values, None among them for null."""
    given = [value for value in values if value is not None]
    kind, doubts = _infer(given, 0)
    kinds = {_kind(value) for value in given}
    told = [doubt for doubt in doubts if doubt]
    if len(kinds) > 1:
        told.append(f"{' or '.join(sorted(kinds))}: a string, with JSON text where it is no text")
    elif kinds == {"text"} and kind is Primitive.STRING and all(map(_is_number, given)):
        told.append("numbers that the file has in quotes: text")
    huge = next((value for value in given if isinstance(value, Number) and _is_huge(value)), None)
    if huge:
        told.append(f"{huge[:40]} is greater than any type of numbers holds: its row is bad")
    return Nested(kind, tuple(dict.fromkeys(told)))


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, Number):
        return "a number"
    return "an object" if isinstance(value, dict) else "an array" if isinstance(value, list) else "text"


def _is_huge(text: str) -> bool:
    return abs(Exact(text)) >= _GREATEST


def _is_number(text: str) -> bool:
    try:
        return bool(text) and Exact(text).is_finite() and text.isascii()
    except ArithmeticError:
        return False


def _infer(values: list[Any], depth: int) -> tuple[Type, list[str]]:
    kinds = {type(value) for value in values}
    if len(kinds) != 1 or depth > MAX_DEPTH:
        return Primitive.STRING, []
    kind = kinds.pop()
    if kind is bool:
        return Primitive.BOOLEAN, []
    if kind is Number:
        found = _numbers(values)
        return found.type, [found.doubt]
    if kind is list:
        element, doubts = _infer([item for value in values for item in value if item is not None], depth + 1)
        return Array(element), doubts
    if kind is dict:
        return _object(values, depth)
    # Other forms of dates than ISO 8601 need an option of a column, and what is nested has none.
    dates = find_date_form(values)
    if dates and dates.form is None:
        return dates.type, [dates.doubt]
    return Primitive.STRING, []


def _numbers(values: list[Number]) -> Typed:
    read = [str(value) for value in values if not _is_huge(value)]
    return type_of_numbers(read, text=False) if read else Typed(Primitive.STRING)


def _object(values: list[dict[str, Any]], depth: int) -> tuple[Type, list[str]]:
    counts: dict[str, int] = {}
    for value in values:
        for key in value:
            counts[key] = counts.get(key, 0) + 1
    if len(counts) > MAP_KEYS and max(counts.values()) * 2 <= len(values):
        items = [item for value in values for item in value.values() if item is not None]
        element, doubts = _infer(items, depth + 1)
        return Map(Primitive.STRING, element), doubts
    names = [safe_name(key) for key in counts]
    if not counts or len(set(names)) < len(names) or not all(names):
        return Primitive.STRING, []
    fields, told = [], []
    for name, key in zip(names, counts, strict=True):
        kind, doubts = _infer([value[key] for value in values if value.get(key) is not None], depth + 1)
        fields.append(Field(name, kind))
        told += [f"{name}: {doubt}" for doubt in doubts if doubt and kind is not Primitive.TIMESTAMP]
    return Struct(tuple(fields)), told
