"""DynamoDB: requests are checked as AWS checks them, values of different types compared, and tokens remembered."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Any

from pipeline.emulator.dynamodb.requests import check
from pipeline.emulator.dynamodb.values import Invalid
from pipeline.emulator.moto.guard import replace

TOKEN_SECONDS = 600
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""

clock = time.monotonic


def install() -> None:
    from moto.dynamodb.responses import DynamoHandler

    def authorize(self: Any, resource: str) -> None:
        """moto's step before each action, which answers with what is raised in it."""
        original_authorize(self, resource)
        _check(self)

    def transact_write_items(self: Any) -> Any:
        return _once(self.dynamodb_backend, self.body, lambda: original_transaction(self))

    name = "_authenticate_and_authorize_normal_action"
    original_authorize = replace(DynamoHandler, name, authorize, source="eaa6fd717485")
    original_transaction = replace(DynamoHandler, "transact_write_items", transact_write_items, source="61c163fff213")
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
