"""Attribute values come back as they were put, whatever they hold."""

from __future__ import annotations

import pytest
from moto.core.serialize import BaseJSONSerializer

VALUES = [
    {"S": ""},
    {"S": "é\n\U0001f600"},
    {"N": "-0.1"},
    {"BOOL": False},
    {"NULL": True},
    {"SS": ["a", "b"]},
    {"NS": ["1", "2.5"]},
    {"B": b"\x00\xff"},
    {"BS": [b"\x00", b"\xff"]},
    {"L": []},
    {"M": {}},
    {"L": [{"S": "a"}, {"M": {"B": {"B": b"\xff"}, "S": {"S": "S"}}}, {"L": [{"N": "1"}]}]},
    {"M": {"S": {"N": "1"}, "deep": {"L": [{"M": {"BS": {"BS": [b"1"]}}}]}}},
]


@pytest.fixture(scope="module")
def table(aws):
    aws("dynamodb").create_table(
        TableName="answers",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
    )
    return "answers"


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_a_value_comes_back_as_it_was_put(aws, table, value):
    client, item = aws("dynamodb"), {"k": {"S": "1"}, "v": value}
    client.put_item(TableName=table, Item=item)
    assert client.get_item(TableName=table, Key={"k": {"S": "1"}})["Item"] == item
    assert client.scan(TableName=table)["Items"] == [item]
    gone = client.delete_item(TableName=table, Key={"k": {"S": "1"}}, ReturnValues="ALL_OLD")
    assert gone["Attributes"] == item


def test_an_item_of_many_values_comes_back_as_it_was_put(aws, table):
    client, item = aws("dynamodb"), {"k": {"S": "1"}} | {f"v{n}": value for n, value in enumerate(VALUES)}
    client.put_item(TableName=table, Item=item)
    assert client.scan(TableName=table)["Items"] == [item]


def test_an_item_without_bytes_is_written_at_once(aws, table, monkeypatch):
    client, written = aws("dynamodb"), []
    write = BaseJSONSerializer._serialize_type_structure

    def counted(self, serialized, value, shape, key):
        written.append(shape.name)
        write(self, serialized, value, shape, key)

    monkeypatch.setattr(BaseJSONSerializer, "_serialize_type_structure", counted)
    item = {"k": {"S": "1"}, "n": {"N": "1"}, "m": {"M": {"l": {"L": [{"BOOL": True}]}}}}
    client.put_item(TableName=table, Item=item)
    assert client.get_item(TableName=table, Key={"k": {"S": "1"}})["Item"] == item
    assert "GetItemOutput" in written
    assert "AttributeValue" not in written
    client.put_item(TableName=table, Item=item | {"b": {"B": b"1"}})
    assert client.get_item(TableName=table, Key={"k": {"S": "1"}})["Item"]["b"] == {"B": b"1"}
    assert "AttributeValue" in written
