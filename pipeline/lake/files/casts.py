"""Columns of text into columns of the contract's types, whole where Arrow agrees with `values`, else value by value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.lake.datasets.arrow import arrow_type
from pipeline.lake.datasets.raw_files import EPOCHS
from pipeline.lake.datasets.types import Array, Decimal, Map, Primitive, Struct, Type
from pipeline.lake.files.forms import PLAIN, Form
from pipeline.lake.files.moments import DAY, FIRST_DAY, LAST_DAY, from_epochs, is_moment, read_moments
from pipeline.lake.files.numerals import BLANKS, plain_numbers
from pipeline.lake.files.text_bytes import may_begin_with_zero
from pipeline.lake.files.values import read_text, shown

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class BadValue:
    """A value that has no place in its column. `why` says nothing of its content, as `quoted` does.

    `text` is the value as it was written, None where it is missing.
    """

    text: str | None
    why: str

    @property
    def quoted(self) -> str:
        """The value as its row's reason quotes it."""
        return "a value" if self.text is None else shown(self.text)


class Mismatch(Exception):
    """Whole-column conversion is not known to be right for these values: convert them one by one."""


_EXACT_INTEGERS = {Primitive.FLOAT: 2.0**24, Primitive.DOUBLE: 2.0**53}
"""From here on a floating-point column may round an integer."""

_LEADING_ZERO = f"^[{BLANKS}]*[+-]?0[0-9]"
_NUMERALS = {
    Primitive.FLOAT: r"[+-]?[0-9]{1,7}(\.[0-9]{0,15})?([eE][+-]?[0-9])?",
    Primitive.DOUBLE: r"[+-]?[0-9]{1,15}(\.[0-9]{0,15})?([eE][+-]?[0-9]{1,2})?",
}
"""Numerals of which Arrow makes what `values` makes, whatever the digits."""


