"""Values of Avro types that no column type holds, as JSON has them: of unions, and of what contains itself.

The Avro library reads them without their logical types, which are added here: a date in a union is a date, as by
itself. Which branch of a union a value is of, only its kind tells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from pipeline.core.errors import BadObject
from pipeline.lake.files.strict_json import JsonNumber
from pipeline.lake.files.typed_texts import json_values

_KINDS: dict[str, type] = {
    **dict.fromkeys(("int", "long"), int),
    **dict.fromkeys(("float", "double"), float),
    **dict.fromkeys(("bytes", "fixed"), bytes),
    **dict.fromkeys(("string", "enum"), str),
    **dict.fromkeys(("record", "error", "map"), dict),
    "array": list,
    "boolean": bool,
    "null": type(None),
}


class AvroJson:
    """`named` are the types that a schema has declared; `logical` makes an array of one value of a logical type."""

    def __init__(self, named: Mapping[str, Any], logical: Callable[[Any, Any], pa.Array | None]) -> None:
        self._named = named
        self._logical = logical

    def check_union(self, branches: list[Any]) -> None:
        """BadObject where a date, a time or a decimal could as well be a plain number, or plain bytes."""
        schemas = [self._resolved(each) for each in branches]
        kinds = [_KINDS[each["type"]] for each in schemas]
        for schema, kind in zip(schemas, kinds, strict=True):
            if schema.get("logicalType") and kind in (int, bytes) and kinds.count(kind) > 1:
                raise BadObject(
                    f"a union of the Avro schema has a {schema['logicalType']} beside a type that is stored alike",
                    hint="Write the field with one type, or in several fields.",
                )

    def value(self, schema: Any, value: Any) -> Any:
        """What `json_text` takes for a value that the library has read by the schema."""
        schema = self._resolved(self._branch(schema, value) if isinstance(schema, list) else schema)
        logical = self._logical(schema, value)
        if logical is not None:
            return json_values(logical)[0]
        match schema["type"]:
            case "record" | "error":
                return {each["name"]: self.value(each["type"], value[each["name"]]) for each in schema["fields"]}
            case "array":
                return [self.value(schema["items"], each) for each in value]
            case "map":
                return {name: self.value(schema["values"], each) for name, each in value.items()}
        return _plain(value)

    def _branch(self, branches: list[Any], value: Any) -> Any:
        found = [each for each in branches if _KINDS[self._resolved(each)["type"]] is type(value)]
        if len(found) > 1 and isinstance(value, dict):
            fields = [[part["name"] for part in self._resolved(each).get("fields", ())] for each in found]
            found = [each for each, names in zip(found, fields, strict=True) if set(names) == value.keys()] or [
                each for each in found if self._resolved(each)["type"] == "map"
            ]
        return found[0]

    def _resolved(self, schema: Any) -> Mapping[str, Any]:
        """The schema of a type that is named, or said in a shorter way."""
        if isinstance(schema, str):
            found: Mapping[str, Any] = self._named.get(schema, {"type": schema})
            return found
        inner = schema["type"]
        return schema if isinstance(inner, str) and inner in _KINDS else self._resolved(inner)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    return JsonNumber(repr(value))
