"""What the types of a file that has them (Parquet, Avro, ORC) are to a dataset: what they are, and what they can be."""

from __future__ import annotations

import pyarrow as pa

from pipeline.lake.datasets.names import field_name, safe_name
from pipeline.lake.datasets.types import Array, Decimal, Field, Map, Primitive, Struct, Type
from pipeline.lake.files.forms import Form

_INTEGERS = (Primitive.INT, Primitive.BIGINT)
_FRACTIONS = (Primitive.FLOAT, Primitive.DOUBLE)
_INSTANTS = (Primitive.DATE, Primitive.TIMESTAMP)
_BYTES = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_binary_view)
_LISTS = (
    pa.types.is_list,
    pa.types.is_large_list,
    pa.types.is_fixed_size_list,
    pa.types.is_list_view,
    pa.types.is_large_list_view,
)


def natural_type(of: pa.DataType, depth: int) -> Type:
    """The column type that holds every value of `of`, or the one for which a value that it cannot hold is bad.

    Bytes and times of day are text; what nests deeper than `depth` is JSON text. ValueError for a type that has none.
    """
    of = stored(of)
    if pa.types.is_nested(of):
        return _nested(of, depth)
    if pa.types.is_decimal(of):
        if of.precision > 38 or not 0 <= of.scale <= of.precision:
            raise ValueError(f"{said(of)} has more digits than the 38 that a column holds")
        return Decimal(of.precision, of.scale)
    if pa.types.is_integer(of) or pa.types.is_floating(of):
        return _number(of)
    if pa.types.is_boolean(of):
        return Primitive.BOOLEAN
    if pa.types.is_date(of):
        return Primitive.DATE
    if pa.types.is_timestamp(of):
        return Primitive.TIMESTAMP
    if is_text(of) or is_bytes(of) or pa.types.is_time(of) or pa.types.is_null(of):
        return Primitive.STRING
    raise ValueError(f"no column type holds {said(of)}")


def _number(of: pa.DataType) -> Type:
    if pa.types.is_floating(of):
        return Primitive.DOUBLE if of == pa.float64() else Primitive.FLOAT
    if of == pa.uint64():
        return Decimal(20, 0)
    return Primitive.INT if of.bit_width < 32 or of == pa.int32() else Primitive.BIGINT


def _nested(of: pa.DataType, depth: int) -> Type:
    if depth <= 0 or (pa.types.is_struct(of) and not of.num_fields):
        return Primitive.STRING
    if is_list(of):
        return Array(natural_type(of.value_type, depth - 1))
    if pa.types.is_map(of):
        key = natural_type(of.key_type, 0)
        return Map(key, natural_type(of.item_type, depth - 1))
    if pa.types.is_struct(of):
        names = [safe_name(part.name) for part in of]
        if len(set(names)) < len(names) or not all(names):
            raise ValueError("two of its fields have one name, or one has none")
        return Struct(
            tuple(Field(name, natural_type(part.type, depth - 1)) for name, part in zip(names, of, strict=True))
        )
    raise ValueError(f"no column type holds {said(of)}")


def can_be(of: pa.DataType, to: Type, form: Form) -> bool:
    """Whether a value of `of` may be one of `to`: what is no such value is bad then, and not the whole file."""
    of = stored(of)
    if is_text(of) or is_bytes(of) or pa.types.is_null(of):
        return True
    if to is Primitive.STRING:
        return _has_text(of)
    match to:
        case Array(element):
            return is_list(of) and can_be(of.value_type, element, form)
        case Map(key, item):
            return pa.types.is_map(of) and can_be(of.key_type, key, form) and can_be(of.item_type, item, form)
        case Struct(fields):
            types = {field.name: field.type for field in fields}
            return pa.types.is_struct(of) and all(
                (name := field_name(part.name, types)) in types and can_be(part.type, types[name], form) for part in of
            )
    return _number_or_instant(of, to, form)


def _number_or_instant(of: pa.DataType, to: Type, form: Form) -> bool:
    number = isinstance(to, Decimal) or to in _INTEGERS or to in _FRACTIONS
    if pa.types.is_integer(of):
        return (
            number or (to in _INSTANTS and bool(form.pattern)) or (to is Primitive.BOOLEAN and bool(form.true_values))
        )
    if pa.types.is_floating(of) or pa.types.is_decimal(of):
        return number
    if pa.types.is_boolean(of):
        return to is Primitive.BOOLEAN
    return to in _INSTANTS and (pa.types.is_date(of) or pa.types.is_timestamp(of))


def _has_text(of: pa.DataType) -> bool:
    of = stored(of)
    if is_list(of):
        return _has_text(of.value_type)
    if pa.types.is_map(of):
        return _has_text(of.key_type) and _has_text(of.item_type)
    if pa.types.is_struct(of):
        return all(_has_text(part.type) for part in of)
    return not (pa.types.is_duration(of) or pa.types.is_interval(of) or pa.types.is_union(of))


def stored(of: pa.DataType) -> pa.DataType:
    """What a dictionary has entries of, and what an extension of Arrow's types is kept as."""
    if pa.types.is_dictionary(of):
        return stored(of.value_type)
    if isinstance(of, pa.UuidType):
        return pa.string()
    return stored(of.storage_type) if isinstance(of, pa.BaseExtensionType) else of


def is_text(of: pa.DataType) -> bool:
    """Whether it is a type of strings."""
    return any(kind(of) for kind in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view))


def is_bytes(of: pa.DataType) -> bool:
    """Whether it is a type of bytes, of whatever length."""
    return any(kind(of) for kind in _BYTES)


def is_list(of: pa.DataType) -> bool:
    """Whether it is a type of lists, of whatever length."""
    return any(kind(of) for kind in _LISTS)


def said(of: pa.DataType) -> str:
    """A type in words. The names of fields, which a file may take from data, are left out."""
    of = stored(of)
    words = [
        (is_list, "a list"),
        (pa.types.is_map, "a map"),
        (pa.types.is_struct, "a struct"),
        (is_text, "text"),
        (is_bytes, "bytes"),
        (pa.types.is_integer, "an integer"),
        (pa.types.is_floating, "a floating-point number"),
        (pa.types.is_boolean, "a boolean"),
        (pa.types.is_date, "a date"),
        (pa.types.is_timestamp, "a timestamp"),
        (pa.types.is_time, "a time of day"),
        (pa.types.is_duration, "a duration"),
        (pa.types.is_interval, "an interval of months and days"),
        (pa.types.is_union, "one of several types"),
    ]
    found = next((word for of_kind, word in words if of_kind(of)), None)
    return found or (f"a decimal of {of.precision} digits" if pa.types.is_decimal(of) else f"Arrow's {of.id}")
