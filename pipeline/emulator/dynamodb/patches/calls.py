"""DynamoDB: one request at a time, and transactions that cost what they touch.

moto looks at a condition first and writes later, with no lock between; and it copies whole tables to be able to undo a
transaction, so that each one costs more than the last.
"""

from __future__ import annotations

import threading
from typing import Any

from pipeline.emulator.dynamodb.conditions import holds
from pipeline.emulator.dynamodb.patches import order
from pipeline.emulator.moto.patch import patch

_lock = threading.RLock()

changed = threading.Condition(_lock)
"""Notified when a stream has a new record. Who holds it sees no write half done."""


@patch("moto.dynamodb.responses:DynamoHandler.call_action", "ce5f57cf83cd", "moto takes no lock between look and write")
def _call_action(self: Any) -> Any:
    with _lock:
        return _call_action.original(self)


@patch("moto.dynamodb.responses:DynamoHandler.update_item", "638893af1afd", "moto tells of capacity unasked")
def _update_item(self: Any) -> Any:
    answer = _update_item.original(self)
    if self.body.get("ReturnConsumedCapacity", "NONE") == "NONE":
        # moto tells it unasked, of this operation alone.
        answer.result.pop("ConsumedCapacity", None)
    return answer


class _Undo:
    """What a transaction changed, to put it back: the items it named and where the tables' streams stood.

    An item is never changed where it lies (see `updates`), so that no copy is needed.
    """

    def __init__(self) -> None:
        self._items: list[tuple[Any, Any, Any, Any]] = []
        self._streams: dict[int, tuple[Any, int]] = {}

    def remember(self, table: Any, hash_value: Any, range_value: Any, item: Any) -> None:
        self._items.append((table, hash_value, range_value, item))
        if table.stream_shard is not None:
            stream = table.stream_shard.stream
            self._streams.setdefault(id(table), (stream, stream.next_sequence))

    def run(self) -> None:
        for table, hash_value, range_value, item in reversed(self._items):
            partition = table.items[hash_value] if range_value is not None else table.items
            key = range_value if range_value is not None else hash_value
            if item is None:
                partition.pop(key, None)
            else:
                partition[key] = item
            order.note(table, hash_value, range_value)
        for stream, sequence in self._streams.values():
            stream.undo(sequence)


@patch("moto.dynamodb.models:DynamoDBBackend.transact_write_items", "81db2cb7d94e", "moto copies whole tables to undo")
def _transact_write_items(self: Any, transact_items: list[dict[str, Any]]) -> None:
    """Every condition is judged on the state before the transaction; then all is written, or nothing."""
    from moto.dynamodb.exceptions import MockValidationException, TransactionCanceledException

    actions = _actions(self, transact_items)
    reasons = [_judge(self, *action) for action in actions]
    if any(code for code, _, _ in reasons):
        raise TransactionCanceledException(reasons)
    undo = _Undo()
    try:
        for index, (kind, action, key) in enumerate(actions):
            reasons[index] = _write(self, kind, action, key, undo)
    except MockValidationException:
        undo.run()
        raise
    if any(code for code, _, _ in reasons):
        undo.run()
        raise TransactionCanceledException(reasons)


_Reason = tuple[str | None, str | None, dict[str, Any] | None]
_DONE: _Reason = (None, None, None)


def _actions(backend: Any, transact_items: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    from moto.dynamodb.exceptions import MultipleTransactionsException, TransactWriteSingleOpException

    actions = []
    seen: set[tuple[str, str]] = set()
    for entry in transact_items:
        if len(entry) != 1:
            raise TransactWriteSingleOpException
        ((kind, action),) = entry.items()
        key = action.get("Key") or _key_of(backend.get_table(action["TableName"]), action["Item"])
        identity = (action["TableName"], str(sorted(key.items())))
        if identity in seen:
            raise MultipleTransactionsException()
        seen.add(identity)
        actions.append((kind, action, key))
    return actions


def _key_of(table: Any, item: dict[str, Any]) -> dict[str, Any]:
    names = [name for name in (table.hash_key_attr, table.range_key_attr) if name is not None]
    return {name: item[name] for name in names}


def _judge(backend: Any, kind: str, action: dict[str, Any], key: dict[str, Any]) -> _Reason:
    from moto.dynamodb.comparisons import get_filter_expression

    condition = action.get("ConditionExpression")
    if condition is None:
        return _DONE
    names, values = action.get("ExpressionAttributeNames"), action.get("ExpressionAttributeValues")
    current = backend.get_item(action["TableName"], key)
    if holds(condition, names, values, current):
        return _DONE
    if get_filter_expression(condition, names, values).expr(current):
        return _DONE
    wants_old = action.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
    old = current.to_json()["Attributes"] if wants_old and current else None
    return ("ConditionalCheckFailed", "The conditional request failed", old)


def _write(backend: Any, kind: str, action: dict[str, Any], key: dict[str, Any], undo: _Undo) -> _Reason:
    """The conditions have been judged, so they are not given again."""
    from moto.dynamodb.exceptions import MockValidationException

    table = backend.get_table(action["TableName"])
    hash_value, range_value = backend.get_keys_value(table, key)
    undo.remember(table, hash_value, range_value, table.get_item(hash_value, range_value))
    names, values = action.get("ExpressionAttributeNames"), action.get("ExpressionAttributeValues")
    try:
        if kind == "Put":
            backend.put_item(action["TableName"], action["Item"], overwrite=True)
        elif kind == "Delete":
            backend.delete_item(action["TableName"], key)
        elif kind == "Update":
            backend.update_item(action["TableName"], key, action["UpdateExpression"], names, values)
    except MockValidationException:
        raise
    except Exception as error:
        return (type(error).__name__, str(error), None)
    return _DONE
