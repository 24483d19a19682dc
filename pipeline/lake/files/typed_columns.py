"""Columns that a file gave types to (Parquet, Avro, ORC) into the contract's: exactly, or the value is a bad one.

Whole columns where Arrow's conversion is known to be exact; else each value as its exact text would be read, so that
`values` stays the authority on what has a place in a type.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.lake.datasets.arrow import arrow_type
from pipeline.lake.datasets.names import field_name
from pipeline.lake.datasets.types import Array, Decimal, Map, Primitive, Struct, Type
from pipeline.lake.files.casts import BadValue, Mismatch, cast_text
from pipeline.lake.files.forms import PLAIN, Form
from pipeline.lake.files.typed_kinds import is_bytes, is_list, is_text
from pipeline.lake.files.typed_texts import plain, texts_of

_MICROSECONDS_A_DAY = 86_400_000_000
_FIRST_DAY, _LAST_DAY = -719162, 2932896
"""Of the years 1 to 9999."""

_EXACT = {Primitive.FLOAT: 2.0**24, Primitive.DOUBLE: 2.0**53}
_RANGES: dict[Type, tuple[int, int]] = {
    Primitive.INT: (-(2**31), 2**31 - 1),
    Primitive.BIGINT: (-(2**63), 2**63 - 1),
    Primitive.FLOAT: (-(2**24), 2**24),
    Primitive.DOUBLE: (-(2**53), 2**53),
}


def fit(column: pa.Array, to: Type, form: Form = PLAIN) -> tuple[pa.Array, dict[int, BadValue]]:
    """The values as `to`, and of each row that has none why; its value is null then.

    Text is read as `form` says, which of other values says only the zone of timestamps that have none.
    """
    column = plain(column)
    try:
        return _fitted(column, to, form), {}
    except _UNFIT:
        pass
    if is_bytes(column.type):
        return _fit_bytes(column, to, form)
    if _read_as_text(column.type, to):
        return cast_text(texts_of(column), to, form if is_text(column.type) or to in _WRITTEN else PLAIN)
    rows = _unfit_rows(column, to, form)
    # No form but the zone: these are no texts that somebody wrote.
    found, bad = cast_text(texts_of(column.take(rows)), to, replace(PLAIN, timezone=form.timezone))
    places = np.arange(len(column))
    places[rows] = len(column) + np.arange(len(rows))
    fitted = pa.concat_arrays([_fitted(_without(column, rows), to, form), found])
    return fitted.take(pa.array(places)), {rows[index]: value for index, value in bad.items()}


_UNFIT = (Mismatch, pa.ArrowInvalid, pa.ArrowNotImplementedError)
_WRITTEN = (Primitive.DATE, Primitive.TIMESTAMP, Primitive.BOOLEAN)
"""What an integer is only by a form that the dataset says."""


def _read_as_text(of: pa.DataType, to: Type) -> bool:
    """Whether values of `of` have no place in `to` but by their text: never only some of them."""
    if pa.types.is_integer(of):
        return to in _WRITTEN
    if pa.types.is_floating(of):
        return isinstance(to, Decimal)
    return is_text(of) or (pa.types.is_decimal(of) and to in _EXACT)


def _without(column: pa.Array, rows: list[int]) -> pa.Array:
    """The values, null at `rows`."""
    places = np.arange(len(column))
    gone = np.zeros(len(column), dtype=bool)
    gone[rows] = True
    return column.take(pa.array(places, mask=gone))


def _unfit_rows(column: pa.Array, to: Type, form: Form) -> list[int]:
    """Which values do not fit: found at once where that is cheap, the others by halves."""
    rows = np.flatnonzero(~_fitting(column, to)).tolist()
    rest = _without(column, rows) if rows else column
    return sorted([*rows, *_by_halves(rest, to, form, 0)])


def _fitting(column: pa.Array, to: Type) -> NDArray[np.bool_]:
    """Which values fit as far as is cheaply told; the others do not."""
    of = column.type
    fitting: pa.Array | None = None
    if pa.types.is_integer(of) and to in _RANGES:
        low, high = (pa.scalar(max(limit, 0), of) if pa.types.is_uint64(of) else limit for limit in _RANGES[to])
        fitting = pc.and_(pc.greater_equal(column, low), pc.less_equal(column, high))
    elif pa.types.is_floating(of) and to in _EXACT:
        fitting = _held(column, column.cast(arrow_type(to), safe=False))
    elif pa.types.is_floating(of) and to in _RANGES:
        fitting = pc.and_(pc.equal(pc.floor(column), column), pc.less_equal(pc.abs(column), _EXACT[Primitive.DOUBLE]))
    elif pa.types.is_timestamp(of) and to in (Primitive.DATE, Primitive.TIMESTAMP):
        local = column.cast(pa.timestamp(of.unit))
        coarse = pa.date32() if to is Primitive.DATE else pa.timestamp("us")
        fitting = pc.equal(local.cast(coarse, safe=False).cast(local.type, safe=False), local)
    if fitting is None:
        return np.ones(len(column), dtype=bool)
    found: NDArray[np.bool_] = fitting.fill_null(True).to_numpy(zero_copy_only=False)
    return found


def _by_halves(column: pa.Array, to: Type, form: Form, first: int) -> list[int]:
    try:
        _fitted(column, to, form)
    except _UNFIT:
        if len(column) == 1:
            return [first]
        middle = len(column) // 2
        left = _by_halves(column.slice(0, middle), to, form, first)
        return left + _by_halves(column.slice(middle), to, form, first + middle)
    return []


def _fit_bytes(column: pa.Array, to: Type, form: Form) -> tuple[pa.Array, dict[int, BadValue]]:
    texts, bad = [], {}
    for row, value in enumerate(column.to_pylist()):
        try:
            texts.append(value if value is None else value.decode())
        except UnicodeDecodeError:
            texts.append(None)
            bad[row] = BadValue(value.decode(errors="backslashreplace"), "is bytes that are no UTF-8")
    found, others = cast_text(pa.array(texts, pa.string()), to, form)
    return found, {**bad, **others}


def _fitted(column: pa.Array, to: Type, form: Form) -> pa.Array:
    """Mismatch, or an error of Arrow's, where the values have to be looked at one by one."""
    column = plain(column)
    target = arrow_type(to)
    if column.null_count == len(column):
        return pa.nulls(len(column), target)
    match to:
        case Array(element):
            return _list(column, element, form, target)
        case Map():
            return _map(column, to, form, target)
        case Struct():
            return _struct(column, to, form, target)
    return _fitted_scalar(column, to, form, target)


