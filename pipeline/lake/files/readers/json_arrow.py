"""Arrow's JSON reader, with what it must be told and what it does not check."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from pipeline.lake.datasets.arrow import arrow_type
from pipeline.lake.datasets.raw_files import EPOCHS
from pipeline.lake.datasets.types import Array, Map, Primitive, Struct, Type
from pipeline.lake.files.casts import Mismatch, check_floating
from pipeline.lake.files.forms import PLAIN, Form
from pipeline.lake.files.numerals import is_plain
from pipeline.lake.files.readers.base import one_array
from pipeline.lake.files.readers.json_numbers import JSON_NUMBER, has_exponent
from pipeline.lake.files.readers.json_split import Text

_DIGITS = 38
"""Of a decimal of 128 bits."""

_ROUNDING = 1e-12
"""Of a number's size, more than it changes when it becomes a double."""


def read_objects(text: Text, schema: pa.Schema, unknown: Literal["error", "ignore"] = "error") -> pa.Table:
    """The columns of `schema`. ArrowInvalid where a value does not fit, or has no column and `unknown` says so."""
    # A null as the very first value crashes Arrow 22's reader: callers see to it that the text begins with an object.
    table = pa.json.read_json(
        pa.BufferReader(pa.py_buffer(text)),
        read_options=pa.json.ReadOptions(use_threads=False, block_size=len(text) + 1),
        parse_options=pa.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior=unknown),
    )
    return table.select(schema.names)


def check_decimals(text: Text, table: pa.Table) -> None:
    """Mismatch where a number has, or almost has, more digits before the point than its decimal column in `table`.

    Arrow 22 takes such a number for some other one: its 128 bits overflow unnoticed, or hold more digits than they
    should. Where they cannot overflow, the columns tell; else the numbers are read again as doubles, which do.
    """
    fields = [field for field in table.schema if _has(field.type, pa.types.is_decimal)]
    if not fields:
        return
    if all(_has_no_overflow(field.type) for field in fields) and not has_exponent(text):
        for field in fields:
            _check_decimals(one_array(table.column(field.name)))
        return
    doubles = pa.schema([pa.field(field.name, _with_doubles(field.type)) for field in fields])
    for field, column in zip(fields, read_objects(text, doubles, "ignore").columns, strict=True):
        _check_sizes(one_array(column), field.type)


def _has_no_overflow(of: pa.DataType) -> bool:
    """Does every decimal in it have room for a number of as many digits before the point as it has in all?"""
    return not _has(of, lambda each: pa.types.is_decimal(each) and each.precision + each.scale > _DIGITS)


def _check_decimals(column: pa.Array) -> None:
    if pa.types.is_list(column.type):
        _check_decimals(column.values)
    elif pa.types.is_struct(column.type):
        for index in range(column.type.num_fields):
            _check_decimals(column.field(index))
    elif pa.types.is_decimal(column.type):
        extremes = pc.min_max(column)
        limit = 10 ** (column.type.precision - column.type.scale)
        if column.null_count < len(column) and not -limit < extremes["min"].as_py() <= extremes["max"].as_py() < limit:
            raise Mismatch


def has_double(of: pa.DataType) -> bool:
    """Is there a double in it?"""
    return _has(of, pa.types.is_float64)


def _has(of: pa.DataType, kind: Callable[[pa.DataType], bool]) -> bool:
    if pa.types.is_list(of):
        return _has(of.value_type, kind)
    return any(_has(part.type, kind) for part in of) if pa.types.is_struct(of) else kind(of)


def _with_doubles(of: pa.DataType) -> pa.DataType:
    if pa.types.is_list(of):
        return pa.list_(_with_doubles(of.value_type))
    if pa.types.is_struct(of):
        return pa.struct([pa.field(part.name, _with_doubles(part.type)) for part in of])
    return pa.float64() if pa.types.is_decimal(of) else of


def _check_sizes(column: pa.Array, of: pa.DataType) -> None:
    if pa.types.is_list(of):
        _check_sizes(column.values, of.value_type)
    elif pa.types.is_struct(of):
        for index, part in enumerate(of):
            _check_sizes(column.field(index), part.type)
    elif pa.types.is_decimal(of):
        check_floating(column, 10.0 ** (of.precision - of.scale) * (1 - _ROUNDING))


def expected_type(of: Type, form: Form = PLAIN) -> pa.DataType:
    """What JSON usually holds for a declared type. A map's never fits, so that maps are read value by value."""
    match of:
        case Array(element):
            return pa.list_(expected_type(element, form))
        case Struct(fields):
            return pa.struct([pa.field(field.name, expected_type(field.type, form)) for field in fields])
        case Map():
            return pa.struct([])
        case Primitive.TIMESTAMP if form.pattern in EPOCHS:
            return pa.int64()
        case Primitive.STRING | Primitive.DATE | Primitive.TIMESTAMP:
            return pa.string()
        case Primitive.BOOLEAN:
            return pa.string() if form.true_values else pa.bool_()
    # JSON's own numbers are plain: who says that numbers are written otherwise has them in strings.
    return pa.string() if not is_plain(form) else pa.int64() if of is Primitive.INT else arrow_type(of)


def may_be_null_words(column: pa.Array, form: Form) -> bool:
    """Is there a number among the values of which a null word says that it is none? Its text tells."""
    of = column.type
    if not form.null_values:
        return False
    if pa.types.is_list(of):
        return may_be_null_words(column.values, form)
    if pa.types.is_struct(of):
        return any(may_be_null_words(column.field(index), form) for index in range(of.num_fields))
    if not (pa.types.is_integer(of) or pa.types.is_floating(of) or pa.types.is_decimal(of)):
        return False
    words = pa.array([*form.null_values]).filter(pc.match_substring_regex([*form.null_values], JSON_NUMBER))
    return bool(len(words) and pc.any(pc.is_in(column.cast(pa.float64()), words.cast(pa.float64()))).as_py())


def check_doubles(column: pa.Array) -> None:
    """Mismatch where Arrow took NaN for a number, or may have rounded an integer."""
    if pa.types.is_floating(column.type):
        check_floating(column)
    elif pa.types.is_struct(column.type):
        for index in range(column.type.num_fields):
            check_doubles(column.field(index))
    elif pa.types.is_list(column.type):
        check_doubles(column.values)
