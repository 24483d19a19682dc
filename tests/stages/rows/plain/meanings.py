"""What values mean in declared columns, in plain Python with no code of Sluice's: one part of the oracle."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from typing import Any

from tests.stages.rows.plain.reading import is_sound, parse_json, safe
from tests.stages.rows.plain.undeclared import is_text_of


class Broken(Exception):
    """No value of the type."""


Meaning = Callable[[Any], Any]
"""Of a CSV cell or a JSON value, never null, the value in a declared column; Broken if it has none. Blanks are null but
in a column of text."""


def _token(value: Any) -> str:
    if not isinstance(value, str):
        raise Broken
    # docs/files.md: spaces of any width and tabs mean nothing around a value.
    return value.strip(" \t\u00a0\u2007\u2009\u202f")


def _integer(bits: int) -> Meaning:
    def read(value: Any) -> int:
        # A zero in front is part of an id or a code.
        if not re.fullmatch(r"[+-]?(0|[1-9][0-9]*)", token := _token(value)):
            raise Broken
        number = int(token)
        if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
            raise Broken
        return number

    return read


def _decimal(precision: int, scale: int) -> Meaning:
    def read(value: Any) -> Decimal:
        number = _number(value)
        with localcontext(prec=400):
            if abs(number) >= 10 ** (precision - scale) or number % Decimal(1).scaleb(-scale):
                raise Broken
        return number

    return read


def _number(value: Any) -> Decimal:
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", _token(value)):
        raise Broken
    return Decimal(_token(value))


def _floating(single: bool) -> Meaning:
    def read(value: Any) -> float:
        number = _number(value)
        nearest = float(number)
        if single and math.isfinite(nearest):
            try:
                (nearest,) = struct.unpack("f", struct.pack("f", nearest))
            except OverflowError:
                raise Broken from None
        if math.isinf(nearest):
            raise Broken
        if re.fullmatch(r"[+-]?[0-9]+", _token(value)) and int(nearest) != int(_token(value)):
            raise Broken
        return nearest

    return read


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if _token(value).lower() not in ("true", "false"):
        raise Broken
    return _token(value).lower() == "true"


def _date(value: Any) -> date:
    try:
        return date.fromisoformat(_token(value))
    except ValueError:
        raise Broken from None


def _timestamp(value: Any) -> datetime:
    try:
        if re.search(r"\.[0-9]{6}0*[1-9]", _token(value)):
            raise Broken
        found = datetime.fromisoformat(_token(value))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Broken from None


def _nested(read: Meaning) -> Meaning:
    """A CSV cell holds the JSON of a nested value."""

    def parsed(value: Any) -> Any:
        if isinstance(value, str):
            value = parse_json(value)
            if not is_sound(value):
                raise Broken
        return _each(read)(value)

    return parsed


def _each(item: Meaning) -> Meaning:
    return lambda value: None if value is None else item(value)


def _array(item: Meaning) -> Meaning:
    def read(value: Any) -> Any:
        if not isinstance(value, list):
            raise Broken
        return [_each(item)(one) for one in value]

    return _nested(read)


def _struct(**fields: Meaning) -> Meaning:
    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            raise Broken
        named = {safe(name): one for name, one in value.items()}
        if len(named) < len(value) or not named.keys() <= fields.keys():
            raise Broken
        return {name: _each(kind)(named.get(name)) for name, kind in fields.items()}

    return _nested(read)


def _map(item: Meaning) -> Meaning:
    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            raise Broken
        return [(name, _each(item)(one)) for name, one in value.items()]

    return _nested(read)


def _string(value: Any) -> Any:
    return str(value) if isinstance(value, str) else AsText(value)


@dataclass(frozen=True, eq=False)
class AsText:
    """Equal to every text that is how `value` is written."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and is_text_of(self.value, other)


def _typed(read: Meaning) -> Meaning:
    return lambda value: None if isinstance(value, str) and not _token(value) else read(value)


_INT, _BIGINT, _DOUBLE, _DAY, _PRICE = map(
    _typed, (_integer(32), _integer(64), _floating(single=False), _date, _decimal(5, 2))
)
DECLARED: dict[str, Meaning] = {
    "string": _string,
    "int": _INT,
    "bigint": _BIGINT,
    "float": _typed(_floating(single=True)),
    "double": _DOUBLE,
    "boolean": _typed(_boolean),
    "date": _DAY,
    "timestamp": _typed(_timestamp),
    "decimal(5,2)": _PRICE,
    "decimal(38,10)": _typed(_decimal(38, 10)),
    "array<int>": _typed(_array(_INT)),
    "map<string,double>": _typed(_map(_DOUBLE)),
    "struct<x:bigint,y:array<string>>": _typed(_struct(x=_BIGINT, y=_array(_string))),
    "array<struct<x:date,y:decimal(5,2)>>": _typed(_array(_struct(x=_DAY, y=_PRICE))),
}
"""What the contracts of the tests say, with what it means."""


def equal(meant: Any, stored: Any) -> bool:
    """Is `stored` the meaning? NaN is NaN."""
    if isinstance(meant, float) and math.isnan(meant):
        return isinstance(stored, float) and math.isnan(stored)
    if isinstance(meant, dict):
        return (
            isinstance(stored, dict)
            and meant.keys() == stored.keys()
            and all(equal(meant[k], stored[k]) for k in meant)
        )
    if isinstance(meant, list | tuple):
        return isinstance(stored, list | tuple) and len(meant) == len(stored) and all(map(equal, meant, stored))
    return type(meant) in (type(stored), AsText) and bool(meant == stored)
