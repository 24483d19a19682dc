"""DynamoDB's answers. moto looks for every member of every attribute value under each name that it could have."""

from __future__ import annotations

from typing import Any

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
