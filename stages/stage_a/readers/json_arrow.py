"""Arrow's JSON reader, with what it must be told and what it does not check."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.json

from pipeline.datasets.arrow import arrow_type
from pipeline.datasets.types import Array, Map, Primitive, Struct, Type
from stages.stage_a.casts import check_floating


def read_objects(data: bytes, schema: pa.Schema) -> pa.Table:
    # A null as the very first value crashes Arrow 22's reader: callers see to it that the data begins with an object.
    table = pa.json.read_json(
        pa.BufferReader(data),
        read_options=pa.json.ReadOptions(use_threads=False, block_size=len(data) + 1),
        parse_options=pa.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
    )
    return table.select(schema.names)


def expected_type(of: Type) -> pa.DataType:
    """What JSON usually holds for a declared type. A map's never fits, so that maps are read value by value."""
    match of:
        case Primitive.INT:
            return pa.int64()
        case Primitive.DATE | Primitive.TIMESTAMP:
            return pa.string()
        case Array(element):
            return pa.list_(expected_type(element))
        case Struct(fields):
            return pa.struct([pa.field(field.name, expected_type(field.type)) for field in fields])
        case Map():
            return pa.struct([])
    return arrow_type(of)


def check_doubles(column: pa.Array) -> None:
    """Mismatch where Arrow took NaN for a number, or may have rounded an integer."""
    if pa.types.is_floating(column.type):
        check_floating(column)
    elif pa.types.is_struct(column.type):
        for index in range(column.type.num_fields):
            check_doubles(column.field(index))
    elif pa.types.is_list(column.type):
        check_doubles(column.values)
