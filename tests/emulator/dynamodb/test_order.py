"""Queries and scans of a table whose keys are kept in order answer what sorting it anew would."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.emulator.dynamodb.patches.order import _Order
from tests.examples import examples

NAMES = st.sampled_from(["a", "b", "é", "\U0001f600"])
NUMBERS = st.integers(-2, 11)
PAGES = st.sampled_from([1, 2, 100])

WRITES = st.one_of(
    st.tuples(st.just("put"), NAMES, NUMBERS, st.none() | NAMES, NUMBERS),
    st.tuples(st.just("update"), NAMES, NUMBERS, st.none() | NAMES, NUMBERS),
    st.tuples(st.just("delete"), NAMES, NUMBERS, st.none(), st.just(0)),
    st.tuples(st.just("undone"), NAMES, NUMBERS, st.none() | NAMES, NUMBERS),
)
Model = dict[tuple[str, int], tuple[str | None, int]]


@pytest.fixture(scope="module")
def table(aws):
    """Hash and range key, and an index of both."""
    name = f"order-{uuid.uuid4().hex}"
    kinds = {"h": "S", "r": "N", "g": "S", "n": "N"}
    aws("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": kind} for n, kind in kinds.items()],
        KeySchema=[{"AttributeName": "h", "KeyType": "HASH"}, {"AttributeName": "r", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_g",
                "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    return name


def key(h: str, r: int) -> dict[str, Any]:
    return {"h": {"S": h}, "r": {"N": str(r)}}


def write(client: Any, table: str, model: Model, what: str, h: str, r: int, g: str | None, n: int) -> None:
    indexed = {"g": {"S": g}} if g is not None else {}
    item = {**key(h, r), "n": {"N": str(n)}, **indexed}
    if what == "put":
        client.put_item(TableName=table, Item=item)
        model[h, r] = g, n
    elif what == "update":
        names, values = {"#n": "n", "#g": "g"}, {":n": {"N": str(n)}}
        setting = "SET #n = :n, #g = :g" if g is not None else "SET #n = :n REMOVE #g"
        if g is not None:
            values[":g"] = {"S": g}
        client.update_item(
            TableName=table,
            Key=key(h, r),
            UpdateExpression=setting,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
        )
        model[h, r] = g, n
    elif what == "delete":
        client.delete_item(TableName=table, Key=key(h, r))
        model.pop((h, r), None)
    else:
        too_large = {**key("other", r), "x": {"S": "x" * 410_000}}
        puts = [{"Put": {"TableName": table, "Item": each}} for each in (item, too_large)]
        with pytest.raises(ClientError):
            client.transact_write_items(TransactItems=puts)


def read(client: Any, operation: str, **request: Any) -> list[tuple[str, int]]:
    pages = client.get_paginator(operation).paginate(**request)
    return [(item["h"]["S"], int(item["r"]["N"])) for page in pages for item in page["Items"]]


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(writes=st.lists(WRITES, max_size=12), limit=PAGES)
def test_every_read_answers_what_a_plain_model_says(aws, table, writes, limit):
    client, model = aws("dynamodb"), {}
    for h, r in itertools.product("ab\u00e9\U0001f600", range(-2, 12)):
        client.delete_item(TableName=table, Key=key(h, r))
    for each in writes:
        write(client, table, model, *each)
    in_order = sorted(model)
    paged = {"TableName": table, "PaginationConfig": {"PageSize": limit}}
    assert read(client, "scan", **paged) == in_order
    indexed = sorted(((g, n, *k) for k, (g, n) in model.items() if g is not None))
    assert read(client, "scan", IndexName="by_g", **paged) == [(h, r) for _, _, h, r in indexed]
    for name in ("a", "é"):
        for forward in (True, False):
            asked = {"ExpressionAttributeValues": {":v": {"S": name}}, "ScanIndexForward": forward, **paged}
            own = [k for k in in_order if k[0] == name]
            found = read(client, "query", KeyConditionExpression="h = :v", **asked)
            assert found == (own if forward else own[::-1])
            there = [(h, r) for g, _, h, r in indexed if g == name]
            found = read(client, "query", IndexName="by_g", KeyConditionExpression="g = :v", **asked)
            assert found == (there if forward else there[::-1])
            bounds = {":v": {"S": name}, ":a": {"N": "2"}, ":b": {"N": "5"}}
            condition = "g = :v AND n BETWEEN :a AND :b"
            asked |= {"ExpressionAttributeValues": bounds}
            found = read(client, "query", IndexName="by_g", KeyConditionExpression=condition, **asked)
            within = [(h, r) for g, n, h, r in indexed if g == name and 2 <= n <= 5]
            assert found == (within if forward else within[::-1])
            own = [(h, r) for h, r in in_order if h == name and 2 <= r <= 5]
            found = read(client, "query", KeyConditionExpression="h = :v AND r BETWEEN :a AND :b", **asked)
            assert found == (own if forward else own[::-1])


def test_a_read_does_not_look_at_other_items(aws, front, table):
    """moto's own did: the items that it sorted are counted."""
    from moto.dynamodb.models.dynamo_type import DynamoType

    client = aws("dynamodb")
    for r in range(12):
        for h in "ab":
            client.put_item(TableName=table, Item={**key(h, r), "g": {"S": h}, "n": {"N": str(r)}})
    compared: list[object] = []
    original = DynamoType.__lt__
    DynamoType.__lt__ = lambda self, other: compared.append(self.value) or original(self, other)
    try:
        read(
            client,
            "query",
            TableName=table,
            KeyConditionExpression="h = :v",
            ExpressionAttributeValues={":v": {"S": "a"}},
        )
        assert "b" not in compared
        compared.clear()
        read(client, "scan", TableName=table, PaginationConfig={"PageSize": 1})
        assert not compared
    finally:
        DynamoType.__lt__ = original


