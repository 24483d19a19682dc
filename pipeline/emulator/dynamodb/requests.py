"""What DynamoDB refuses before it looks at an item, operation by operation. moto takes most of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline.emulator.dynamodb import expressions as expressions
from pipeline.emulator.dynamodb import keys as keys
from pipeline.emulator.dynamodb import placeholders as placeholders
from pipeline.emulator.dynamodb import values as attribute_values
from pipeline.emulator.dynamodb.values import Invalid

BATCH_WRITE_ITEMS = 25
TRANSACTION_ITEMS = 100
TRANSACTION_BYTES = 4 << 20
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html, as those above"""

Table = Callable[[str], Any]
"""moto's table of a name; its own error if there is none."""

_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_READ_ONCE = "Provided list of item keys contains duplicates"


def check(operation: str, request: dict[str, Any], table: Table) -> None:
    """Raise `Invalid` for a request that DynamoDB refuses as it stands; write numbers as DynamoDB does."""
    name = request.get("TableName")
    if isinstance(name, str) and not name.startswith("arn:"):
        check_name(name)
    checked = _CHECKS.get(operation)
    if checked is not None:
        checked(request, table)


def check_name(name: str) -> None:
    """`Invalid`, in DynamoDB's words, for what is no name of a table or an index."""
    if not _NAME.fullmatch(name):
        raise Invalid(
            "Invalid table/index name.  Table/index names must be between 3 and 255 characters long, "
            "and may contain only the characters a-z, A-Z, 0-9, '_', '-', and '.'"
        )


def _one(request: dict[str, Any], table: Table) -> None:
    """Of one item: a call, or an action of a transaction."""
    placeholders.check(request)
    if "Item" in request:
        attribute_values.check_item(request["Item"])
        keys.check_item(table(request["TableName"]), request["Item"])
    if "Key" in request:
        attribute_values.check_item(request["Key"])
        keys.check_key(table(request["TableName"]), request["Key"])


def _update(request: dict[str, Any], table: Table) -> None:
    _one(request, table)
    if "UpdateExpression" not in request:
        # Without either the item is made if it is not there; moto fails.
        request.setdefault("AttributeUpdates", {})


def _query(request: dict[str, Any], table: Table) -> None:
    _scan(request, table)
    text = request.get("KeyConditionExpression")
    if text is not None:
        keys.check_conditions(table(request["TableName"]), request, expressions.condition(text))


def _scan(request: dict[str, Any], table: Table) -> None:
    if request.get("Limit", 1) < 1:
        raise Invalid("Limit must be greater than or equal to 1")
    placeholders.check(request)
    found, index = table(request["TableName"]), request.get("IndexName")
    if index is not None and index not in [each.name for each in found.indexes + found.global_indexes]:
        raise Invalid(f"The table does not have the specified index: {index}")
    if start := request.get("ExclusiveStartKey"):
        keys.check_start(found, index, start)


def _batch_get(request: dict[str, Any], table: Table) -> None:
    wanted = _not_empty("requestItems", request["RequestItems"])
    for name, each in wanted.items():
        _not_empty(f"requestItems.{name}.member.keys", each.get("Keys"))
        placeholders.check(each)
        for key in each["Keys"]:
            _one({"TableName": name, "Key": key}, table)
        _distinct(each["Keys"], _READ_ONCE)


def _batch_write(request: dict[str, Any], table: Table) -> None:
    wanted = _not_empty("requestItems", request["RequestItems"])
    if sum(map(len, wanted.values())) > BATCH_WRITE_ITEMS:
        raise Invalid("Too many items requested for the BatchWriteItem call")
    for name, writes in wanted.items():
        _not_empty(f"requestItems.{name}.member", writes)
        written = []
        for write in writes:
            if len(write) != 1:
                raise Invalid("Supplied AttributeValue has more than one datatypes set, must contain exactly one")
            ((_, action),) = write.items()
            _one({"TableName": name, **action}, table)
            written.append(keys.key_of(table(name), action.get("Item") or action["Key"]))
        _distinct(written, _READ_ONCE)


