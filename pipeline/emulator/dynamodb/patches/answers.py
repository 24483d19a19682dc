"""DynamoDB's answers. moto looks for every member of every attribute value under each name that it could have."""

from __future__ import annotations

from typing import Any

from moto.dynamodb.models.dynamo_type import DynamoType

from pipeline.emulator.moto.patch import patch

_PLAIN = frozenset({"S", "N", "BOOL", "NULL", "SS", "NS"})
"""Values that stand in an answer as moto keeps them."""


@patch(
    "moto.core.serialize:BaseJSONSerializer._serialize_type_structure",
    "36873909cd0a",
    "moto looks for every member of every attribute value under each name that it could have",
)
def _serialize(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
    if shape.name == "AttributeValue" and (told := _told(value)) is not None:
        self._default_serialize(serialized, told, shape, key)
    else:
        _serialize.original(self, serialized, value, shape, key)


@patch(
    "moto.core.serialize:BaseJSONSerializer._serialize_type_map",
    "faa32d1fa9a8",
    "moto writes each attribute of each item by five calls, which is a fifth of the work of a query",
)
def _serialize_map(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
    if shape.value.name == "AttributeValue" and (told := _told({"M": value})) is not None:
        self._default_serialize(serialized, told["M"], shape, key)
    else:
        _serialize_map.original(self, serialized, value, shape, key)


@patch(
    "moto.dynamodb.models.utilities:dynamo_to_dict",
    "80f600124c13",
    "moto asks of each text in each item whether it is any of six other things",
    rebind="moto.dynamodb",
)
def _without_types(obj: Any) -> Any:
    kind = type(obj)
    if kind is DynamoType and type(obj.value) in (str, bool) and obj.type != "B":
        return {obj.type: obj.value}
    if kind is dict:
        return {name: _without_types(each) for name, each in obj.items()}
    return obj if kind is str else _without_types.original(obj)


def _told(value: Any) -> dict[str, Any] | None:
    """An attribute value as an answer has it; None for one that is for moto to tell, as binary is."""
    if not isinstance(value, dict) or len(value) != 1:
        return None
    ((kind, content),) = value.items()
    if kind in _PLAIN:
        return {kind: content}
    if kind == "L" and isinstance(content, list):
        items = [_told(item) for item in content]
        return None if None in items else {kind: items}
    if kind == "M" and isinstance(content, dict):
        members = {name: _told(item) for name, item in content.items()}
        return None if None in members.values() else {kind: members}
    return None
