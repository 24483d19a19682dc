"""DynamoDB's conditions of the usual form, by the tree that is kept of each text; moto parses at each call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.emulator.dynamodb.expressions import Malformed, Node, condition

_ORDERED = ("S", "N")


class _Unusual(Exception):
    """Something that is left to moto."""


def holds(text: str, names: Mapping[str, str] | None, values: Mapping[str, Any] | None, item: Any) -> bool | None:
    """Whether the condition holds for the item, which may be None; None where moto has to say it.

    Said here: comparisons and IN of whole attributes and values, whether an attribute exists, AND, OR and NOT.
    """
    try:
        return _holds(condition(text), names or {}, values or {}, item.attrs if item else {})
    except (Malformed, _Unusual):
        return None


def _holds(node: Node, names: Mapping[str, str], values: Mapping[str, Any], attributes: Mapping[str, Any]) -> bool:
    if node.kind in ("AND", "OR", "NOT"):
        parts = [_holds(part, names, values, attributes) for part in node.parts]
        return not parts[0] if node.kind == "NOT" else all(parts) if node.kind == "AND" else any(parts)
    operands = [_operand(part, names, values, attributes) for part in node.parts]
    if node.kind in ("attribute_exists", "attribute_not_exists"):
        return (operands[0] is not None) == (node.kind == "attribute_exists")
    if any(operand is None for operand in operands):
        raise _Unusual
    if node.kind in ("=", "IN"):
        return operands[0] in operands[1:]
    return _compared(node.kind, *operands)


def _compared(kind: str, left: Any, right: Any = None, *more: Any) -> bool:
    if kind == "<>":
        return bool(left != right)
    if right is None or more or left.type != right.type or left.type not in _ORDERED:
        raise _Unusual
    one, other = left.cast_value, right.cast_value
    compared = {"<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other}
    if kind not in compared:
        raise _Unusual
    return bool(compared[kind])


def _operand(node: Node, names: Mapping[str, str], values: Mapping[str, Any], attributes: Mapping[str, Any]) -> Any:
    from moto.dynamodb.models.dynamo_type import DynamoType

    if len(node.text) != 1:
        raise _Unusual
    (text,) = node.text
    if text[0] in "#:" and text not in (names if text[0] == "#" else values):
        raise _Unusual
    return DynamoType(values[text]) if node.kind == "value" else attributes.get(names.get(text, text))
