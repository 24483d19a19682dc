"""DynamoDB's writes: an item is never changed where it lies, and an update of the usual form is not parsed again.

moto parses an update expression at each call, copies the tree, goes over it ten times and measures the item for every
attribute: 6 ms of processor an item, which is most of what a claim of a batch's objects costs. What has the form below
is done here; anything else, and all that is to be refused, goes moto's way.
"""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from pipeline.emulator.dynamodb.conditions import holds
from pipeline.emulator.dynamodb.patches.order import note
from pipeline.emulator.moto.patch import patch

LARGEST_BYTES = 405_000
"""As moto has it, between the 400 KB of the documentation and what AWS takes."""

_NAME, _VALUE = "#[A-Za-z0-9_]+", ":[A-Za-z0-9_]+"
_APPENDED = rf"list_append ?\( ?if_not_exists ?\( ?({_NAME}) ?, ?({_VALUE}) ?\) ?, ?({_VALUE}) ?\)"
_RATHER = rf"if_not_exists ?\( ?({_NAME}) ?, ?({_VALUE}) ?\)"
_SET = re.compile(rf" ?({_NAME}) ?= ?(?:({_VALUE})|{_APPENDED}|{_RATHER}) ?")
_REMOVE = re.compile(rf" ?({_NAME}) ?")


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of the attribute `name`: `value`, or what stands in `to` where anything does; with `extra` the list
    there (or else `value`) and that.

    Without a value it is removed. All are placeholders.
    """

    name: str
    value: str | None = None
    to: str | None = None
    extra: str | None = None


@lru_cache(1024)
def steps(text: str) -> tuple[Step, ...] | None:
    """An update of the form `SET #a = :a, #b = list_append(if_not_exists(#b, :c), :d), #e = if_not_exists(#f, :e)
    REMOVE #g`; None for others."""
    sets, _, removes = f" {text.strip()}".partition(" REMOVE ")
    if sets and not sets.startswith(" SET "):
        return None
    to_set = _each(_SET, sets.removeprefix(" SET ")) if sets else []
    to_remove = _each(_REMOVE, removes) if removes else []
    if to_set is None or to_remove is None:
        return None
    return (
        *(Step(m[1], m[2] or m[4] or m[7], m[3] or m[6], m[5]) for m in to_set),
        *(Step(m[1]) for m in to_remove),
    ) or None


def _each(pattern: re.Pattern[str], text: str) -> list[re.Match[str]] | None:
    """The matches that, with a comma between two, are all of the text."""
    found, at = [], 0
    while match := pattern.match(text, at):
        found.append(match)
        at = match.end() + 1
        if match.end() == len(text):
            return found
        if text[match.end()] != ",":
            break
    return None


def updated(
    table: Any, item: Any, text: str, names: Mapping[str, str] | None, values: Mapping[str, Any] | None
) -> Any | None:
    """The item as the update makes it, or None where moto has to look at it."""
    found = steps(text)
    changes = found and _changes(table, item, found, names or {}, values or {})
    if not changes:
        return None
    attributes = {**item.attrs, **changes}
    changed = _item(item.hash_key, item.range_key, {name: v for name, v in attributes.items() if v is not None})
    return None if changed.size() > LARGEST_BYTES else changed


def _changes(
    table: Any, item: Any, found: tuple[Step, ...], names: Mapping[str, str], values: Mapping[str, Any]
) -> dict[str, Any] | None:
    kinds = {each["AttributeName"]: each["AttributeType"] for each in table.attr}
    changes: dict[str, Any] = {}
    for step in found:
        name = names.get(step.name)
        if name is None or name in changes or name in table.table_key_attrs:
            return None
        changes[name] = value = None if step.value is None else _value(item, step, step.value, names, values)
        if step.value is not None and (value is None or not _fits(value, kinds.get(name))):
            return None
    return changes


def _value(item: Any, step: Step, name: str, names: Mapping[str, str], values: Mapping[str, Any]) -> Any | None:
    from moto.dynamodb.models.dynamo_type import DynamoType

    if name not in values:
        return None
    value = DynamoType(values[name])
    if step.to is None:
        return value
    if step.to not in names or (step.extra is not None and step.extra not in values):
        return None
    first = item.attrs.get(names[step.to], value)
    if step.extra is None:
        return first
    second = DynamoType(values[step.extra])
    if not (first.is_list() and second.is_list()):
        return None
    joined = DynamoType({"L": []})
    joined.value = [*first.value, *second.value]
    return joined


def _fits(value: Any, kind: str | None) -> bool:
    """Whether the value may be that of an index's key, which has a type and is not empty."""
    return kind is None or (value.type == kind and bool(value.value))