@pytest.mark.parametrize("forward", [True, False])
def test_a_page_ends_where_it_is_full_and_nothing_behind_it_is_looked_at(aws, front, table, forward, monkeypatch):
    client, large = aws("dynamodb"), {"x": {"S": "x" * 300_000}}
    for r in range(12):
        client.put_item(TableName=table, Item={**key("large", r), "g": {"S": "large"}, "n": {"N": str(r)}, **large})
    asked = {"TableName": table, "IndexName": "by_g", "KeyConditionExpression": "g = :v", "ScanIndexForward": forward}
    values = {"ExpressionAttributeValues": {":v": {"S": "large"}}}
    pages = list(client.get_paginator("query").paginate(**asked, **values))
    found = [[int(item["r"]["N"]) for item in page["Items"]] for page in pages]
    order = list(range(12)) if forward else list(range(12))[::-1]
    assert found == [order[start : start + 3] for start in (0, 3, 6, 9)]
    counted = client.get_paginator("query").paginate(**asked, **values, Select="COUNT")
    assert [page["Count"] for page in counted] == [3, 3, 3, 3]
    looked_at = []
    original = _Order._item
    monkeypatch.setattr(
        _Order, "_item", lambda self, place, index: looked_at.append(place) or original(self, place, index)
    )
    client.query(**asked, **values)
    assert len(looked_at) == 4
    for r in range(12):
        client.delete_item(TableName=table, Key=key("large", r))


