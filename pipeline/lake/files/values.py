"""What a text means in a column type: the authority, one value at a time.

`casts` does the same to whole columns where that is known to agree, and asks here wherever it might not.
Numbers: ASCII digits, spaces around them do not matter, no group separators. Integers have no point. A decimal keeps
every digit or is refused. A double or float is the nearest one, as everywhere, except that an integer it cannot hold
exactly is refused; NaN and Infinity are values of those types. Booleans are true and false in any case. Dates are
ISO 8601. Timestamps are ISO 8601, in microseconds; without a zone they are UTC.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal as Number
from decimal import localcontext
from typing import Any, NoReturn

from pipeline.lake.datasets.types import Array, Decimal, Map, Primitive, Struct, Type
from pipeline.lake.files.column_names import safe_name
from pipeline.lake.files.forms import PLAIN, Form

SHOWN = 60
"""Characters of a bad value that its row's reason quotes."""

_BLANKS = " \t"
_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[ Tt]([0-9]{2})(?::?([0-9]{2})(?::?([0-9]{2})(?:\.([0-9]+))?)?)?"
    r" ?([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_DIGITS = 400
"""No number of any type needs more characters; Python's own conversion of longer ones is slow."""


class JsonNumber(str):
    """The text of a JSON number, kept until the type decides what it means."""

    __slots__ = ()


def shown(text: str) -> str:
    """A value as the reason quotes it that is kept with its row."""
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")


def read_text(text: str, to: Type, form: Form = PLAIN) -> object:
    """The Python value of `text`, written in `form`, in a column of type `to`; None is null.

    ValueError says why it has none, and quotes nothing of it. A nested type is read from JSON text.
    """
    if isinstance(to, Primitive):
        return _PRIMITIVES[to](text)
    if isinstance(to, Decimal):
        return _decimal(text, to)
    return read_value(load_json(text), to, form)


def read_value(value: object, to: Type, form: Form = PLAIN) -> object:
    """The same for a value of `load_json`. Fields are matched by safe name; one that the type lacks is refused."""
    if value is None:
        return None
    match to:
        case Array(element):
            if not isinstance(value, list):
                raise ValueError("something in it is not a list")
            return [read_value(item, element, form) for item in value]
        case Map(key, item_type):
            pairs = [
                (read_text(name, key, form), read_value(item, item_type, form)) for name, item in _object(value).items()
            ]
            if len({name for name, _ in pairs}) < len(pairs):
                raise ValueError(f"two keys are equal as {key}")
            return pairs
        case Struct():
            return _struct(_object(value), to, form)
    return read_text(value if isinstance(value, str) else json_text(value), to, form)


def load_json(text: str) -> Any:
    """`json.loads`, strictly: no NaN or Infinity, no key twice, no half of a surrogate pair; numbers keep their text.

    ValueError says what is wrong.
    """
    try:
        value = _TEXTS.decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise ValueError("the JSON nests too deep") from None
    if "\\u" in text:
        _check_surrogates(value)
    return value


def json_text(value: object) -> str:
    """Compact JSON of a value of `load_json`, numbers as they were written."""
    if isinstance(value, JsonNumber):
        return str(value)
    if isinstance(value, list):
        return f"[{','.join(map(json_text, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{json_text(name)}:{json_text(item)}" for name, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def _check_surrogates(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("a string holds half of a surrogate pair") from None


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_TEXTS = json.JSONDecoder(
    object_pairs_hook=_no_duplicates, parse_int=JsonNumber, parse_float=JsonNumber, parse_constant=_no_constant
)


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("something in it is not an object")
    return value


def _struct(value: dict[str, Any], to: Struct, form: Form) -> dict[str, object]:
    types = {field.name: field.type for field in to.fields}
    found: dict[str, object] = {}
    for key, item in value.items():
        name = key if key in types else safe_name(key)
        if name not in types:
            raise ValueError(f"it has a field that is not in {to}")
        if name in found:
            raise ValueError(f"field {name} stands twice")
        found[name] = read_value(item, types[name], form)
    return found


def _integer(bits: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        text = text.strip(_BLANKS)
        if len(text) > _MAX_DIGITS or not _INTEGER.fullmatch(text):
            raise ValueError("it is not an integer")
        value = int(text)
        if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
            raise ValueError(f"it does not fit in {bits} bits")
        return value

    return read


def _single(value: float) -> float:
    return float(struct.unpack("f", struct.pack("f", value))[0])


def _floating(nearest: Callable[[float], float]) -> Callable[[str], float]:
    def read(text: str) -> float:
        text = text.strip(_BLANKS)
        if _NOT_FINITE.fullmatch(text):
            return float(text)
        if len(text) > _MAX_DIGITS or not _NUMBER.fullmatch(text):
            raise ValueError("it is not a number")
        try:
            value = nearest(float(text))
        except OverflowError:
            value = math.inf
        if math.isinf(value):
            raise ValueError("it is too large")
        if _INTEGER.fullmatch(text) and int(text) != int(value):
            raise ValueError("the type holds no such integer")
        return value

    return read


def _decimal(text: str, to: Decimal) -> Number:
    text = text.strip(_BLANKS)
    if len(text) > _MAX_DIGITS or not _NUMBER.fullmatch(text):
        raise ValueError("it is not a number")
    value = Number(text)
    if value and not -_MAX_DIGITS < value.adjusted() < _MAX_DIGITS:
        raise ValueError(f"it does not fit in {to}")
    with localcontext(prec=2 * _MAX_DIGITS):
        fitted = value.quantize(Number(1).scaleb(-to.scale))
    if fitted != value:
        raise ValueError(f"it has more than {to.scale} digits after the point")
    if fitted and fitted.adjusted() + to.scale >= to.precision:
        raise ValueError(f"it has more than {to.precision - to.scale} digits before the point")
    return fitted


def _boolean(text: str) -> bool:
    match text.strip(_BLANKS).lower():
        case "true":
            return True
        case "false":
            return False
    raise ValueError("it is neither true nor false")


def _date(text: str) -> date:
    found = _DATE.fullmatch(text.strip(_BLANKS))
    if not found:
        raise ValueError("it is not of the form YYYY-MM-DD")
    return date(*map(int, found.groups()))


def _timestamp(text: str) -> datetime:
    found = _TIMESTAMP.fullmatch(text.strip(_BLANKS))
    if not found:
        raise ValueError("it is not of the form YYYY-MM-DDTHH:MM:SS, with fraction and zone if need be")
    *parts, fraction, zone = found.groups()
    fraction = fraction or ""
    if fraction[6:].strip("0"):
        raise ValueError("it is finer than microseconds")
    year, month, day, hour, minute, second = (int(part or 0) for part in parts)
    local = datetime(year, month, day, hour, minute, second, int(fraction[:6].ljust(6, "0")), tzinfo=_zone(zone))
    try:
        return local.astimezone(UTC)
    except OverflowError:
        raise ValueError("in UTC it lies outside the years 1 to 9999") from None


def _zone(text: str | None) -> timezone:
    if text is None or text in "Zz":
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if hours > 23 or minutes > 59:
        raise ValueError("its zone is no offset from UTC")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)


_PRIMITIVES: dict[Primitive, Callable[[str], object]] = {
    Primitive.STRING: str,
    Primitive.INT: _integer(32),
    Primitive.BIGINT: _integer(64),
    Primitive.FLOAT: _floating(_single),
    Primitive.DOUBLE: _floating(float),
    Primitive.BOOLEAN: _boolean,
    Primitive.DATE: _date,
    Primitive.TIMESTAMP: _timestamp,
}