def cast_text(column: pa.Array, to: Type, form: Form = PLAIN) -> tuple[pa.Array, dict[int, BadValue]]:
    """Convert text, written in `form`, to `to`.

    The second answer says of each row that is bad why; its value is null then. Few bad values cost little: they are
    found by a mask, and only what it leaves out is looked at one by one.
    """
    try:
        return cast_column(column, to, form), {}
    except Mismatch:
        pass
    try:
        values, known = _cast_known(_nulls(column, to, form), to, form)
    except (Mismatch, pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return _cast_each(column, to, form)
    rows = np.flatnonzero(~known)
    each, bad = _cast_each(column.take(pa.array(rows)), to, form)
    values = pc.replace_with_mask(values, pa.array(~known), each)
    return values, {int(rows[row]): value for row, value in bad.items()}


def cast_column(column: pa.Array, to: Type, form: Form = PLAIN) -> pa.Array:
    """Convert text, or values that JSON gave a fitting type, to `to` at once.

    Mismatch where a value is bad, and where Arrow's conversion could differ from `values.read_text`.
    """
    target = arrow_type(to)
    if to is Primitive.STRING and pa.types.is_string(column.type):
        return _strings(column, form)
    if column.type.equals(target) and not (pa.types.is_floating(target) or pa.types.is_nested(target)):
        return column
    column = _nulls(column, to, form)
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
                return _decimal(_numbers(column, form), to, form)
        return _PRIMITIVES[to](column, to, form)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise Mismatch from error


def _strings(column: pa.Array, form: Form) -> pa.Array:
    if not (form.trim or (form.null_text and form.null_values)):
        return column
    trimmed = pc.utf8_trim(column, BLANKS) if form.trim else column
    empty = pc.is_in(trimmed, pa.array(["", *form.null_values] if form.trim else [*form.null_values], pa.string()))
    # What had no spaces around it has been told from its quoted twin by the parser, if there are quotes.
    changed = pc.fill_null(pc.not_equal(trimmed, column), False)
    if form.null_text:
        changed = pc.or_(changed, pc.not_equal(pc.fill_null(trimmed, ""), ""))
    return pc.if_else(pc.and_(empty, changed), None, trimmed)


def _nulls(column: pa.Array, to: Type, form: Form) -> pa.Array:
    """Null for nothing at all and for the null words, in a column that is not of text."""
    if to is Primitive.STRING or not pa.types.is_string(column.type):
        return column
    words = pa.array(["", *form.null_values])
    if not form.null_values and (pc.min(pc.binary_length(column)).as_py() or 0) > 0:
        return column
    null = pc.is_in(column, words)
    return pc.if_else(null, None, column) if pc.any(null).as_py() else column


def _numbers(column: pa.Array, form: Form) -> pa.Array:
    return plain_numbers(column, form) if pa.types.is_string(column.type) else column


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


def _decimal(column: pa.Array, to: Decimal, form: Form) -> pa.Array:
    # Arrow 22 takes a text with more digits, or an exponent, for some other number: its 128 bits overflow unnoticed.
    if not (pa.types.is_string(column.type) and pc.all(pc.match_substring_regex(column, _fitting(to, form))).as_py()):
        raise Mismatch
    return column.cast(arrow_type(to))


def _fitting(to: Type, form: Form) -> str:
    """What a numeral looks like of which Arrow certainly makes what `values` makes."""
    match to:
        case Decimal(precision, scale):
            whole = f"[0-9]{{0,{precision - scale}}}"
            if not (scale or form.leading_zeros):
                whole = f"(0|[1-9][0-9]{{0,{precision - 1}}})"
            numeral = rf"[+-]?{whole}(\.[0-9]{{0,{scale}}})?"
        case Primitive.INT | Primitive.BIGINT:
            digits = 9 if to is Primitive.INT else 18
            numeral = f"[+-]?[0-9]{{1,{digits}}}" if form.leading_zeros else f"[+-]?(0|[1-9][0-9]{{0,{digits - 1}}})"
        case Primitive():
            numeral = _NUMERALS[to]
        case _:
            raise Mismatch
    return rf"^[ \t]*(?:{numeral})[ \t]*$"


def _integer(column: pa.Array, to: Primitive, form: Form) -> pa.Array:
    column = _numbers(column, form)
    if pa.types.is_string(column.type):
        # Arrow reads 0x1F as a number, and zeros at the start as nothing.
        if not may_begin_with_zero(column):
            return column.cast(arrow_type(to))
        pattern = "[xX]" if form.leading_zeros else f"[xX]|{_LEADING_ZERO}"
        if pc.any(pc.match_substring_regex(column, pattern)).as_py():
            raise Mismatch
    return column.cast(arrow_type(to))


def _floating(column: pa.Array, to: Primitive, form: Form) -> pa.Array:
    column = _numbers(column, form)
    if not (pa.types.is_string(column.type) or pa.types.is_floating(column.type)):
        raise Mismatch
    values = column.cast(arrow_type(to))
    check_floating(values, _EXACT_INTEGERS[to])
    return values


def check_floating(values: pa.Array, exact: float = 2.0**53) -> None:
    """Mismatch if a value is not finite, or so large that it may be a rounded integer."""
    if values.null_count == len(values):
        return
    if not pc.all(pc.is_finite(values)).as_py():
        raise Mismatch
    extremes = pc.min_max(values)
    if extremes["max"].as_py() >= exact or extremes["min"].as_py() <= -exact:
        raise Mismatch


def _boolean(column: pa.Array, to: Primitive, form: Form) -> pa.Array:
    values, known = _words(column, form)
    if not known.all():
        raise Mismatch
    return values


def _words(column: pa.Array, form: Form) -> tuple[pa.Array, Mask]:
    """Truth values, and which of them are known. Arrow's own cast takes 0 and 1 as well, whatever the form says."""
    lower = pc.ascii_lower(column)
    true = pc.is_in(lower, pa.array([*(form.true_values or {"true"})], pa.string()))
    false = pc.is_in(lower, pa.array([*(form.false_values or {"false"})], pa.string()))
    known = pc.or_(pc.or_(true, false), column.is_null())
    return pc.if_else(column.is_valid(), true, None), known.to_numpy(zero_copy_only=False)


def _date(column: pa.Array, to: Primitive, form: Form) -> pa.Array:
    if form.pattern:
        return _whole(*read_moments(_text(column), to, form))
    values = column.cast(arrow_type(to))
    _check_range(values.cast(pa.int32()), FIRST_DAY, LAST_DAY)
    return values


def _timestamp(column: pa.Array, to: Primitive, form: Form) -> pa.Array:
    target = arrow_type(to)
    if form.pattern in EPOCHS and pa.types.is_integer(column.type):
        micros, known = from_epochs(column, EPOCHS[form.pattern])
        values = pa.array(micros, mask=column.is_null().to_numpy(zero_copy_only=False)).cast(target)
        return _in_range(_whole(values, known | column.is_null().to_numpy(zero_copy_only=False)))
    if form.pattern:
        return _whole(*read_moments(_text(column), to, form))
    if pa.types.is_string(column.type) and _is_zoneless(column) and form.timezone == "UTC":
        return _in_range(column.cast(pa.timestamp("us")).cast(target))
    # The first value says whether they have zones: of a column that does not, Arrow would say so of each.
    if _is_zoned(column.drop_null()[0]):
        return _in_range(column.cast(target))
    if form.timezone != "UTC":
        return _whole(*read_moments(column, to, form))
    return _in_range(column.cast(pa.timestamp("us")).cast(target))


def _is_zoned(first: pa.Scalar) -> bool:
    try:
        first.cast(pa.timestamp("us", tz="UTC"))
    except pa.ArrowInvalid:
        return False
    return True


def _is_zoneless(column: pa.Array) -> bool:
    """Whether no value ends as one with a zone does. Arrow takes forty times as long to find that out by its cast."""
    return not pc.any(pc.match_substring_regex(column, r"[T :][0-9.:]+(?:Z|[+-][0-9:]{2,5})\s*$")).as_py()


def _text(column: pa.Array) -> pa.Array:
    if not pa.types.is_string(column.type):
        raise Mismatch
    return column


def _whole(values: pa.Array, known: Mask) -> pa.Array:
    if not known.all():
        raise Mismatch
    return values


def _in_range(values: pa.Array) -> pa.Array:
    _check_range(values.cast(pa.int64()), FIRST_DAY * DAY, (LAST_DAY + 1) * DAY - 1)
    return values


def _check_range(numbers: pa.Array, first: int, last: int) -> None:
    extremes = pc.min_max(numbers)
    low, high = extremes["min"].as_py(), extremes["max"].as_py()
    if low is not None and not first <= low <= high <= last:
        raise Mismatch


def _string(column: pa.Array, to: Primitive, form: Form) -> pa.Array:
    raise Mismatch


_PRIMITIVES: dict[Primitive, Callable[[pa.Array, Primitive, Form], pa.Array]] = {
    Primitive.STRING: _string,
    Primitive.INT: _integer,
    Primitive.BIGINT: _integer,
    Primitive.FLOAT: _floating,
    Primitive.DOUBLE: _floating,
    Primitive.BOOLEAN: _boolean,
    Primitive.DATE: _date,
    Primitive.TIMESTAMP: _timestamp,
}


def _cast_known(column: pa.Array, to: Type, form: Form) -> tuple[pa.Array, Mask]:
    """The values of those rows of a column of text that are certainly good, and which rows those are."""
    if not pa.types.is_string(column.type) or to is Primitive.STRING:
        raise Mismatch
    if to is Primitive.BOOLEAN:
        return _words(column, form)
    if isinstance(to, Primitive) and is_moment(to):
        return read_moments(column, to, form)
    plain = plain_numbers(column, form)
    fits = pc.match_substring_regex(plain, _fitting(to, form))
    known = pc.fill_null(fits, True).to_numpy(zero_copy_only=False)
    return pc.if_else(fits, plain, None).cast(arrow_type(to)), known


def _cast_each(column: pa.Array, to: Type, form: Form) -> tuple[pa.Array, dict[int, BadValue]]:
    """Each different value once."""
    encoded = column.dictionary_encode()
    values: list[object] = []
    bad: dict[int, BadValue] = {}
    for index, text in enumerate(encoded.dictionary.to_pylist()):
        value: object = None
        try:
            value = read_text(text, to, form)
        except ValueError as error:
            bad[index] = BadValue(text, f"is not {to}: {error}")
        values.append(value)
    indices = encoded.indices
    rows = {}
    if bad:
        places = indices.fill_null(-1).to_numpy(zero_copy_only=False)
        rows = {int(row): bad[int(places[row])] for row in np.flatnonzero(np.isin(places, [*bad]))}
    return pa.array(values, arrow_type(to)).take(indices), rows