def _fitted_scalar(column: pa.Array, to: Decimal | Primitive, form: Form, target: pa.DataType) -> pa.Array:
    match to:
        case Decimal():
            return _decimal(column, target)
        case Primitive.STRING:
            return _string(column)
        case Primitive.TIMESTAMP:
            return _timestamp(column, form)
        case Primitive.DATE:
            return _date(column)
        case Primitive.FLOAT | Primitive.DOUBLE:
            return _floating(column, target)
        case Primitive.INT | Primitive.BIGINT:
            return _integer(column, target)
    if not column.type.equals(target):
        raise Mismatch
    return column


def _list(column: pa.Array, element: Type, form: Form, target: pa.DataType) -> pa.Array:
    if not is_list(column.type) or pa.types.is_map(column.type):
        raise Mismatch
    column = _from_start(column)
    values = _fitted(column.values, element, form)
    return pa.ListArray.from_arrays(column.offsets, values, type=target, mask=_mask(column))


def _map(column: pa.Array, to: Map, form: Form, target: pa.DataType) -> pa.Array:
    if not pa.types.is_map(column.type):
        raise Mismatch
    column = _from_start(column)
    keys, items = _fitted(column.keys, to.key, form), _fitted(column.items, to.value, form)
    if keys.null_count:
        raise Mismatch
    return pa.MapArray.from_arrays(column.offsets, keys, items, type=target, mask=_mask(column))


