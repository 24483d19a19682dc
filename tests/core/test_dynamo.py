"""Conditional writes, transactions and pages, on moto and on AWS's own DynamoDB Local."""

from __future__ import annotations

import pytest

from pipeline.core.dynamo import (
    Change,
    Rejected,
    decode,
    encode,
    get,
    get_many,
    put_if,
    query,
    scan,
    transact,
    update_if,
)
from tests.dynamodb_local import BACK_ENDS

TABLE = "things"
ABSENT = "attribute_not_exists(#kind)"


@pytest.fixture(params=BACK_ENDS)
def dynamodb_back_end(request):
    return request.param


@pytest.fixture
def things(dynamodb):
    dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "kind", "AttributeType": "S"},
            {"AttributeName": "number", "AttributeType": "N"},
        ],
        KeySchema=[{"AttributeName": "kind", "KeyType": "HASH"}, {"AttributeName": "number", "KeyType": "RANGE"}],
    )
    return dynamodb


def thing(number, kind="a", **more):
    return {"kind": kind, "number": number, **more}


def test_plain_values_come_back_as_they_were(things):
    item = thing(1, none=None, yes=True, text="", whole=10**20, list=[1, "x", {"deep": [None]}])
    assert put_if(things, TABLE, item, ABSENT) is None
    assert get(things, TABLE, thing(1)) == item
    assert get(things, TABLE, thing(2)) is None
    assert decode(encode(item)) == item


def test_a_put_that_is_refused_answers_with_what_stands_there(things):
    put_if(things, TABLE, thing(1, owner="first"), ABSENT)
    refusal = put_if(things, TABLE, thing(1, owner="second"), f"{ABSENT} OR #owner = :me", me="second")
    assert refusal == Rejected(thing(1, owner="first"))
    assert put_if(things, TABLE, thing(2), "#owner = :me", me="x") == Rejected(None)


def test_a_change_sets_appends_and_removes_at_once_or_answers_with_the_item(things):
    put_if(things, TABLE, thing(1, status="NEW", reason="?"), ABSENT)
    change = Change(
        thing(1), {"status": "DONE"}, "#status = :was", {"was": "NEW"}, remove=["reason"], append={"history": ["x"]}
    )
    assert update_if(things, TABLE, change) is None
    done = thing(1, status="DONE", history=["x"])
    assert get(things, TABLE, thing(1)) == done
    assert update_if(things, TABLE, change) == Rejected(done)


def test_a_transaction_does_all_or_names_what_each_condition_met(things):
    put_if(things, TABLE, thing(1, status="NEW"), ABSENT)
    change = Change(thing(1), {"status": "DONE"}, "#status = :was", {"was": "NEW"})
    put = {"Put": {"TableName": TABLE, "Item": encode(thing(2))}}
    old = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    assert transact(things, [put, {"Update": change.request(TABLE) | old}]) == []
    again = {"Put": {"TableName": TABLE, "Item": encode(thing(3))}}
    refused = transact(things, [again, {"Update": change.request(TABLE) | old}])
    assert refused == [None, Rejected(thing(1, status="DONE"))]
    assert [item["number"] for item in scan(things, TableName=TABLE)] == [1, 2]


def test_a_transaction_with_its_token_again_is_done_once(things):
    put = {
        "TableName": TABLE,
        "Item": encode(thing(1)),
        "ConditionExpression": ABSENT,
        "ExpressionAttributeNames": {"#kind": "kind"},
    }
    assert transact(things, [{"Put": put}], token="t") == []
    assert transact(things, [{"Put": put}], token="t") == []
    assert transact(things, [{"Put": put}]) == [Rejected(None)]


def test_more_keys_than_a_batch_takes_and_pages_of_a_query_are_read_whole_and_in_order(things):
    for first in range(0, 250, 25):
        puts = [{"PutRequest": {"Item": encode(thing(n, filler="x" * 5000))}} for n in range(first, first + 25)]
        things.batch_write_item(RequestItems={TABLE: puts})
    assert len(get_many(things, TABLE, [thing(n) for n in range(260)])) == 250
    wanted = {
        "TableName": TABLE,
        "KeyConditionExpression": "kind = :kind",
        "ExpressionAttributeValues": encode({":kind": "a"}),
    }
    assert [item["number"] for item in query(things, **wanted)] == list(range(250))
    backwards = query(things, limit=3, ScanIndexForward=False, **wanted)
    assert [item["number"] for item in backwards] == [249, 248, 247]
