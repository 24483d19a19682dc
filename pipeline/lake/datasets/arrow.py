"""The Arrow side of column types: what a Type is in a Parquet file, and back."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from pipeline.lake.datasets.types import Array, Decimal, Field, Map, Primitive, Struct, Type, parse_type

_PRIMITIVES: dict[Primitive, pa.DataType] = {
    Primitive.STRING: pa.string(),
    Primitive.INT: pa.int32(),
    Primitive.BIGINT: pa.int64(),
    Primitive.FLOAT: pa.float32(),
    Primitive.DOUBLE: pa.float64(),
    Primitive.BOOLEAN: pa.bool_(),
    Primitive.DATE: pa.date32(),
    # Spark's `timestamp` and Iceberg's `timestamptz` are instants, which Parquet marks as adjusted to UTC.
    # Without a zone Spark 3.5 would read `timestamp_ntz`, another type.
    Primitive.TIMESTAMP: pa.timestamp("us", tz="UTC"),
}


def arrow_type(of: Type) -> pa.DataType:
    """The Arrow type whose Parquet form Spark and Iceberg read as `of`."""
    match of:
        case Decimal(precision, scale):
            return pa.decimal128(precision, scale)
        case Array(element):
            return pa.list_(pa.field("element", arrow_type(element)))
        case Map(key, value):
            return pa.map_(arrow_type(key), arrow_type(value))
        case Struct(fields):
            return pa.struct([pa.field(field.name, arrow_type(field.type)) for field in fields])
    return _PRIMITIVES[of]


def type_of(of: pa.DataType) -> Type:
    """The inverse of `arrow_type`; narrower integers, other string layouts and coarser timestamps widen without loss.

    A column without any value (Arrow's null) is a string. ValueError for what Spark cannot hold, such as nanoseconds.
    """
    if pa.types.is_decimal(of):
        return Decimal(of.precision, of.scale)
    if pa.types.is_map(of):
        return Map(type_of(of.key_type), type_of(of.item_type))
    if pa.types.is_list(of) or pa.types.is_large_list(of) or pa.types.is_fixed_size_list(of):
        return Array(type_of(of.value_type))
    if pa.types.is_struct(of):
        return Struct(tuple(Field(part.name, type_of(part.type)) for part in of))
    if pa.types.is_dictionary(of):
        return type_of(of.value_type)
    return _primitive(of)


def _primitive(of: pa.DataType) -> Primitive:
    if pa.types.is_string(of) or pa.types.is_large_string(of) or pa.types.is_null(of):
        return Primitive.STRING
    if of in (pa.int8(), pa.int16(), pa.int32(), pa.uint8(), pa.uint16()):
        return Primitive.INT
    if of in (pa.int64(), pa.uint32()):
        return Primitive.BIGINT
    if of in (pa.float16(), pa.float32()):
        return Primitive.FLOAT
    if pa.types.is_float64(of):
        return Primitive.DOUBLE
    if pa.types.is_boolean(of):
        return Primitive.BOOLEAN
    if pa.types.is_date32(of):
        return Primitive.DATE
    if pa.types.is_timestamp(of) and of.unit != "ns":
        return Primitive.TIMESTAMP
    raise ValueError(f"Arrow type {of} has no column type")


def arrow_schema(columns: Mapping[str, str]) -> pa.Schema:
    """The schema of named type strings, in their order, every column nullable. ValueError as `parse_type`."""
    return pa.schema([pa.field(name, arrow_type(parse_type(text))) for name, text in columns.items()])
