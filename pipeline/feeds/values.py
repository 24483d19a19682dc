"""One attribute of a DynamoDB item as one value of PostgreSQL, exactly or not at all.

What does not fit is `Unfit`, whose words never quote the value: they go where people without a right to it read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal, InvalidOperation
from functools import lru_cache, partial
from typing import Any

from pipeline.feeds.definition import Column
from pipeline.feeds.identifiers import number_as_text
from pipeline.feeds.types import Type, parse_type

Attribute = Mapping[str, Any]
"""A value as DynamoDB's API and streams write it: one entry, its type's letter and its text, such as {"N": "1"}."""

_KINDS = {
    "S": "a text", "N": "a number", "B": "bytes", "BOOL": "a boolean", "M": "a map", "L": "a list",
    "SS": "a set", "NS": "a set", "BS": "a set", "NULL": "null",
}  # fmt: skip
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_LONGEST = 2**63
_EXACT = Context(prec=200)
"""More digits than numbers of DynamoDB have (38, and exponents to 125): nothing is rounded."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_LENGTH = len("2026-01-31")
_SECOND_LENGTH = len("20260131T000000")
_FINER = re.compile(r"[.,][0-9]{6}0*[1-9]")


class Unfit(ValueError):
    """A value that its column cannot hold. The message says what of it does not fit, and never the value."""


def reader(column: Column) -> Callable[[Attribute], Any]:
    """Reads an attribute that is there and not null, before it is generalised or pseudonymised."""
    type_ = parse_type(column.type)
    if column.generalise and column.generalise.bands:
        return number_of
    if type_.kind in ("date", "timestamp"):
        return _moments(type_.kind, column)
    return (lambda attribute: _decimal(attribute, type_)) if type_.kind == "decimal" else _READERS[type_.kind]


def kind_of(attribute: Attribute) -> str:
    """What an attribute is, in words."""
    found = next(iter(attribute), "")
    return _KINDS.get(found, "of a type that is not known here")


def text_of(attribute: Attribute) -> str:
    """A text, or a number as it is written without an exponent."""
    found = attribute.get("S")
    if found is None:
        if "N" in attribute:
            return number_as_text(number_of(attribute))
        raise Unfit(f"is {kind_of(attribute)} and no text")
    text: str = found
    if is_storable(text):
        return text
    if "\x00" in text:
        raise Unfit("has a character U+0000, which PostgreSQL cannot hold")
    raise Unfit("is no text: it has half of a character")


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold a text: none that has U+0000, or half of a surrogate pair, which no encoding has."""
    if "\x00" in text:
        return False
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def one_spelling(read: Callable[[Attribute], Any]) -> Callable[[Attribute], Any]:
    """Reads a value of a key: two keys of the source that are spelt differently are two items, and not one row.

    A date has other spellings than `2026-01-31` (ISO 8601 has weeks, too), and a text of digits another zero. DynamoDB
    spells numbers itself.
    """

    def value(attribute: Attribute) -> Any:
        found = read(attribute)
        text = attribute.get("S")
        if text is None or isinstance(found, str):
            return found
        if text == "-0":
            raise Unfit("is of the key and spelt -0: a key has one spelling, 0")
        if type(found) is date and found.isoformat() != text:
            raise Unfit("is of the key and no date spelt as year, month and day with hyphens between")
        return found

    return value


def number_of(attribute: Attribute) -> Decimal:
    """A number, exactly; also one that is written as a text of digits without zeros before it."""
    found = attribute.get("N")
    if found is None:
        found = attribute.get("S")
        if found is None:
            raise Unfit(f"is {kind_of(attribute)} and no number")
        if not _INTEGER.fullmatch(found):
            raise Unfit("is a text and no number")
    try:
        number = Decimal(found)
    except InvalidOperation:
        raise Unfit("is no number") from None
    if not number.is_finite():
        raise Unfit("is no finite number")
    return number


def _bigint(attribute: Attribute) -> int:
    number = number_of(attribute)
    # Of 1E+125, which DynamoDB can hold, int() would be made of 126 digits: no harm.
    if number != number.to_integral_value():
        raise Unfit("has digits behind the point and its column has none")
    if not -_LONGEST <= number < _LONGEST:
        raise Unfit("is greater than a bigint can be")
    return int(number)


def usual_decimal(type_: Type) -> Callable[[str], Any] | None:
    """What tells of a number's text that it fits as nearly all do; of others, the exponent decides."""
    before = type_.precision - type_.scale
    if before <= 0 or type_.scale <= 0:
        return None
    return re.compile(rf"-?[0-9]{{1,{before}}}(?:\.[0-9]{{1,{type_.scale}}})?").fullmatch


