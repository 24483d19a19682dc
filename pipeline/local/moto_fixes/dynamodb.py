"""DynamoDB: one request at a time, checked as AWS checks it, and transactions that cost what they touch.

moto looks at a condition first and writes later, with no lock between; it copies whole tables to be able to undo a
transaction, so that each one costs more than the last, and forgets a transaction's token.
"""

from __future__ import annotations

import copy
import hashlib
import threading
import time
from collections.abc import Callable
from typing import Any

from pipeline.local.moto_fixes.dynamodb_requests import check
from pipeline.local.moto_fixes.dynamodb_values import Invalid
from pipeline.local.moto_fixes.guard import replace

TOKEN_SECONDS = 600
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""

clock = time.monotonic
_lock = threading.RLock()


def install() -> None:
    from moto.dynamodb.models import DynamoDBBackend
    from moto.dynamodb.responses import DynamoHandler

    def call_action(self: Any) -> Any:
        with _lock:
            return original_call(self)

    def authorize(self: Any, resource: str) -> None:
        """moto's step before each action, which answers with what is raised in it."""
        original_authorize(self, resource)
        _check(self)

    def transact_write_items(self: Any) -> Any:
        return _once(self.dynamodb_backend, self.body, lambda: original_transaction(self))

    original_call = replace(DynamoHandler, "call_action", call_action, source="ce5f57cf83cd")
    name = "_authenticate_and_authorize_normal_action"
    original_authorize = replace(DynamoHandler, name, authorize, source="eaa6fd717485")
    original_transaction = replace(DynamoHandler, "transact_write_items", transact_write_items, source="61c163fff213")
    replace(DynamoDBBackend, "transact_write_items", _transact_write_items, source="81db2cb7d94e")
    _compare_like_with_like()
    _read_keys_in_updates()


def _check(handler: Any) -> None:
    from moto.dynamodb.exceptions import MockValidationException

    try:
        check(handler._get_action(), handler.body, handler.dynamodb_backend.get_table)
    except Invalid as invalid:
        raise MockValidationException(str(invalid)) from None


def _compare_like_with_like() -> None:
    """A string is neither less nor more than a number; for moto asking is an internal error."""
    from moto.dynamodb.comparisons import OpGreaterThan, OpGreaterThanOrEqual, OpLessThan, OpLessThanOrEqual

    def change(comparison: Any, source: str) -> None:
        def expr(self: Any, item: Any) -> bool:
            try:
                return bool(original(self, item))
            except TypeError:
                return False

        original = replace(comparison, "expr", expr, source=source)

    change(OpLessThan, "2fffc621dcad")
    change(OpLessThanOrEqual, "0f48b81ff7c0")
    change(OpGreaterThan, "d468257ea759")
    change(OpGreaterThanOrEqual, "6545d9825a07")


def _read_keys_in_updates() -> None:
    """`SET copy = key` reads the key; for moto every path of an update is written to."""
    from moto.dynamodb.parsing.validators import UpdateHashRangeKeyValidator

    def check_for_hash_or_range_key(self: Any, node: Any) -> Any:
        is_read = type(node.parent).__name__ in ("UpdateExpressionValue", "UpdateExpressionFunction")
        return node if is_read else original(self, node)

    name = "check_for_hash_or_range_key"
    original = replace(UpdateHashRangeKeyValidator, name, check_for_hash_or_range_key, source="a453e5e1e3fe")


def _once(backend: Any, request: dict[str, Any], run: Callable[[], Any]) -> Any:
    """A transaction whose token was seen in the last ten minutes is not done again; moto looks at no token."""
    from moto.core.responses import ActionResult
    from moto.dynamodb.exceptions import DynamodbException

    token, now = request.get("ClientRequestToken"), clock()
    if not token:
        return run()
    # In the order of their time. SDKs give every transaction a token.
    done: dict[str, tuple[float, bytes]] = vars(backend).setdefault("transaction_tokens", {})
    while done and next(iter(done.values()))[0] < now - TOKEN_SECONDS:
        del done[next(iter(done))]
    wanted = hashlib.sha256(repr(request["TransactItems"]).encode()).digest()
    if token in done:
        if done[token][1] != wanted:
            raise DynamodbException(
                "com.amazonaws.dynamodb.v20120810#IdempotentParameterMismatchException",
                "The token was used with other items",
            )
        return ActionResult({})
    answer = run()
    done[token] = (now, wanted)
    return answer


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
