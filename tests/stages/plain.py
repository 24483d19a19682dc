"""What raw files say and which values their rows may become, in plain Python: the oracle, with no code of Sluice's.

A JSON number is kept as its text (`Num`). A record is `None` where its row is no row: then it must be quarantined.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from typing import Any

import pyarrow as pa

NULL = "\ue000"
"""Stands in the text of a CSV file for a cell with nothing in it, which csv.reader cannot tell from `""`."""


class Num(str):
    """A JSON number as it is written."""

    __slots__ = ()


class Broken(Exception):
    """No value of the type."""


@dataclass(frozen=True)
class Record:
    """A row of a file, by safe column names; `line` as Sluice counts."""

    line: int
    fields: dict[str, Any] | None


def safe(name: str) -> str:
    return re.sub("[^a-z0-9_]", "_", name.strip().lower())


def csv_records(text: str, delimiter: str) -> tuple[list[str], list[Record]]:
    """The header's safe names and the rows."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    names = [safe(cell) for cell in next(row for row in reader if row)]
    records, before = [], reader.line_num
    for row in reader:
        if row:
            fits = len(row) == len(names) and _is_text("".join(row))
            cells = (None if cell == NULL else cell for cell in row)
            records.append(Record(before + 1, dict(zip(names, cells, strict=True)) if fits else None))
        before = reader.line_num
    return names, records


def json_records(text: str) -> list[Record]:
    """The elements of an array, or the objects of lines."""
    if text.lstrip().startswith("["):
        return [Record(number, _record(item)) for number, item in enumerate(_parse(text), 1)]
    numbered = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    return [Record(number, _record(_parse(line))) for number, line in numbered]


class _Wrong:
    """Where JSON says something that no value is."""


_WRONG = _Wrong()


def _parse(text: str) -> Any:
    def pairs(found: list[tuple[str, Any]]) -> Any:
        return dict(found) if len({name for name, _ in found}) == len(found) else _WRONG

    def real(token: str) -> Any:
        return _WRONG if math.isinf(float(token)) else Num(token)

    try:
        return json.loads(
            text, parse_int=Num, parse_float=real, parse_constant=lambda _: _WRONG, object_pairs_hook=pairs
        )
    except json.JSONDecodeError:
        return _WRONG


def _record(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, dict) or not _is_sound(value):
        return None
    return {safe(name): item for name, item in value.items()}


def _is_sound(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_text(name) and _is_sound(item) for name, item in value.items())
    if isinstance(value, list):
        return all(map(_is_sound, value))
    return _is_text(value) if isinstance(value, str) else value is not _WRONG


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


Meaning = Callable[[Any], Any]
"""Of a CSV cell or a JSON value, never null, the value in a declared column; Broken if it has none."""


def _token(value: Any) -> str:
    if not isinstance(value, str):
        raise Broken
    return value.strip(" \t")


def _integer(bits: int) -> Meaning:
    def read(value: Any) -> int:
        if not re.fullmatch(r"[+-]?[0-9]+", token := _token(value)):
            raise Broken
        number = int(token)
        if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
            raise Broken
        return number

    return read


def _decimal(precision: int, scale: int) -> Meaning:
    def read(value: Any) -> Decimal:
        number = _number(value)
        if number.is_nan() or number.is_infinite():
            raise Broken
        with localcontext(prec=400):
            if abs(number) >= 10 ** (precision - scale) or number % Decimal(1).scaleb(-scale):
                raise Broken
        return number

    return read


def _number(value: Any) -> Decimal:
    if not re.fullmatch(
        r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(nan|inf|infinity)", _token(value), re.I
    ):
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
        if math.isinf(nearest) and not number.is_infinite():
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
            value = _parse(value)
            if not _is_sound(value):
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


DECLARED: dict[str, Meaning] = {
    "string": _string,
    "int": _integer(32),
    "bigint": _integer(64),
    "float": _floating(single=True),
    "double": _floating(single=False),
    "boolean": _boolean,
    "date": _date,
    "timestamp": _timestamp,
    "decimal(5,2)": _decimal(5, 2),
    "decimal(38,10)": _decimal(38, 10),
    "array<int>": _array(_integer(32)),
    "map<string,double>": _map(_floating(single=False)),
    "struct<x:bigint,y:array<string>>": _struct(x=_integer(64), y=_array(_string)),
    "array<struct<x:date,y:decimal(5,2)>>": _array(_struct(x=_date, y=_decimal(5, 2))),
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
    found = _parse(text)
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
        if number % 1 or not -(2**63) <= number < 2**63:
            return False
        return True if re.fullmatch("0|-?[1-9][0-9]*", value) else None
    return re.fullmatch("0|-?[1-9][0-9]*", value) is not None and -(2**63) <= int(value) < 2**63


def _fits_double(value: str) -> bool | None:
    if not re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", value, re.ASCII):
        return False
    if math.isinf(float(value)) or (_is_integer(value) and int(float(value)) != int(value)):
        return False
    digits = re.sub("[eE].*", "", value).replace("-", "").replace(".", "").lstrip("0")
    return True if len(digits) <= 15 or (isinstance(value, Num) and not _is_integer(value)) else None


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
        return None if any(whole) else pa.float64()
    return None
