"""DynamoDB: one request at a time, transactions that cost what they touch, streams, and the limits of AWS.

moto looks at a condition first and writes later, with no lock between; and it copies whole tables to be able to undo a
transaction, so that each one costs more than the last. Its streams tell of writes that changed nothing, twice of an
update that makes an item, and invoke functions within the write.
"""

from __future__ import annotations

import copy
import threading
from typing import Any

from pipeline.local.moto_fixes.guard import replace

BATCH_WRITE_ITEMS = 25
TRANSACTION_ITEMS = 100

_lock = threading.RLock()

changed = threading.Condition(_lock)
"""Notified when a stream has a new record. Who holds it sees no write half done."""


def install() -> None:
    from moto.dynamodb.models import DynamoDBBackend
    from moto.dynamodb.models.table import StreamShard
    from moto.dynamodb.responses import DynamoHandler

    def call_action(self: Any) -> Any:
        with _lock:
            return original_call(self)

    def batch_write_item(self: Any) -> Any:
        _check_size("requestItems", sum(len(requests) for requests in self.body["RequestItems"].values()))
        return original_batch(self)

    original_call = replace(DynamoHandler, "call_action", call_action, source="ce5f57cf83cd")
    original_batch = replace(DynamoHandler, "batch_write_item", batch_write_item, source="26221a09e2b2")
    replace(DynamoDBBackend, "transact_write_items", _transact_write_items, source="81db2cb7d94e")
    replace(StreamShard, "add", _add_to_stream, source="357dc6da267e")


def _add_to_stream(self: Any, old: Any, new: Any) -> None:
    from moto.dynamodb.models.table import StreamRecord

    if old is not None and new is not None and old.to_json() == new.to_json():
        return
    with changed:
        view = self.table.stream_specification["StreamViewType"]
        event = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
        number = len(self.items) + self.starting_sequence_number
        record = StreamRecord(self.table, view, event, old, new, number)
        record.record["awsRegion"] = self.table.region_name
        if event == "INSERT" and self.items and _inserts(self.items[-1], record):
            # moto's update puts an item with nothing but its key first.
            record.record["dynamodb"]["SequenceNumber"] = str(number - 1)
            self.items[-1] = record
        else:
            self.items.append(record)
        changed.notify_all()


def _inserts(last: Any, record: Any) -> bool:
    """Whether both insert one item: nothing removed it in between, so it is one insertion in two steps."""
    before, now = last.record, record.record
    return bool(before["eventName"] == "INSERT" and before["dynamodb"]["Keys"] == now["dynamodb"]["Keys"])


def _check_size(what: str, count: int) -> None:
    from moto.dynamodb.exceptions import MockValidationException

    if count > BATCH_WRITE_ITEMS:
        raise MockValidationException("Too many items requested for the BatchWriteItem call")
    if not count:
        raise MockValidationException(
            f"1 validation error detected: Value at '{what}' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1"
        )


class _Undo:
    """What a transaction changed, to put it back: the items it named and the length of the tables' streams."""

    def __init__(self) -> None:
        self._items: list[tuple[Any, Any, Any, Any]] = []
        self._streams: dict[int, tuple[Any, int]] = {}

    def remember(self, table: Any, hash_value: Any, range_value: Any, item: Any) -> None:
        self._items.append((table, hash_value, range_value, copy.deepcopy(item)))
        if table.stream_shard is not None:
            self._streams.setdefault(id(table), (table.stream_shard, len(table.stream_shard.items)))

    def run(self) -> None:
        for table, hash_value, range_value, item in reversed(self._items):
            partition = table.items[hash_value] if range_value is not None else table.items
            key = range_value if range_value is not None else hash_value
            if item is None:
                partition.pop(key, None)
            else:
                partition[key] = item
        for shard, length in self._streams.values():
            del shard.items[length:]


def _transact_write_items(self: Any, transact_items: list[dict[str, Any]]) -> None:
    """Every condition is judged on the state before the transaction; then all is written, or nothing."""
    from moto.dynamodb.exceptions import (
        MockValidationException,
        TooManyTransactionsException,
        TransactionCanceledException,
    )

    if len(transact_items) > TRANSACTION_ITEMS:
        raise TooManyTransactionsException()
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
    expression = get_filter_expression(
        condition, action.get("ExpressionAttributeNames"), action.get("ExpressionAttributeValues")
    )
    current = backend.get_item(action["TableName"], key)
    if expression.expr(current):
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
