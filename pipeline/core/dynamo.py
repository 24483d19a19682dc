"""DynamoDB items as plain Python, and conditional writes that return a failed condition instead of raising it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from pipeline.core.errors import Throttled, Transient

TRANSACTION_ACTIONS = 100
"""Actions of one TransactWriteItems call (AWS quota)."""

THROTTLED = frozenset({"ProvisionedThroughputExceeded", "ThrottlingError"})
"""Reasons of a TransactionCanceledException that mean too many writes."""


@cache
def _codec() -> tuple[Any, Any]:
    from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

    return TypeSerializer(), TypeDeserializer()


def encode(item: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values to attribute values; None stays as NULL."""
    serializer, _ = _codec()
    return {name: serializer.serialize(value) for name, value in item.items()}


def decode(item: Mapping[str, Any]) -> dict[str, Any]:
    """Attribute values to plain values; whole numbers are int."""
    _, deserializer = _codec()
    return {name: _plain(deserializer.deserialize(value)) for name, value in item.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value


@dataclass(frozen=True, slots=True)
class Rejected:
    """A condition did not hold. `old` is the stored item, or None if there was none."""

    old: dict[str, Any] | None


def put_if(client: Any, table: str, item: Mapping[str, Any], condition: str, **values: Any) -> Rejected | None:
    """Put `item` if `condition` holds; otherwise return the rejection. `values` are those of the condition by name."""
    request = {"TableName": table, "Item": encode(item), "ConditionExpression": condition}
    return _conditional(client, client.put_item, request, values)


@dataclass(frozen=True, slots=True)
class Change:
    """An update of one item: attributes to set and remove, and the condition under which it is made.

    `condition` refers to attributes as `#name` and to `values` as `:name`. `rather` maps an attribute that is set to
    another one, whose value is taken instead if the item has it. `append` extends lists, which need not exist yet.
    """

    key: Mapping[str, Any]
    set: Mapping[str, Any]
    condition: str
    values: Mapping[str, Any]
    remove: Sequence[str] = ()
    append: Mapping[str, list[Any]] | None = None
    rather: Mapping[str, str] | None = None

    def request(self, table: str) -> dict[str, Any]:
        """The parameters of UpdateItem, and of an Update in a transaction."""
        values: dict[str, Any] = {**self.values, **{f"set_{n}": v for n, v in self.set.items()}}
        rather = self.rather or {}
        sets = [
            f"#{n} = if_not_exists(#{rather[n]}, :set_{n})" if n in rather else f"#{n} = :set_{n}" for n in self.set
        ]
        for name, extra in (self.append or {}).items():
            values |= {f"add_{name}": extra, "none": []}
            sets.append(f"#{name} = list_append(if_not_exists(#{name}, :none), :add_{name})")
        parts = [f"SET {', '.join(sets)}"] if sets else []
        if self.remove:
            parts.append("REMOVE " + ", ".join(f"#{n}" for n in self.remove))
        names = {*self.set, *rather.values(), *(self.append or {}), *self.remove, *_names_in(self.condition)}
        request: dict[str, Any] = {
            "TableName": table,
            "Key": encode(self.key),
            "UpdateExpression": " ".join(parts),
            "ConditionExpression": self.condition,
            "ExpressionAttributeNames": {f"#{n}": n for n in sorted(names)},
        }
        if values:
            request["ExpressionAttributeValues"] = encode({f":{n}": v for n, v in values.items()})
        return request


def _names_in(expression: str) -> Iterator[str]:
    import re

    return iter(re.findall(r"#(\w+)", expression))


def update_if(client: Any, table: str, change: Change) -> Rejected | None:
    """Apply `change`; otherwise return the rejection with the item that did not meet its condition."""
    return _conditional(client, client.update_item, change.request(table), {})


def _conditional(client: Any, call: Any, request: dict[str, Any], values: Mapping[str, Any]) -> Rejected | None:
    if values:
        request["ExpressionAttributeValues"] = encode({f":{n}": v for n, v in values.items()})
    if "ExpressionAttributeNames" not in request and (names := set(_names_in(request["ConditionExpression"]))):
        request["ExpressionAttributeNames"] = {f"#{n}": n for n in sorted(names)}
    try:
        call(**request, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    except client.exceptions.ConditionalCheckFailedException as refusal:
        old = refusal.response.get("Item")
        return Rejected(decode(old) if old else None)
    return None


def transact(client: Any, actions: Sequence[Mapping[str, Any]], token: str | None = None) -> list[Rejected | None]:
    """Do all `actions` or none. Returns [] if done, else a `Rejected` or None for each action.

    `Transient` for a conflict with another writer, `Throttled` for too many writes: the SDK does not retry cancelled
    transactions. `token` makes the call idempotent for ten minutes.
    """
    extra = {"ClientRequestToken": token} if token else {}
    try:
        client.transact_write_items(TransactItems=list(actions), **extra)
    except client.exceptions.TransactionCanceledException as cancelled:
        reasons = cancelled.response.get("CancellationReasons", [])
        codes = {reason.get("Code") for reason in reasons}
        if "ConditionalCheckFailed" not in codes:
            kind = Throttled if codes & THROTTLED else Transient
            raise kind(f"a transaction was cancelled: {sorted(c for c in codes if c and c != 'None')}") from None
        return [_rejection(reason) for reason in reasons]
    return []


def _rejection(reason: Mapping[str, Any]) -> Rejected | None:
    if reason.get("Code") != "ConditionalCheckFailed":
        return None
    return Rejected(decode(reason["Item"]) if reason.get("Item") else None)


def get(client: Any, table: str, key: Mapping[str, Any]) -> dict[str, Any] | None:
    """The item with `key`, read consistently; None if there is none."""
    item = client.get_item(TableName=table, Key=encode(key), ConsistentRead=True).get("Item")
    return decode(item) if item else None


def get_many(client: Any, table: str, keys: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The existing items with `keys`, read consistently, in any order."""
    items: list[dict[str, Any]] = []
    for start in range(0, len(keys), 100):
        wanted = {table: {"Keys": [encode(k) for k in keys[start : start + 100]], "ConsistentRead": True}}
        while wanted:
            answer = client.batch_get_item(RequestItems=wanted)
            items += [decode(item) for item in answer["Responses"].get(table, [])]
            wanted = answer.get("UnprocessedKeys") or {}
    return items


def query(client: Any, limit: int | None = None, **request: Any) -> Iterator[dict[str, Any]]:
    """Items of a Query, page after page, at most `limit`."""
    yield from _pages(client.query, limit, request)


def scan(client: Any, limit: int | None = None, **request: Any) -> Iterator[dict[str, Any]]:
    """Items of a Scan, page after page, at most `limit`."""
    yield from _pages(client.scan, limit, request)


def _pages(call: Any, limit: int | None, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    left = limit
    while True:
        page = call(**request, **({"Limit": left} if left is not None else {}))
        for item in page["Items"]:
            yield decode(item)
        left = None if left is None else left - len(page["Items"])
        if "LastEvaluatedKey" not in page or (left is not None and left <= 0):
            return
        request = {**request, "ExclusiveStartKey": page["LastEvaluatedKey"]}
