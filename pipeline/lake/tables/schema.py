"""Column types as Iceberg has them, and back."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from pyiceberg.schema import Schema
from pyiceberg.types import (
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    NestedField,
    StringType,
    StructType,
    TimestamptzType,
)

from pipeline.core.errors import BadDefinition
from pipeline.lake.datasets.types import Array, Decimal, Field, Map, Primitive, Struct, Type
from pipeline.lake.tables.evolution import Columns

_PRIMITIVES: dict[Primitive, IcebergType] = {
    Primitive.STRING: StringType(),
    Primitive.INT: IntegerType(),
    Primitive.BIGINT: LongType(),
    Primitive.FLOAT: FloatType(),
    Primitive.DOUBLE: DoubleType(),
    Primitive.BOOLEAN: BooleanType(),
    Primitive.DATE: DateType(),
    # Spark's timestamp is an instant.
    Primitive.TIMESTAMP: TimestamptzType(),
}
_BACK = {iceberg: primitive for primitive, iceberg in _PRIMITIVES.items()}


def iceberg_schema(columns: Columns) -> Schema:
    """All columns optional, numbered from 1."""
    ids = itertools.count(1)
    return Schema(*_nested(columns, ids))


def _nested(columns: Columns, ids: Iterator[int]) -> list[NestedField]:
    # Numbers of one level first, as Iceberg's own do.
    numbered = [(next(ids), name, kind) for name, kind in columns.items()]
    return [NestedField(number, name, iceberg_type(kind, ids), required=False) for number, name, kind in numbered]


def iceberg_type(of: Type, ids: Iterator[int] | None = None) -> IcebergType:
    """`ids` numbers nested parts; whoever adds a column to a table numbers them anew."""
    ids = ids or itertools.count(1)
    match of:
        case Decimal(precision, scale):
            return DecimalType(precision, scale)
        case Array(element):
            return ListType(next(ids), iceberg_type(element, ids), element_required=False)
        case Map(key, value):
            key_id, value_id = next(ids), next(ids)
            return MapType(key_id, iceberg_type(key, ids), value_id, iceberg_type(value, ids), value_required=False)
        case Struct(fields):
            return StructType(*_nested({field.name: field.type for field in fields}, ids))
    return _PRIMITIVES[of]


def columns_of(schema: Schema) -> dict[str, Type]:
    """The inverse of `iceberg_schema`. `BadDefinition` for a type that Sluice does not write."""
    return {field.name: _type_of(field.field_type, field.name) for field in schema.fields}


def _type_of(of: IcebergType, path: str) -> Type:
    match of:
        case DecimalType():
            return Decimal(of.precision, of.scale)
        case ListType():
            return Array(_type_of(of.element_type, path))
        case MapType():
            return Map(_type_of(of.key_type, path), _type_of(of.value_type, path))
        case StructType():
            return Struct(tuple(Field(f.name, _type_of(f.field_type, f"{path}.{f.name}")) for f in of.fields))
    if of not in _BACK:
        raise BadDefinition(f"column {path} is {of} in the table, which no dataset definition can say")
    return _BACK[of]