def _item(hash_key: Any, range_key: Any, attributes: Mapping[str, Any]) -> Any:
    from moto.dynamodb.models.dynamo_type import Item, LimitedSizeDict

    made: Any = Item.__new__(Item)
    made.hash_key, made.range_key = hash_key, range_key
    made.attrs = LimitedSizeDict.__new__(LimitedSizeDict)
    dict.update(made.attrs, attributes)
    return made


@patch("moto.dynamodb.models.dynamo_type:Item.__init__", "d9c12b62cb92", "moto measures the item for each attribute")
def _measure_once(self: Any, hash_key: Any, range_key: Any, attrs: Mapping[str, Any]) -> None:
    from moto.dynamodb.exceptions import ItemSizeTooLarge
    from moto.dynamodb.models.dynamo_type import DynamoType

    made = _item(hash_key, range_key, {name: DynamoType(value) for name, value in attrs.items()})
    if made.size() > LARGEST_BYTES:
        raise ItemSizeTooLarge
    vars(self).update(vars(made))


@patch("moto.dynamodb.models:DynamoDBBackend.update_item", "218984588dd6", "moto changes an item where it lies, slowly")
def _update_item(self: Any, table_name: str, key: Any, *arguments: Any, **named: Any) -> Any:
    table = self.get_table(table_name)
    keys = self.get_keys_value(table, key)
    item = table.get_item(*keys)
    request = _signature().bind(self, table_name, key, *arguments, **named).arguments
    changed = _usually(table, item, request)
    try:
        if changed is not None:
            _put(table, keys, changed)
            if table.stream_shard is not None:
                table.stream_shard.add(item, changed)
            return changed
        _put(table, keys, copy.deepcopy(item))
        return _update_item.original(self, table_name, key, *arguments, **named)
    except BaseException:
        # moto may have begun, or made the item.
        _put(table, keys, item)
        raise
    finally:
        note(table, *keys)


@cache
def _signature() -> inspect.Signature:
    return inspect.signature(_update_item.original)


# Whoever changes the tree changes a copy.
@patch(
    "moto.dynamodb.parsing.expressions:UpdateExpressionParser.make",
    "2c00ed96d6e1",
    "moto parses an expression again at each call",
)
@lru_cache(1024)
def _parse_once(cls: Any, expression: str) -> Any:
    return _parse_once.original(cls, expression)


def _usually(table: Any, item: Any, request: Mapping[str, Any]) -> Any | None:
    """The changed item, where the update and its condition are of the usual form and the condition holds."""
    if item is None or request.get("attribute_updates") or request.get("expected"):
        return None
    names, values = request["expression_attribute_names"], request["expression_attribute_values"]
    condition = request.get("condition_expression")
    if condition and not holds(condition, names, values, item):
        return None
    return updated(table, item, request["update_expression"], names, values)


def _put(table: Any, keys: tuple[Any, Any], item: Any) -> None:
    hash_value, range_value = keys
    places, place = (table.items, hash_value) if range_value is None else (table.items[hash_value], range_value)
    if item is None:
        places.pop(place, None)
    else:
        places[place] = item