def _decimal(attribute: Attribute, type_: Type) -> Decimal:
    number = number_of(attribute).normalize(_EXACT)
    _, digits, exponent = number.as_tuple()
    if -int(exponent) > type_.scale:
        raise Unfit(f"has more than {type_.scale} digits behind the point")
    if len(digits) + int(exponent) > type_.precision - type_.scale:
        raise Unfit(f"has more than {type_.precision - type_.scale} digits before the point")
    return number


def _double(attribute: Attribute) -> float:
    number = number_of(attribute)
    value = float(number)
    if math.isinf(value) or Decimal(repr(value)) != number:
        raise Unfit("is a number that a double cannot hold: declare decimal(p,s)")
    return value


def _boolean(attribute: Attribute) -> bool:
    found = attribute.get("BOOL")
    if not isinstance(found, bool):
        raise Unfit(f"is {kind_of(attribute)} and no boolean" if found is None else "is neither true nor false")
    return found


def _moments(kind: str, column: Column) -> Callable[[Attribute], Any]:
    per_second = {"epoch_seconds": 1, "epoch_milliseconds": 1000}.get(column.written_as)
    read = (lambda attribute: _since_epoch(attribute, per_second)) if per_second else _iso
    if kind == "timestamp" and not per_second:
        return partial(_timestamp, is_kept=not column.generalise)
    if kind == "timestamp":
        return lambda attribute: _with_zone(read(attribute))
    if column.generalise:
        return lambda attribute: _as_day(read(attribute))
    return lambda attribute: _day(read(attribute))


def _since_epoch(attribute: Attribute, per_second: int) -> datetime:
    number = _EXACT.multiply(number_of(attribute), Decimal(1_000_000 // per_second))
    if number != number.to_integral_value():
        raise Unfit("is finer than a microsecond")
    try:
        return _EPOCH + timedelta(microseconds=int(number))
    except OverflowError:
        raise Unfit("is beyond the years 1 to 9999") from None


def _iso(attribute: Attribute) -> date | datetime:
    found = attribute.get("S")
    if found is None:
        raise Unfit(f"is {kind_of(attribute)} and no date or time in text")
    try:
        return _parsed(found)
    except ValueError:
        raise Unfit("is no date or time as ISO 8601 writes it") from None


@lru_cache(maxsize=16)
def _parsed(text: str) -> date | datetime:
    """Remembered for the next column: a time is often kept, and made a month as well."""
    return date.fromisoformat(text) if len(text) == _DAY_LENGTH else datetime.fromisoformat(text)


def is_finer(text: str) -> bool:
    """Whether a time has parts of a microsecond, which Python's parser and PostgreSQL leave out."""
    return len(text) > _SECOND_LENGTH and _FINER.search(text) is not None


def _timestamp(attribute: Attribute, *, is_kept: bool) -> datetime:
    moment = _iso(attribute)
    if is_kept and is_finer(attribute["S"]):
        raise Unfit("is finer than a microsecond")
    if isinstance(moment, datetime) and moment.tzinfo is UTC:
        return moment
    return _with_zone(moment)


def _with_zone(moment: date | datetime) -> datetime:
    if not isinstance(moment, datetime):
        raise Unfit("is a date without a time")
    if moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None:
        raise Unfit("is a time without a zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise Unfit("is beyond the years 1 to 9999") from None


def _day(moment: date | datetime) -> date:
    if isinstance(moment, datetime):
        raise Unfit("is a time, of which a date would keep a part: say generalise: day")
    return moment


def _as_day(moment: date | datetime) -> date:
    return _with_zone(moment).date() if isinstance(moment, datetime) else moment


_READERS: Mapping[str, Callable[[Attribute], Any]] = {
    "text": text_of,
    "bigint": _bigint,
    "double": _double,
    "boolean": _boolean,
}