def _transaction(request: dict[str, Any], table: Table) -> None:
    actions = _not_empty("transactItems", request["TransactItems"])
    if len(actions) > TRANSACTION_ITEMS:
        raise Invalid(
            "1 validation error detected: Value at 'transactItems' failed to satisfy constraint: "
            f"Member must have length less than or equal to {TRANSACTION_ITEMS}"
        )
    written = 0
    for entry in actions:
        for kind, action in entry.items():
            if kind == "ConditionCheck" and not action.get("ConditionExpression"):
                raise Invalid("The expression can not be empty;")
            check_name(action["TableName"])
            _one(action, table)
            written += len(repr(action.get("Item", "")))
    if written > TRANSACTION_BYTES:
        raise Invalid("Collection size exceeded: the items of a transaction may have 4 MB together")
    if all("Get" in entry for entry in actions):
        read = [(entry["Get"]["TableName"], entry["Get"]["Key"]) for entry in actions]
        _distinct(read, "Transaction request cannot include multiple operations on one item")


def _not_empty(what: str, given: Any) -> Any:
    if not given:
        raise Invalid(
            f"1 validation error detected: Value at '{what}' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1"
        )
    return given


def _distinct(given: Sequence[Any], message: str) -> None:
    if len({repr(each) for each in given}) < len(given):
        raise Invalid(message)


def _create_table(request: dict[str, Any], table: Table) -> None:
    kinds = {each["AttributeName"]: each["AttributeType"] for each in request["AttributeDefinitions"]}
    for name, kind in kinds.items():
        if kind not in ("S", "N", "B"):
            raise Invalid(f"The attribute {name} of a key cannot be of type {kind}: must be one of S, N, B")
    _check_schema(request["KeySchema"])
    indexes = [*(request.get("GlobalSecondaryIndexes") or []), *(request.get("LocalSecondaryIndexes") or [])]
    for index in indexes:
        check_name(index["IndexName"])
        _check_schema(index["KeySchema"])
        _check_projected(index)
    _distinct(
        [index["IndexName"] for index in indexes],
        "One or more parameter values were invalid: Duplicate index name",
    )
    stream: Mapping[str, Any] = request.get("StreamSpecification") or {}
    if bool(stream.get("StreamEnabled")) != bool(stream.get("StreamViewType")):
        raise Invalid(
            "One or more parameter values were invalid: "
            "StreamViewType is required when StreamEnabled is true, and not allowed when it is false"
        )


def _check_schema(schema: Sequence[Mapping[str, str]]) -> None:
    if [each["KeyType"] for each in schema] not in (["HASH"], ["HASH", "RANGE"]):
        raise Invalid("Invalid KeySchema: a HASH key element first, and at most one RANGE key element after it")
    _distinct(
        [each["AttributeName"] for each in schema], "Both the Hash Key and the Range Key element have the same name"
    )


def _check_projected(index: Mapping[str, Any]) -> None:
    kind = index.get("Projection", {}).get("ProjectionType")
    if kind is None:
        raise Invalid(
            f"One or more parameter values were invalid: Unknown ProjectionType of index {index['IndexName']}"
        )
    if (kind == "INCLUDE") != bool(index["Projection"].get("NonKeyAttributes")):
        raise Invalid(
            "One or more parameter values were invalid: "
            f"NonKeyAttributes are given if and only if ProjectionType is INCLUDE: index {index['IndexName']}"
        )


def _exists(request: dict[str, Any], table: Table) -> None:
    table(request["TableName"])


_CHECKS: dict[str, Callable[[dict[str, Any], Table], None]] = {
    "GetItem": _one,
    "PutItem": _one,
    "UpdateItem": _update,
    "DeleteItem": _one,
    "Query": _query,
    "Scan": _scan,
    "BatchGetItem": _batch_get,
    "BatchWriteItem": _batch_write,
    "TransactGetItems": _transaction,
    "TransactWriteItems": _transaction,
    "CreateTable": _create_table,
    "UpdateTimeToLive": _exists,
}
