"""DynamoDB: requests are checked as AWS checks them, values of different types compared, and tokens remembered."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Any

from pipeline.emulator.dynamodb.requests import check
from pipeline.emulator.dynamodb.values import Invalid
from pipeline.emulator.moto.patch import patch

TOKEN_SECONDS = 600
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""

clock = time.monotonic


@patch(
    "moto.dynamodb.responses:DynamoHandler._authenticate_and_authorize_normal_action",
    "eaa6fd717485",
    "moto takes malformed requests",
)
def _authorize(self: Any, resource: str) -> None:
    """moto's step before each action, which answers with what is raised in it."""
    _authorize.original(self, resource)
    _check(self)


@patch("moto.dynamodb.responses:DynamoHandler.transact_write_items", "61c163fff213", "moto looks at no token")
def _transact_write_items(self: Any) -> Any:
    return _once(self.dynamodb_backend, self.body, lambda: _transact_write_items.original(self))


def _check(handler: Any) -> None:
    from moto.dynamodb.exceptions import MockValidationException

    try:
        check(handler._get_action(), handler.body, handler.dynamodb_backend.get_table)
    except Invalid as invalid:
        raise MockValidationException(str(invalid)) from None


def _of_one_type(compare: Callable[[Any, Any], Any], comparison: Any, item: Any) -> bool:
    """A string is neither less nor more than a number."""
    try:
        return bool(compare(comparison, item))
    except TypeError:
        return False


@patch("moto.dynamodb.comparisons:OpLessThan.expr", "2fffc621dcad", "a string and a number fail moto")
def _less(self: Any, item: Any) -> bool:
    return _of_one_type(_less.original, self, item)


@patch("moto.dynamodb.comparisons:OpLessThanOrEqual.expr", "0f48b81ff7c0", "a string and a number fail moto")
def _less_or_equal(self: Any, item: Any) -> bool:
    return _of_one_type(_less_or_equal.original, self, item)


@patch("moto.dynamodb.comparisons:OpGreaterThan.expr", "d468257ea759", "a string and a number fail moto")
def _greater(self: Any, item: Any) -> bool:
    return _of_one_type(_greater.original, self, item)


@patch("moto.dynamodb.comparisons:OpGreaterThanOrEqual.expr", "6545d9825a07", "a string and a number fail moto")
def _greater_or_equal(self: Any, item: Any) -> bool:
    return _of_one_type(_greater_or_equal.original, self, item)


@patch(
    "moto.dynamodb.parsing.validators:UpdateHashRangeKeyValidator.check_for_hash_or_range_key",
    "a453e5e1e3fe",
    "for moto every path of an update is written to",
)
def _check_for_hash_or_range_key(self: Any, node: Any) -> Any:
    """`SET copy = key` reads the key."""
    is_read = type(node.parent).__name__ in ("UpdateExpressionValue", "UpdateExpressionFunction")
    return node if is_read else _check_for_hash_or_range_key.original(self, node)


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
