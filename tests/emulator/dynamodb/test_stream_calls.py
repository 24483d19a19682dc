"""The streams' operations: shards, iterators and what they answer when a record or an iterator has ended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.core.clock import system_clock
from pipeline.emulator.dynamodb import streams as streams_module
from pipeline.emulator.dynamodb.patches.streams import stream_of


class Table:
    def __init__(self, aws: Any, name: str) -> None:
        self.name, self.dynamodb, self.streams = name, aws("dynamodb"), aws("dynamodbstreams")
        made = self.dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        self.arn = made["TableDescription"]["LatestStreamArn"]

    def put(self, *ids: str) -> None:
        for each in ids:
            self.dynamodb.put_item(TableName=self.name, Item={"id": {"S": each}})

    def described(self, **given: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.streams.describe_stream(StreamArn=self.arn, **given)["StreamDescription"]
        return found

    def iterator(self, shard: int = 0, kind: str = "TRIM_HORIZON", **given: Any) -> str:
        shard_id = self.described()["Shards"][shard]["ShardId"]
        answer = self.streams.get_shard_iterator(StreamArn=self.arn, ShardId=shard_id, ShardIteratorType=kind, **given)
        return str(answer["ShardIterator"])

    def ids(self, iterator: str) -> list[str]:
        answer = self.streams.get_records(ShardIterator=iterator)
        return [record["dynamodb"]["Keys"]["id"]["S"] for record in answer["Records"]]


@pytest.fixture
def table(aws: Any, request: pytest.FixtureRequest) -> Table:
    return Table(aws, request.node.name[:60])


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_iterators_begin_where_they_say(table: Table):
    latest = table.iterator(kind="LATEST")
    table.put(*"abc")
    numbers = [
        record["dynamodb"]["SequenceNumber"]
        for record in table.streams.get_records(ShardIterator=table.iterator())["Records"]
    ]
    assert numbers == sorted(numbers, key=int)
    assert table.ids(table.iterator()) == table.ids(latest) == [*"abc"]
    assert table.ids(table.iterator(kind="AT_SEQUENCE_NUMBER", SequenceNumber=numbers[1])) == [*"bc"]
    assert table.ids(table.iterator(kind="AFTER_SEQUENCE_NUMBER", SequenceNumber=numbers[1])) == ["c"]
    assert table.ids(table.iterator(kind="LATEST")) == []
    first = table.streams.get_records(ShardIterator=table.iterator(), Limit=2)
    assert table.ids(first["NextShardIterator"]) == ["c"]


def test_a_shard_that_was_split_ends_and_has_children(table: Table):
    table.put("a")
    [parent] = table.described()["Shards"]
    assert "EndingSequenceNumber" not in parent["SequenceNumberRange"]
    stream_of(table.arn).stream.split(parent["ShardId"])
    table.put(*"bcdefgh")
    shards = table.described()["Shards"]
    assert [shard.get("ParentShardId") for shard in shards] == [None, *[parent["ShardId"]] * 2]
    assert "EndingSequenceNumber" in shards[0]["SequenceNumberRange"]
    answer = table.streams.get_records(ShardIterator=table.iterator())
    assert len(answer["Records"]) == 1
    assert "NextShardIterator" not in answer
    assert sorted(table.ids(table.iterator(1)) + table.ids(table.iterator(2))) == [*"bcdefgh"]
    page = table.described(Limit=2)
    assert page["LastEvaluatedShardId"] == shards[1]["ShardId"]
    assert table.described(ExclusiveStartShardId=shards[1]["ShardId"])["Shards"] == [shards[2]]
    children = table.described(ShardFilter={"Type": "CHILD_SHARDS", "ShardId": parent["ShardId"]})["Shards"]
    assert children == shards[1:]


def test_records_and_iterators_end(table: Table, monkeypatch: pytest.MonkeyPatch):
    table.put("old")
    number = table.streams.get_records(ShardIterator=table.iterator())["Records"][0]["dynamodb"]["SequenceNumber"]
    monkeypatch.setattr(streams_module, "clock", lambda: system_clock() + timedelta(hours=24, minutes=-1))
    table.put("new")
    before = table.iterator()
    assert table.ids(before) == ["old", "new"]
    monkeypatch.setattr(streams_module, "clock", lambda: system_clock() + timedelta(hours=24, minutes=1))
    with pytest.raises(ClientError) as trimmed:
        table.ids(before)
    assert code(trimmed) == "TrimmedDataAccessException"
    with pytest.raises(ClientError) as trimmed:
        table.iterator(kind="AT_SEQUENCE_NUMBER", SequenceNumber=number)
    assert code(trimmed) == "TrimmedDataAccessException"
    kept = table.iterator()
    assert table.ids(kept) == ["new"]
    monkeypatch.setattr(streams_module, "clock", lambda: system_clock() + timedelta(hours=24, minutes=17))
    with pytest.raises(ClientError) as expired:
        table.ids(kept)
    assert code(expired) == "ExpiredIteratorException"


def test_what_is_not_there_is_said(table: Table):
    streams = table.streams
    shard = {"ShardId": "shardId-00000000000000000000-00000000"}
    with pytest.raises(ClientError) as absent:
        streams.get_shard_iterator(StreamArn=table.arn, ShardIteratorType="LATEST", **shard)
    assert code(absent) == "ResourceNotFoundException"
    with pytest.raises(ClientError) as absent:
        streams.describe_stream(StreamArn=table.arn + "0")
    assert code(absent) == "ResourceNotFoundException"
    for iterator in ("nothing", f"{table.arn}|1|bm90aGluZw=="):
        with pytest.raises(ClientError) as invalid:
            streams.get_records(ShardIterator=iterator)
        assert code(invalid) == "ValidationException"
    for given in ({}, {"SequenceNumber": "1" * 21}):
        with pytest.raises(ClientError) as invalid:
            table.iterator(kind="AT_SEQUENCE_NUMBER", **given)
        assert code(invalid) == "ValidationException"


def test_a_stream_that_was_disabled_is_read_to_its_end_and_a_new_one_goes_on(table: Table):
    table.put("a")
    old = table.arn
    table.dynamodb.update_table(TableName=table.name, StreamSpecification={"StreamEnabled": False})
    table.put("between")
    assert table.described()["StreamStatus"] == "DISABLED"
    assert table.ids(table.iterator()) == ["a"]
    enabled = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    made = table.dynamodb.update_table(TableName=table.name, StreamSpecification=enabled)
    table.arn = made["TableDescription"]["LatestStreamArn"]
    table.put("b")
    assert table.described()["StreamStatus"] == "ENABLED"
    assert table.ids(table.iterator()) == ["b"]
    listed = table.streams.list_streams(TableName=table.name)["Streams"]
    assert [each["StreamArn"] for each in listed] == [old, table.arn]
    page = table.streams.list_streams(TableName=table.name, Limit=1)
    assert page["LastEvaluatedStreamArn"] == old
