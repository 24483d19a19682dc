"""DynamoDB's keys: those of a table and of its indexes, in items, in requests and in key conditions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.emulator.dynamodb import values as attribute_values
from pipeline.emulator.dynamodb.expressions import Node, condition
from pipeline.emulator.dynamodb.values import Invalid

HASH_BYTES = 2048
RANGE_BYTES = 1024
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html, as the one above"""

_OF_CONDITIONS = ("=", "<", "<=", ">", ">=", "BETWEEN", "begins_with")


def key_of(table: Any, item: Mapping[str, Any]) -> dict[str, Any]:
    """The key of an item of `table`, moto's object."""
    return {name: item[name] for name in _names(table)}


def check_key(table: Any, key: Mapping[str, Any]) -> None:
    """Raise `Invalid` if `key` is not exactly the table's key."""
    types = _types(table)
    if set(key) != set(_names(table)) or any(types[name] not in value for name, value in key.items()):
        raise Invalid("The provided key element does not match the schema")
    _check_sizes(table.schema, key)


def check_item(table: Any, item: Mapping[str, Any]) -> None:
    """Raise `Invalid` if an item may not be stored under the keys that it has, of the table and of its indexes."""
    types = _types(table)
    for name in _names(table):
        if name not in item:
            raise Invalid(f"One or more parameter values were invalid: Missing the key {name} in the item")
        if types[name] not in item[name]:
            raise Invalid(
                f"One or more parameter values were invalid: Type mismatch for key {name} "
                f"expected: {types[name]} actual: {_type(item[name])}"
            )
    _check_sizes(table.schema, item)
    for index in table.indexes + table.global_indexes:
        _check_index(index, item, types)


def _check_index(index: Any, item: Mapping[str, Any], types: Mapping[str, str]) -> None:
    for name in index.schema_key_attrs:
        if name in item and types[name] not in item[name]:
            raise Invalid(
                f"One or more parameter values were invalid: Type mismatch for Index Key {name} "
                f"Expected: {types[name]} Actual: {_type(item[name])} IndexName: {index.name}"
            )
        if name in item and not _content(item[name]):
            raise Invalid(
                "One or more parameter values are not valid. A value specified for a secondary index key is not "
                "supported. The AttributeValue for a key attribute cannot contain an empty string value. "
                f"IndexName: {index.name}, IndexKey: {name}"
            )
    _check_sizes(index.schema, item)


def check_start(table: Any, index: str | None, start: Mapping[str, Any]) -> None:
    """Raise `Invalid` if a page cannot begin at this key of a table or of its index."""
    wanted = set(_names(table))
    for each in table.indexes + table.global_indexes:
        if each.name == index:
            wanted |= set(each.schema_key_attrs)
    if set(start) != wanted or any(_types(table)[name] not in value for name, value in start.items()):
        raise Invalid("The provided starting key is invalid")


def check_conditions(table: Any, request: Mapping[str, Any], tree: Node) -> None:
    """Raise `Invalid` for a key condition or a filter that a query of this table or index may not have.

    What of the key is asked for is left to moto, which looks at it too.
    """
    schema = next(
        (each.schema for each in table.indexes + table.global_indexes if each.name == request.get("IndexName")),
        table.schema,
    )
    types, names = _types(table), request.get("ExpressionAttributeNames") or {}
    key_names = [each["AttributeName"] for each in schema]
    seen: set[str] = set()
    for node in _conjuncts(tree):
        path, *operands = node.parts
        name = names.get(path.text[0], path.text[0])
        if path.kind != "path" or node.kind not in _OF_CONDITIONS:
            raise Invalid(f"Invalid operator used in KeyConditionExpression: {node.kind}")
        if name in seen:
            raise Invalid("KeyConditionExpressions must only contain one condition per key")
        seen.add(name)
        for operand in operands if name in key_names else ():
            _check_operand(name, types[name], request, operand)
    _check_filter(key_names, request, names)


def _conjuncts(tree: Node) -> Iterator[Node]:
    if tree.kind == "AND":
        for part in tree.parts:
            yield from _conjuncts(part)
    elif tree.kind in ("OR", "NOT"):
        raise Invalid(f"Invalid operator used in KeyConditionExpression: {tree.kind}")
    else:
        yield tree


def _check_operand(name: str, kind: str, request: Mapping[str, Any], operand: Node) -> None:
    if operand.kind != "value":
        raise Invalid("Invalid KeyConditionExpression: a key is compared with values only")
    value = request["ExpressionAttributeValues"][operand.text[0]]
    if kind not in value:
        raise Invalid("One or more parameter values were invalid: Condition parameter type does not match schema type")
    if not _content(value):
        raise _empty(name)


def _check_filter(key_names: list[str], request: Mapping[str, Any], names: Mapping[str, str]) -> None:
    text = request.get("FilterExpression")
    for node in condition(text).walk() if text else ():
        if node.kind == "path" and (name := names.get(node.text[0], node.text[0])) in key_names:
            raise Invalid(
                f"Filter Expression can only contain non-primary key attributes: Primary key attribute: {name}"
            )


def _check_sizes(schema: list[dict[str, str]], values: Mapping[str, Any]) -> None:
    for each in schema:
        name, hashed = each["AttributeName"], each["KeyType"] == "HASH"
        if name not in values:
            continue
        if not _content(values[name]):
            raise _empty(name)
        limit = HASH_BYTES if hashed else RANGE_BYTES
        if attribute_values.size(values[name]) > limit:
            what = "Size of hashkey" if hashed else "Aggregated size of all range keys"
            raise Invalid(
                f"One or more parameter values were invalid: {what} has exceeded the maximum size limit "
                f"of {limit} bytes"
            )


def _empty(name: str) -> Invalid:
    return Invalid(
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty "
        f"string value. Key: {name}"
    )


def _names(table: Any) -> list[str]:
    return [each["AttributeName"] for each in table.schema]


def _types(table: Any) -> dict[str, str]:
    return {each["AttributeName"]: each["AttributeType"] for each in table.attr}


def _type(value: Mapping[str, Any]) -> str:
    return next(iter(value))


def _content(value: Mapping[str, Any]) -> Any:
    return next(iter(value.values()))
