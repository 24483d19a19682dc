"""Columns of text into columns of the contract's types, whole where Arrow agrees with `values`, else value by value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.lake.datasets.arrow import arrow_type
from pipeline.lake.datasets.types import Array, Decimal, Map, Primitive, Struct, Type
from pipeline.lake.files.forms import PLAIN, Form
from pipeline.lake.files.values import read_text, shown


@dataclass(frozen=True, slots=True)
class BadValue:
    """A value that has no place in its column. `why` says nothing of its content, as `quoted` does."""

    quoted: str
    why: str


class Mismatch(Exception):
    """Whole-column conversion is not known to be right for these values: convert them one by one."""


_FIRST_DAY, _LAST_DAY = -719162, 2932896
_MICROSECONDS_A_DAY = 86_400_000_000
_EXACT_INTEGERS = {Primitive.FLOAT: 2.0**24, Primitive.DOUBLE: 2.0**53}
"""From here on a floating-point column may round an integer."""


def cast_text(column: pa.Array, to: Type, form: Form = PLAIN) -> tuple[pa.Array, dict[int, BadValue]]:
    """Convert text, written in `form`, to `to`.

    The second answer says of each row that is bad why; its value is null then.
    """
    try:
        return cast_column(column, to, form), {}
    except Mismatch:
        return _cast_each(column, to, form)


def cast_column(column: pa.Array, to: Type, form: Form = PLAIN) -> pa.Array:
    """Convert text, or values that JSON gave a fitting type, to `to` at once.

    Mismatch where a value is bad, and where Arrow's conversion could differ from `values.read_text`.
    """
    target = arrow_type(to)
    if column.type.equals(target) and not (pa.types.is_floating(target) or pa.types.is_nested(target)):
        return column
    if column.null_count == len(column):
        return pa.nulls(len(column), target)
    try:
        match to:
            case Array(element):
                return _cast_list(column, element, target, form)
            case Struct():
                return _cast_struct(column, to, target, form)
            case Map():
                raise Mismatch
            case Decimal():
                return _decimal(column, to, target)
        return _PRIMITIVES[to](column, target)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise Mismatch from error


def _cast_list(column: pa.Array, element: Type, target: pa.DataType, form: Form) -> pa.Array:
    if not pa.types.is_list(column.type):
        raise Mismatch
    values = cast_column(column.values, element, form)
    return pa.ListArray.from_arrays(column.offsets, values, type=target, mask=_mask(column))


def _cast_struct(column: pa.Array, to: Struct, target: pa.DataType, form: Form) -> pa.Array:
    if not pa.types.is_struct(column.type):
        raise Mismatch
    types = {field.name: field.type for field in to.fields}
    present = {field.name: column.field(index) for index, field in enumerate(column.type)}
    if not present.keys() <= types.keys():
        raise Mismatch
    children = [
        cast_column(present[name], kind, form) if name in present else pa.nulls(len(column), arrow_type(kind))
        for name, kind in types.items()
    ]
    return pa.StructArray.from_arrays(children, fields=list(target), mask=_mask(column))


def _mask(column: pa.Array) -> pa.Array | None:
    return column.is_null() if column.null_count else None


def _decimal(column: pa.Array, to: Decimal, target: pa.DataType) -> pa.Array:
    # Arrow 22 takes a text with more digits, or an exponent, for some other number: its 128 bits overflow unnoticed.
    fitting = rf"^[ \t]*[+-]?[0-9]{{0,{to.precision - to.scale}}}(\.[0-9]{{0,{to.scale}}})?[ \t]*$"
    if not (pa.types.is_string(column.type) and pc.all(pc.match_substring_regex(column, fitting)).as_py()):
        raise Mismatch
    return column.cast(target)


def _integer(column: pa.Array, target: pa.DataType) -> pa.Array:
    # Arrow reads 0x1F as a number.
    if pa.types.is_string(column.type) and any(
        pc.any(pc.match_substring(column, letter)).as_py() for letter in ("x", "X")
    ):
        raise Mismatch
    return column.cast(target)


def _floating(kind: Primitive) -> Callable[[pa.Array, pa.DataType], pa.Array]:
    def cast(column: pa.Array, target: pa.DataType) -> pa.Array:
        if not (pa.types.is_string(column.type) or pa.types.is_floating(column.type)):
            raise Mismatch
        values = column.cast(target)
        check_floating(values, _EXACT_INTEGERS[kind])
        return values

    return cast


def check_floating(values: pa.Array, exact: float = 2.0**53) -> None:
    """Mismatch if a value is not finite, or so large that it may be a rounded integer."""
    if values.null_count == len(values):
        return
    if not pc.all(pc.is_finite(values)).as_py():
        raise Mismatch
    extremes = pc.min_max(values)
    if extremes["max"].as_py() >= exact or extremes["min"].as_py() <= -exact:
        raise Mismatch


def _boolean(column: pa.Array, target: pa.DataType) -> pa.Array:
    # Arrow's own cast takes 0 and 1 as well.
    lower = pc.ascii_lower(column)
    true = pc.equal(lower, "true")
    if not pc.all(pc.or_(true, pc.equal(lower, "false"))).as_py():
        raise Mismatch
    return true


def _date(column: pa.Array, target: pa.DataType) -> pa.Array:
    values = column.cast(target)
    _check_range(values.cast(pa.int32()), _FIRST_DAY, _LAST_DAY)
    return values


def _timestamp(column: pa.Array, target: pa.DataType) -> pa.Array:
    try:
        values = column.cast(target)
    except pa.ArrowInvalid:
        values = column.cast(pa.timestamp("us")).cast(target)
    _check_range(values.cast(pa.int64()), _FIRST_DAY * _MICROSECONDS_A_DAY, (_LAST_DAY + 1) * _MICROSECONDS_A_DAY - 1)
    return values


def _check_range(numbers: pa.Array, first: int, last: int) -> None:
    """Arrow knows a year 0, and zones can move a time past year 9999: neither Python nor Spark follows."""
    extremes = pc.min_max(numbers)
    low, high = extremes["min"].as_py(), extremes["max"].as_py()
    if low is not None and not first <= low <= high <= last:
        raise Mismatch


def _string(column: pa.Array, target: pa.DataType) -> pa.Array:
    raise Mismatch


_PRIMITIVES: dict[Primitive, Callable[[pa.Array, pa.DataType], pa.Array]] = {
    Primitive.STRING: _string,
    Primitive.INT: _integer,
    Primitive.BIGINT: _integer,
    Primitive.FLOAT: _floating(Primitive.FLOAT),
    Primitive.DOUBLE: _floating(Primitive.DOUBLE),
    Primitive.BOOLEAN: _boolean,
    Primitive.DATE: _date,
    Primitive.TIMESTAMP: _timestamp,
}


def _cast_each(column: pa.Array, to: Type, form: Form) -> tuple[pa.Array, dict[int, BadValue]]:
    values: list[object] = []
    bad: dict[int, BadValue] = {}
    for row, text in enumerate(column.to_pylist()):
        value: object = None
        if text is not None:
            try:
                value = read_text(text, to, form)
            except ValueError as error:
                bad[row] = BadValue(shown(text), f"is not {to}: {error}")
        values.append(value)
    return pa.array(values, arrow_type(to)), bad
