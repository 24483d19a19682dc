"""Conditions under threads, transactions, limits."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

TABLE = "items"


@pytest.fixture(scope="module")
def table(aws):
    client = aws("dynamodb")
    names = ["path", "version_id"]
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
        KeySchema=[{"AttributeName": "path", "KeyType": "HASH"}, {"AttributeName": "version_id", "KeyType": "RANGE"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return client


def key(path):
    return {"path": {"S": path}, "version_id": {"S": "1"}}


def put(path, value="0", **more):
    return {"TableName": TABLE, "Item": key(path) | {"n": {"N": value}}, **more}


IF_ABSENT = {"ConditionExpression": "attribute_not_exists(#p)", "ExpressionAttributeNames": {"#p": "path"}}
OLD = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}


def test_of_eight_concurrent_conditional_puts_one_wins(table):
    def attempt(number):
        try:
            table.put_item(**put("won", str(number)), **IF_ABSENT)
            return 1
        except table.exceptions.ConditionalCheckFailedException:
            return 0

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(64))) == 1


def test_concurrent_conditional_updates_count_without_loss(table):
    table.put_item(**put("counter"))

    def increment(_):
        while True:
            n = table.get_item(TableName=TABLE, Key=key("counter"), ConsistentRead=True)["Item"]["n"]["N"]
            try:
                table.update_item(
                    TableName=TABLE,
                    Key=key("counter"),
                    UpdateExpression="SET n = :new",
                    ConditionExpression="n = :old",
                    ExpressionAttributeValues={":new": {"N": str(int(n) + 1)}, ":old": {"N": n}},
                )
                return
            except table.exceptions.ConditionalCheckFailedException:
                continue

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(increment, range(40)))
    assert table.get_item(TableName=TABLE, Key=key("counter"))["Item"]["n"] == {"N": "40"}


def test_a_failed_condition_returns_the_old_item_on_put_update_and_delete(table):
    table.put_item(**put("old", "7"))
    update = {
        "TableName": TABLE,
        "Key": key("old"),
        "UpdateExpression": "SET n = :n",
        "ExpressionAttributeValues": {":n": {"N": "1"}},
    }
    calls = [
        lambda: table.put_item(**put("old"), **IF_ABSENT, **OLD),
        lambda: table.update_item(**update, **IF_ABSENT, **OLD),
        lambda: table.delete_item(TableName=TABLE, Key=key("old"), **IF_ABSENT, **OLD),
    ]
    for call in calls:
        with pytest.raises(ClientError) as failed:
            call()
        assert failed.value.response["Item"] == key("old") | {"n": {"N": "7"}}


def test_a_cancelled_transaction_names_each_reason_and_changes_nothing(table):
    table.put_item(**put("present", "1"))
    actions = [{"Put": put("absent")}, {"Put": put("present", "2", **IF_ABSENT, **OLD)}]
    with pytest.raises(table.exceptions.TransactionCanceledException) as cancelled:
        table.transact_write_items(TransactItems=actions)
    first, second = cancelled.value.response["CancellationReasons"]
    assert first["Code"] == "None"
    assert second["Code"] == "ConditionalCheckFailed"
    assert second["Item"] == key("present") | {"n": {"N": "1"}}
    assert "Item" not in table.get_item(TableName=TABLE, Key=key("absent"))


def test_a_transaction_checks_puts_updates_and_deletes_together(table):
    for path in ("checked", "updated", "deleted"):
        table.put_item(**put(path))
    condition = {"ConditionExpression": "attribute_exists(#p)", "ExpressionAttributeNames": {"#p": "path"}}
    update = {"UpdateExpression": "SET n = :n", "ExpressionAttributeValues": {":n": {"N": "5"}}}
    table.transact_write_items(
        TransactItems=[
            {"ConditionCheck": {"TableName": TABLE, "Key": key("checked")} | condition},
            {"Update": {"TableName": TABLE, "Key": key("updated")} | condition | update},
            {"Delete": {"TableName": TABLE, "Key": key("deleted")} | condition},
            {"Put": put("created")},
        ]
    )
    assert table.get_item(TableName=TABLE, Key=key("updated"))["Item"]["n"] == {"N": "5"}
    assert "Item" not in table.get_item(TableName=TABLE, Key=key("deleted"))
    assert "Item" in table.get_item(TableName=TABLE, Key=key("created"))


@pytest.fixture
def records(aws, table):
    """Everything in the table's stream, by calling it."""
    streams = aws("dynamodbstreams")
    arn = table.describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]

    def read():
        start = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        return streams.get_records(ShardIterator=start["ShardIterator"])["Records"]

    return read


