"""What becomes of values in columns that nobody declared, in plain Python with no code of Sluice's."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from tests.stages.rows.plain.reading import Num, parse_json, safe


def survives(source: Any, stored: Any) -> bool:
    """Does an undeclared column's `stored` hold `source`: the value, or where types met, its text?

    A key that an object lacks is null in it.
    """
    if source is None or stored is None:
        return source is stored
    if isinstance(stored, str):
        return is_text_of(source, stored)
    if isinstance(source, dict):
        named = {safe(name): item for name, item in source.items()}
        if not isinstance(stored, dict) or not named.keys() <= stored.keys():
            return False
        return all(survives(named.get(name), item) for name, item in stored.items())
    if isinstance(source, list):
        return isinstance(stored, list) and len(source) == len(stored) and all(map(survives, source, stored))
    if isinstance(source, bool) or isinstance(stored, bool):
        return source is stored or (type(source) is str and source == str(stored).lower())
    return isinstance(source, str) and isinstance(stored, int | float) and _same_number(source, stored)


def _same_number(token: str, stored: float) -> bool:
    try:
        exact = Decimal(stored) == Decimal(token)
    except ArithmeticError:
        return False
    return exact or (isinstance(stored, float) and not _is_integer(token) and float(token) == stored)


def _is_integer(token: str) -> bool:
    return re.fullmatch("[+-]?[0-9]+", token) is not None


def is_text_of(source: Any, text: str) -> bool:
    """Is `text` how `source` is written, as it was or in JSON?"""
    if type(source) is str:
        return source == text
    if isinstance(source, bool):
        return text == str(source).lower()
    if isinstance(source, Num):
        try:
            number = Decimal(text)
        except ArithmeticError:
            return False
        # An integer among fractions is a double, whose text names no other double, though maybe another integer.
        as_double = not _is_integer(text) and _same_number(source, float(text))
        return Decimal(source) == number or as_double
    found = parse_json(text)
    return type(found) is type(source) and _same_json(source, found)


def _same_json(source: Any, found: Any) -> bool:
    """The same JSON, but for nulls that stand for absent keys, safe names for others, and texts of other values."""
    if source is None or found is None:
        return source is found
    if isinstance(source, dict) and isinstance(found, dict):
        if {k for k, v in source.items() if v is not None} <= found.keys():
            return all(_same_json(source.get(name), item) for name, item in found.items())
        named = {safe(name): item for name, item in source.items()}
        return named.keys() <= found.keys() and all(_same_json(named.get(k), item) for k, item in found.items())
    if isinstance(source, list) and isinstance(found, list):
        return len(source) == len(found) and all(map(_same_json, source, found))
    if isinstance(found, bool):
        return source is found
    return isinstance(found, str) and is_text_of(source, found)


def fits(value: Any, kind: pa.DataType, *, plain: bool = True) -> bool | None:
    """Can a column of the table of type `kind` hold the JSON `value`? None where both answers are right.

    That depends on how the file's other values had it staged: 3.0 among texts is text, which is no integer.
    `plain` says that no nested value of the file's column was made text.
    """
    if value is None or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return True
    if pa.types.is_struct(kind):
        types = {field.name: field.type for field in kind}
        named = {safe(name): item for name, item in value.items()} if isinstance(value, dict) else None
        if named is None:
            return False
        if not named or not named.keys() <= types.keys():
            return None
        return _all((fits(item, types[name], plain=plain) for name, item in named.items()), plain)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        if not isinstance(value, list):
            return False
        return _all((fits(item, kind.value_type, plain=plain) for item in value), plain)
    if isinstance(value, dict | list):
        return False
    if pa.types.is_boolean(kind):
        return isinstance(value, bool) or (type(value) is str and value in ("true", "false"))
    if isinstance(value, bool):
        return False
    return _fits_integer(value) if pa.types.is_integer(kind) else _fits_double(value)


def _all(answers: Iterable[bool | None], plain: bool) -> bool | None:
    found = list(answers)
    if False in found:
        return False
    return None if None in found or not plain else True


def _fits_integer(value: str) -> bool | None:
    if isinstance(value, Num):
        number = Decimal(value)
        if not -(2**63) <= number < 2**63 or number % 1:
            return False
        return True if re.fullmatch("0|-?[1-9][0-9]*", value) else None
    return re.fullmatch("0|-?[1-9][0-9]*", value) is not None and -(2**63) <= int(value) < 2**63


def _fits_double(value: str) -> bool | None:
    if not re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", value, re.ASCII):
        return False
    if math.isinf(float(value)) or (_is_integer(value) and int(float(value)) != int(value)):
        return False
    # What a double may round is staged as text.
    return True if _is_short(value) else None


def _is_short(token: str) -> bool:
    """Has the number so few digits that every double holds it?"""
    return len(re.sub("[eE].*", "", token).replace("-", "").replace(".", "").lstrip("0")) <= 15


def is_plain(values: Sequence[Any]) -> bool:
    """Do these values of a file's column have one shape, so that nothing nested in them is staged as text?"""
    there = [value for value in values if value is not None]
    kinds = {_kind(value) for value in there}
    if len(kinds) > 1:
        return False
    if kinds == {"list"}:
        return is_plain([item for value in there for item in value])
    if kinds == {"dict"}:
        names = {name for value in there for name in value}
        same_names = len({safe(name) for name in names}) == len(names)
        return bool(names) and same_names and all(is_plain([value.get(name) for value in there]) for name in names)
    return True


def _kind(value: Any) -> str:
    return type(value).__name__


def narrowest(values: Sequence[Any]) -> pa.DataType | None:
    """The type of a new column with these values, where there is no doubt."""
    there = [value for value in values if value is not None]
    kinds = {_kind(value) for value in there}
    if kinds == {"bool"}:
        return pa.bool_()
    if kinds == {"str"}:
        return pa.string()
    if kinds == {"Num"}:
        whole = [_is_integer(value) for value in there]
        if all(whole):
            return pa.int64() if all(_fits_integer(value) is not False for value in there) else None
        return pa.float64() if not any(whole) and all(map(_is_short, there)) else None
    return None