def test_an_item_of_an_index_is_measured_when_it_was_written_and_not_by_each_read(aws, front, monkeypatch):
    """Whoever counts what waits looks again and again, and most of it has not changed meanwhile."""
    from moto.dynamodb.models.dynamo_type import DynamoType

    client, name = aws("dynamodb"), f"measured-{uuid.uuid4().hex}"
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in "hg"],
        KeySchema=[{"AttributeName": "h", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_g",
                "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["n"]},
            }
        ],
    )
    for number in range(20):
        client.put_item(TableName=name, Item={"h": {"S": str(number)}, "g": {"S": "g"}, "n": {"S": "0"}})
    measured: list[object] = []
    original = DynamoType.size
    monkeypatch.setattr(DynamoType, "size", lambda self: measured.append(self) or original(self))

    def numbers() -> list[str]:
        values = {":v": {"S": "g"}}
        asked = {"TableName": name, "IndexName": "by_g", "ProjectionExpression": "n"}
        scanned = read_values(client.scan(**asked))
        queried = client.query(**asked, KeyConditionExpression="g = :v", ExpressionAttributeValues=values)
        assert read_values(queried) == scanned
        return scanned

    assert numbers() == ["0"] * 20
    measured.clear()
    assert numbers() == ["0"] * 20
    assert not measured
    update = {"UpdateExpression": "SET #n = :n", "ExpressionAttributeNames": {"#n": "n"}}
    client.update_item(TableName=name, Key={"h": {"S": "3"}}, **update, ExpressionAttributeValues={":n": {"S": "1"}})
    # One that moto changes itself, in a copy.
    added = {"UpdateExpression": "SET #n = :n ADD m :m", "ExpressionAttributeNames": {"#n": "n"}}
    values = {":n": {"S": "2"}, ":m": {"N": "1"}}
    client.update_item(TableName=name, Key={"h": {"S": "7"}}, **added, ExpressionAttributeValues=values)
    measured.clear()
    assert sorted(numbers()) == ["0"] * 18 + ["1", "2"]
    assert len(measured) == 2 * len("hgn")


def read_values(answer: dict[str, Any]) -> list[str]:
    return [item["n"]["S"] for item in answer["Items"]]


def test_a_read_of_a_table_neither_copies_nor_unpacks_what_is_not_asked_for(aws, front, table, monkeypatch):
    from moto.dynamodb.models.dynamo_type import DynamoType, Item

    client, h = aws("dynamodb"), uuid.uuid4().hex
    long = {"L": [{"S": "x" * 1000}] * 300}
    for r in range(5):
        client.put_item(TableName=table, Item={"h": {"S": h}, "r": {"N": str(r)}, "v": {"S": "v"}, "long": long})
    request = {"TableName": table, "KeyConditionExpression": "h = :h", "ExpressionAttributeValues": {":h": {"S": h}}}
    looked_at: list[str] = []
    for owner, name in ((DynamoType, "to_regular_json"), (DynamoType, "__deepcopy__"), (Item, "__deepcopy__")):
        monkeypatch.setattr(owner, name, lambda self, *_, name=name: looked_at.append(name))
    found = client.query(ProjectionExpression="r, v", **request)
    # A page is full by what the items have, and not by what is asked for.
    assert found["Items"] == [{"r": {"N": str(r)}, "v": {"S": "v"}} for r in range(3)]
    assert found["LastEvaluatedKey"] == {"h": {"S": h}, "r": {"N": "2"}}
    assert looked_at == []


def test_what_was_read_before_is_not_what_is_there_after_a_change(aws, table):
    client, h = aws("dynamodb"), uuid.uuid4().hex
    request = {"TableName": table, "KeyConditionExpression": "h = :h", "ExpressionAttributeValues": {":h": {"S": h}}}
    client.put_item(TableName=table, Item={"h": {"S": h}, "r": {"N": "1"}, "v": {"L": [{"S": "a"}]}})
    assert [item["v"] for item in client.query(**request)["Items"]] == [{"L": [{"S": "a"}]}]
    client.update_item(
        TableName=table,
        Key={"h": {"S": h}, "r": {"N": "1"}},
        UpdateExpression="SET v = list_append(v, :more), w = :w",
        ExpressionAttributeValues={":more": {"L": [{"S": "b"}]}, ":w": {"S": "w"}},
    )
    [item] = client.query(**request)["Items"]
    assert (item["v"], item["w"]) == ({"L": [{"S": "a"}, {"S": "b"}]}, {"S": "w"})
    assert client.query(ProjectionExpression="v[1]", **request)["Items"] == [{"v": {"L": [{"S": "b"}]}}]