def test_a_write_that_fails_late_undoes_the_earlier_ones_and_their_stream_records(table, records):
    table.put_item(**put("text"))
    before = len(records())
    impossible = {
        "TableName": TABLE,
        "Key": key("text"),
        "UpdateExpression": "SET n = n + :s",
        "ExpressionAttributeValues": {":s": {"S": "not a number"}},
    }
    with pytest.raises(ClientError):
        table.transact_write_items(TransactItems=[{"Put": put("undone")}, {"Update": impossible}])
    assert "Item" not in table.get_item(TableName=TABLE, Key=key("undone"))
    assert len(records()) == before


def test_a_write_that_changes_nothing_is_no_record_of_the_stream(table, records):
    table.put_item(**put("same"))
    before = len(records())
    table.put_item(**put("same"))
    assert len(records()) == before


def test_an_update_that_makes_an_item_is_one_insertion_of_all_of_it(table, records):
    before = len(records())
    for value in ("1", "2"):
        table.update_item(
            TableName=TABLE,
            Key=key("upserted"),
            UpdateExpression="SET n = :n",
            ExpressionAttributeValues={":n": {"N": value}},
        )
    inserted, modified = records()[before:]
    assert (inserted["eventName"], modified["eventName"]) == ("INSERT", "MODIFY")
    assert inserted["dynamodb"]["NewImage"]["n"] == {"N": "1"}
    assert inserted["awsRegion"] == "eu-west-1"
    numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in records()]
    assert numbers == sorted(set(numbers))


def test_of_concurrent_transactions_for_a_lock_one_wins(table):
    def attempt(number):
        actions = [{"Put": put("lock", str(number), **IF_ABSENT)}, {"Put": put(f"batch{number}")}]
        try:
            table.transact_write_items(TransactItems=actions)
            return number
        except table.exceptions.TransactionCanceledException:
            return None

    with ThreadPoolExecutor(8) as pool:
        winners = [number for number in pool.map(attempt, range(32)) if number is not None]
    assert len(winners) == 1
    batches = [n for n in range(32) if "Item" in table.get_item(TableName=TABLE, Key=key(f"batch{n}"))]
    assert batches == winners


def test_a_transaction_costs_the_same_in_a_large_table(table):
    from moto.dynamodb.models import dynamodb_backends

    backend = dynamodb_backends["123456789012"]["eu-west-1"]
    for number in range(5000):
        backend.put_item(TABLE, key(f"filler{number}") | {"n": {"N": "1"}})
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        table.transact_write_items(TransactItems=[{"Put": put("one")}, {"Put": put("two")}])
        seconds.append(time.perf_counter() - started)
    # Copying the table takes half a second.
    assert min(seconds) < 0.1


def test_more_than_25_items_a_batch_and_100_actions_a_transaction_are_refused(table):
    items = [{"PutRequest": {"Item": put(f"many{n}")["Item"]}} for n in range(26)]
    with pytest.raises(ClientError, match="Too many items requested for the BatchWriteItem call"):
        table.batch_write_item(RequestItems={TABLE: items})
    table.batch_write_item(RequestItems={TABLE: items[:25]})
    actions = [{"Put": put(f"many{n}")} for n in range(101)]
    with pytest.raises(ClientError, match="less than or equal to 100"):
        table.transact_write_items(TransactItems=actions)
    table.transact_write_items(TransactItems=actions[:100])
