"""What the types of an Avro schema are in Arrow, and how values of the Avro library become Arrow's.

Logical types are taken from the schema and not from the library, which has them as Python's: those end in the year
9999 and at microseconds. A union of null and one type is that type; one of several numbers is the wider. Any other
union, and what contains itself, is JSON text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal as Number
from typing import Any

import pyarrow as pa

from pipeline.lake.files.readers.avro_json import AvroJson
from pipeline.lake.files.values import json_text

Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """An Arrow type, and what a value has to become for it, if anything; null stays null."""

    arrow: pa.DataType
    convert: Convert | None = None


_PRIMITIVES = {
    "null": pa.null(),
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "bytes": pa.binary(),
    "string": pa.string(),
}
_LOGICAL = {
    ("int", "date"): pa.date32(),
    ("int", "time-millis"): pa.time32("ms"),
    ("long", "time-micros"): pa.time64("us"),
    ("long", "timestamp-millis"): pa.timestamp("ms", "UTC"),
    ("long", "timestamp-micros"): pa.timestamp("us", "UTC"),
    ("long", "timestamp-nanos"): pa.timestamp("ns", "UTC"),
    ("long", "local-timestamp-millis"): pa.timestamp("ms"),
    ("long", "local-timestamp-micros"): pa.timestamp("us"),
    ("long", "local-timestamp-nanos"): pa.timestamp("ns"),
}
_WIDER = ("int", "long", "float", "double")
_MAX_DIGITS = 76


class Kinds:
    """The kinds of a parsed schema, whose types have whole names."""

    def __init__(self) -> None:
        self._named: dict[str, Any] = {}
        self._within: list[str] = []
        self._json = AvroJson(self._named, _one)

    def of(self, schema: Any) -> Kind:
        """ValueError for a type that is none."""
        if isinstance(schema, list):
            return self._union(schema)
        if isinstance(schema, str):
            if schema in _PRIMITIVES:
                return Kind(_PRIMITIVES[schema])
            if schema not in self._named:
                raise ValueError(f"a type {schema!r} is not declared")
            return self._complex(self._named[schema])
        return self._complex(schema)

    def _complex(self, schema: Mapping[str, Any]) -> Kind:
        kind = schema.get("type")
        if "name" in schema:
            self._named[schema["name"]] = schema
        if (logical := _logical(schema)) is not None:
            return logical
        match kind:
            case "record" | "error":
                return self._record(schema)
            case "array":
                return self._array(self.of(schema["items"]))
            case "map":
                return self._map(self.of(schema["values"]))
            case "enum":
                return Kind(pa.string())
            case "fixed":
                return Kind(pa.binary())
        return self.of(kind)

    def _record(self, schema: Mapping[str, Any]) -> Kind:
        if schema["name"] in self._within:
            return Kind(pa.string(), lambda value: json_text(self._json.value(schema, value)))
        self._within.append(schema["name"])
        kinds = {each["name"]: self.of(each["type"]) for each in schema["fields"]}
        self._within.pop()
        converts = {name: kind.convert for name, kind in kinds.items() if kind.convert}
        arrow = pa.struct([pa.field(name, kind.arrow) for name, kind in kinds.items()])
        return Kind(arrow, _in_record(converts) if converts else None)

    def _array(self, items: Kind) -> Kind:
        return Kind(pa.list_(items.arrow), _in_list(items.convert) if items.convert else None)

    def _map(self, values: Kind) -> Kind:
        convert = values.convert or (lambda value: value)
        return Kind(
            pa.map_(pa.string(), values.arrow),
            lambda found: [(name, _or_null(convert, each)) for name, each in found.items()],
        )

    def _union(self, branches: list[Any]) -> Kind:
        others = [each for each in branches if each != "null"]
        if len(others) == 1:
            return self.of(others[0])
        if not others:
            return Kind(pa.null())
        if all(each in ("int", "long") for each in others) or all(each in ("float", "double") for each in others):
            return Kind(_PRIMITIVES[max(others, key=_WIDER.index)])
        for each in others:
            self.of(each)
        self._json.check_union(others)
        return Kind(pa.string(), lambda value: _text(self._json.value(branches, value)))


def _logical(schema: Mapping[str, Any]) -> Kind | None:
    kind, logical = schema.get("type"), schema.get("logicalType")
    if logical == "decimal" and kind in ("bytes", "fixed"):
        precision, scale = schema.get("precision"), schema.get("scale", 0)
        if isinstance(precision, int) and isinstance(scale, int) and 0 <= scale <= precision <= _MAX_DIGITS:
            arrow = pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)
            return Kind(arrow, lambda value: Number(int.from_bytes(value, "big", signed=True)).scaleb(-scale))
        return None
    if logical == "duration" and kind == "fixed":
        # In months, days and milliseconds, which are no length of time; no column type holds it.
        return Kind(pa.month_day_nano_interval())
    found = _LOGICAL.get((str(kind), str(logical)))
    return Kind(found) if found else None


def without_logical_types(schema: Any) -> Any:
    """The schema as the library is to read by it."""
    if isinstance(schema, list):
        return [without_logical_types(each) for each in schema]
    if isinstance(schema, dict):
        return {
            name: without_logical_types(each)
            for name, each in schema.items()
            if name not in ("logicalType", "default", "aliases", "doc") and not name.startswith("__")
        }
    return schema


def _or_null(convert: Convert, value: Any) -> Any:
    return None if value is None else convert(value)


def _in_list(convert: Convert) -> Convert:
    return lambda values: [_or_null(convert, each) for each in values]


def _in_record(converts: Mapping[str, Convert]) -> Convert:
    def convert(value: dict[str, Any]) -> dict[str, Any]:
        return {**value, **{name: _or_null(each, value[name]) for name, each in converts.items()}}

    return convert


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json_text(value)


def _one(schema: Mapping[str, Any], value: Any) -> pa.Array | None:
    """A value of a logical type as Arrow has it; None for a type without one, or one that is no length of time."""
    kind = None if value is None else _logical(schema)
    if kind is None or pa.types.is_interval(kind.arrow):
        return None
    return pa.array([kind.convert(value) if kind.convert else value], kind.arrow)