def _struct(column: pa.Array, to: Struct, form: Form, target: pa.DataType) -> pa.Array:
    if not pa.types.is_struct(column.type):
        raise Mismatch
    types = {field.name: field.type for field in to.fields}
    names = [field_name(part.name, types) for part in column.type]
    if not set(names) <= types.keys() or len(set(names)) < len(names):
        raise Mismatch
    present = dict(zip(names, column.flatten(), strict=True))
    children = [
        _fitted(present[name], kind, form) if name in present else pa.nulls(len(column), arrow_type(kind))
        for name, kind in types.items()
    ]
    return pa.StructArray.from_arrays(children, fields=list(target), mask=_mask(column))


def _from_start(column: pa.Array) -> pa.Array:
    """Arrow makes no list with a mask from the offsets of a slice."""
    return pc.take(column, pa.array(range(len(column)))) if column.offset else column


def _mask(column: pa.Array) -> pa.Array | None:
    return column.is_null() if column.null_count else None


def _string(column: pa.Array) -> pa.Array:
    if is_text(column.type):
        return column
    return column.cast(pa.string()) if is_bytes(column.type) else texts_of(column)


def _timestamp(column: pa.Array, form: Form) -> pa.Array:
    of = column.type
    if pa.types.is_date(of):
        column = column.cast(pa.date32()).cast(pa.timestamp("us"))
    elif not pa.types.is_timestamp(of):
        raise Mismatch
    values = column.cast(pa.timestamp("us", tz=column.type.tz))
    if column.type.tz is None and form.timezone not in ("UTC", "Etc/UTC"):
        # An hour that a zone has twice or never is an error of Arrow's.
        values = pc.assume_timezone(values, form.timezone)
    values = values.cast(pa.timestamp("us", tz="UTC"))
    _check_range(values.cast(pa.int64()), _FIRST_DAY * _MICROSECONDS_A_DAY, (_LAST_DAY + 1) * _MICROSECONDS_A_DAY - 1)
    return values


def _date(column: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(column.type):
        local = column.cast(pa.timestamp(column.type.unit))
        days = local.cast(pa.date32())
        # Arrow drops the time of day unasked.
        if not pc.all(pc.equal(days.cast(local.type), local)).as_py():
            raise Mismatch
    elif pa.types.is_date(column.type):
        days = column.cast(pa.date32())
    else:
        raise Mismatch
    _check_range(days.cast(pa.int32()), _FIRST_DAY, _LAST_DAY)
    return days


def _check_range(numbers: pa.Array, first: float, last: float) -> None:
    extremes = pc.min_max(numbers)
    low, high = extremes["min"].as_py(), extremes["max"].as_py()
    if low is not None and not first <= low <= high <= last:
        raise Mismatch


def _floating(column: pa.Array, target: pa.DataType) -> pa.Array:
    of = column.type
    if of.equals(target):
        return column
    if pa.types.is_integer(of):
        return column.cast(target)
    if not pa.types.is_floating(of):
        raise Mismatch
    values = column.cast(target, safe=False)
    if not pc.all(_held(column, values)).as_py():
        raise Mismatch
    return values


def _held(column: pa.Array, values: pa.Array) -> pa.Array:
    """Which numbers are the same in another floating-point type."""
    return pc.or_(pc.equal(values.cast(column.type, safe=False), column), pc.is_nan(column))


def _integer(column: pa.Array, target: pa.DataType) -> pa.Array:
    if pa.types.is_floating(column.type):
        exact = _EXACT[Primitive.DOUBLE if column.type == pa.float64() else Primitive.FLOAT]
        _check_range(column, -exact, exact)
    elif not (pa.types.is_integer(column.type) or pa.types.is_decimal(column.type)):
        raise Mismatch
    return column.cast(target)


def _decimal(column: pa.Array, target: pa.DataType) -> pa.Array:
    if pa.types.is_integer(column.type):
        return column.cast(pa.decimal256(20 + target.scale, target.scale)).cast(target)
    of = column.type
    if not pa.types.is_decimal(of):
        raise Mismatch
    room = target.precision - target.scale
    if of.precision - of.scale > room:
        # Arrow's cast overflows unnoticed where the new scale needs more bits than there are.
        _check_range(column, -(10**room), 10**room)
    return column.cast(target)
