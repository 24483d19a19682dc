"""What DynamoDB refuses: the embedded AWS, and AWS's own DynamoDB Local as witness, refuse the same requests."""

from __future__ import annotations

import time

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from pipeline.emulator.dynamodb.patches import checks
from tests.dynamodb_local import BACK_ENDS, MOTO


def S(text):
    return {"S": text}


def N(text):
    return {"N": text}


def key(object_key="p", version_id="1"):
    return {"object_key": S(object_key), "version_id": S(version_id)}


TABLE = {"TableName": "refusals"}
ONE = {":v": N("1")}


@pytest.fixture(scope="module", params=BACK_ENDS)
def back_end(request):
    return request.param


@pytest.fixture(scope="module")
def client(request, back_end):
    """Of a table with an index and one item. What SDKs check themselves they are told to send."""
    endpoint = (
        request.getfixturevalue("front").endpoint if back_end == MOTO else request.getfixturevalue("dynamodb_local")
    )
    config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
    found = boto3.client("dynamodb", endpoint_url=endpoint, region_name="eu-west-1", config=config)
    found.create_table(
        **TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("object_key", "version_id", "dataset")
        ],
        KeySchema=[
            {"AttributeName": "object_key", "KeyType": "HASH"},
            {"AttributeName": "version_id", "KeyType": "RANGE"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-dataset",
                "KeySchema": [{"AttributeName": "dataset", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    found.put_item(**TABLE, Item=key() | {"dataset": S("d"), "n": N("1"), "s": S("text"), "m": {"M": {"x": N("1")}}})
    yield found
    found.delete_table(**TABLE)


def refused(client, operation, **request):
    with pytest.raises(ClientError) as error:
        getattr(client, operation)(**request)
    return error.value.response["Error"]


def nested(levels):
    value = N("1")
    for _ in range(levels):
        value = {"M": {"inner": value}}
    return value


VALUES = {
    "no type": ({}, "is empty"),
    "two types": ({"S": "a", "N": "1"}, "more than one datatypes"),
    "no number": (N("abc"), "cannot be converted"),
    "an empty number": (N(""), "cannot be converted"),
    "39 digits": (N("1" * 39), "38 significant digits"),
    "too large a number": (N("1e126"), "overflow"),
    "too small a number": (N("1e-131"), "underflow"),
    "an empty set": ({"SS": []}, "set  may not be empty"),
    "a set with a duplicate": ({"SS": ["a", "a"]}, "contains duplicates"),
    "a number twice in a set": ({"NS": ["1", "1.0"]}, "contains duplicates"),
    "a null that is false": ({"NULL": False}, "must have the value of true"),
    "33 levels": (nested(33), "Nesting Levels"),
    "too small a number within a list": ({"L": [N("x")]}, "cannot be converted"),
}


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_a_value_that_is_none_is_not_stored(client, back_end, value):
    given, words = VALUES[value]
    found = refused(client, "put_item", **TABLE, Item=key("values") | {"x": given})
    assert found["Code"] == "ValidationException"
    assert back_end != MOTO or words in found["Message"]


def test_values_at_their_limits_are_stored_and_numbers_come_back_without_what_does_not_count(client):
    numbers = {"1.50": "1.5", "007": "7", "1e3": "1000", "-0": "0", "0.10e-3": "0.0001", "-2.500": "-2.5"}
    item = {f"n{index}": N(given) for index, given in enumerate(numbers)} | {"deep": nested(31), "text": S("")}
    client.put_item(**TABLE, Item=key("limits") | item)
    found = client.get_item(**TABLE, Key=key("limits"))["Item"]
    assert [found[f"n{index}"]["N"] for index in range(len(numbers))] == list(numbers.values())


KEYS = {
    "an empty hash key": (key(""), "cannot contain an empty string value. Key: object_key"),
    "an empty range key": (key("p", ""), "cannot contain an empty string value. Key: version_id"),
    "a hash key of 2,049 bytes": (key("ä" * 1024 + "a"), "limit of 2048 bytes"),
    "a range key of 1,025 bytes": (key("p", "x" * 1025), "limit of 1024 bytes"),
    "a key without its range": ({"object_key": S("p")}, "does not match the schema"),
    "a key of another type": ({"object_key": N("1"), "version_id": S("1")}, "does not match the schema"),
    "more than the key": (key() | {"n": N("1")}, "does not match the schema"),
}
BY_KEY = {
    "get_item": lambda given: TABLE | {"Key": given},
    "delete_item": lambda given: TABLE | {"Key": given},
    "update_item": lambda given: (
        TABLE | {"Key": given, "UpdateExpression": "SET n = :v", "ExpressionAttributeValues": ONE}
    ),
    "batch_get_item": lambda given: {"RequestItems": {"refusals": {"Keys": [given]}}},
    "batch_write_item": lambda given: {"RequestItems": {"refusals": [{"DeleteRequest": {"Key": given}}]}},
}


@pytest.mark.parametrize("given", KEYS, ids=str)
def test_a_key_that_no_item_can_have_is_refused_by_every_operation(client, back_end, given):
    wrong, words = KEYS[given]
    for operation, request in BY_KEY.items():
        found = refused(client, operation, **request(wrong))
        assert found["Code"] == "ValidationException"
        assert back_end != MOTO or words in found["Message"]


def test_the_longest_keys_are_taken(client):
    longest = key("x" * 2048, "y" * 1024)
    client.put_item(**TABLE, Item=longest)
    assert client.get_item(**TABLE, Key=longest)["Item"] == longest


@pytest.mark.parametrize(
    "value", [S(""), N("1"), {"NULL": True}, S("x" * 2049)], ids=["empty", "number", "null", "long"]
)
def test_an_item_that_an_index_cannot_hold_is_refused(client, value):
    found = refused(client, "put_item", **TABLE, Item=key("indexed") | {"dataset": value})
    assert found["Code"] == "ValidationException"


NAMED = {"#p": "object_key"}
CONDITIONS = {
    "": ({}, "can not be empty"),
    "attribute_exists(object_key) AND": ({}, "Syntax error"),
    "attribute_exists(object_key": ({}, "Syntax error"),
    "n == :v": (ONE, "Syntax error"),
    "n = 5": ({}, 'Syntax error; token: "5", near: "= 5"'),
    "n = 'x'": ({}, "Syntax error"),
    "n": ({}, "Syntax error"),
    "n = :v extra": (ONE, "Syntax error"),
    "((n = :v))": (ONE, "redundant parentheses"),
    "n BETWEEN :v": (ONE, "Syntax error"),
    "m.[0] = :v": (ONE, "Syntax error"),
    "exists(object_key)": ({}, "Invalid function name; function: exists"),
    "attribute_exists(object_key, n)": ({}, "Incorrect number of operands"),
    "size(s)": ({}, "not allowed to be used this way"),
    "n = :v AND size(s)": (ONE, "not allowed to be used this way"),
    "n = :missing": ({}, "attribute value: :missing"),
    "n = :v AND n = :other": (ONE, "attribute value: :other"),
    "attribute_exists(#missing)": ({}, "attribute name: #missing"),
    "attribute_exists(status)": ({}, "reserved keyword: status"),
    "attribute_exists(object_key)": (ONE, "unused in expressions: keys: {:v}"),
    "begins_with(s, :v)": (ONE, "operator or function: begins_with, operand type: N"),
    "attribute_type(s, :v)": ({":v": S("Z")}, "Invalid attribute type name"),
    "n BETWEEN :v AND :w": (ONE | {":w": N("0")}, "upper bound to be greater"),
    "s BETWEEN :v AND :w": (ONE | {":w": S("2")}, "same data type"),
    "n < :v": ({":v": {"BOOL": True}}, "operand type: BOOL"),
    "n = n": ({}, "must be distinct"),
    "s = :v": ({":v": {"SS": []}}, "may not be empty for key :v"),
    " OR ".join(["attribute_exists(abcdefghijkl)"] * 130): ({}, "expression size: 4416"),
    " OR ".join(["n = m"] * 160): ({}, "too many operators"),
    f"n IN ({', '.join(f':v{n}' for n in range(101))})": ({f":v{n}": N(str(n)) for n in range(101)}, "operands: 101"),
}


@pytest.mark.parametrize("text", CONDITIONS, ids=lambda text: text[:32] or "nothing")
def test_a_malformed_condition_is_refused_before_anything_is_judged(client, back_end, text):
    values, words = CONDITIONS[text]
    given = {"ExpressionAttributeValues": values} if values else {}
    requests = {
        "put_item": TABLE | {"Item": key(), "ConditionExpression": text} | given,
        "delete_item": TABLE | {"Key": key(), "ConditionExpression": text} | given,
        "scan": TABLE | {"FilterExpression": text} | given,
        "transact_write_items": {
            "TransactItems": [{"ConditionCheck": TABLE | {"Key": key(), "ConditionExpression": text} | given}]
        },
    }
    for operation, request in requests.items():
        found = refused(client, operation, **request)
        assert found["Code"] == "ValidationException"
        assert back_end != MOTO or words in found["Message"]
    assert "Item" in client.get_item(**TABLE, Key=key())


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("attribute_exists(object_key)\n  AND attribute_exists(version_id)", {}),
        ("(n = :v OR n = :w) and not (attribute_exists(x))", ONE | {":w": N("0")}),
        ("n IN (:v, :w)", ONE | {":w": N("0")}),
        ("size(s) >= :v AND begins_with(s, :w)", ONE | {":w": S("te")}),
        ("m.x BETWEEN :v AND :w", ONE | {":w": N("2")}),
        ("(n = :v)", ONE),
        ("n < :w OR n = :v AND n = :v", ONE | {":w": S("a string is not compared with a number")}),
        ("attribute_type(m, :w) AND n <> :v OR n = :v", ONE | {":w": S("M")}),
        ("contains(s, :w)", {":w": S("ex")}),
        ("NOT n > :v", ONE),
    ],
)
def test_a_condition_that_holds_is_read_as_dynamodb_reads_it(client, text, values):
    given = {"ExpressionAttributeValues": values} if values else {}
    update = TABLE | {"Key": key(), "UpdateExpression": "SET\n touched = object_key", "ConditionExpression": text}
    client.update_item(**update, **given)


def test_an_update_of_nothing_makes_the_item_and_one_of_the_key_is_refused(client):
    client.update_item(**TABLE, Key=key("touched"))
    assert client.get_item(**TABLE, Key=key("touched"))["Item"] == key("touched")
    update = {"UpdateExpression": "SET object_key = :v", "ExpressionAttributeValues": {":v": S("x")}}
    assert refused(client, "update_item", **TABLE, Key=key(), **update)["Code"] == "ValidationException"


def test_a_condition_on_values_of_two_types_does_not_hold(client):
    request = {"ConditionExpression": "n < :v", "ExpressionAttributeValues": {":v": S("x")}}
    assert refused(client, "put_item", **TABLE, Item=key(), **request)["Code"] == "ConditionalCheckFailedException"


REQUESTS = {
    "names without an expression": ("get_item", TABLE | {"Key": key(), "ExpressionAttributeNames": NAMED}),
    "values without an expression": ("scan", TABLE | {"ExpressionAttributeValues": ONE}),
    "a name that is not used": (
        "get_item",
        TABLE | {"Key": key(), "ProjectionExpression": "n", "ExpressionAttributeNames": NAMED},
    ),
    "overlapping paths": ("get_item", TABLE | {"Key": key(), "ProjectionExpression": "m, m.x"}),
    "an empty projection": ("get_item", TABLE | {"Key": key(), "ProjectionExpression": ""}),
    "an update of an undefined name": (
        "update_item",
        TABLE | {"Key": key(), "UpdateExpression": "SET #x = :v", "ExpressionAttributeValues": ONE},
    ),
    "an expression and its predecessor": (
        "put_item",
        TABLE | {"Item": key(), "ConditionExpression": "attribute_exists(n)", "Expected": {"n": {"Exists": False}}},
    ),
    "an unknown index": (
        "query",
        TABLE
        | {
            "IndexName": "none",
            "KeyConditionExpression": "object_key = :v",
            "ExpressionAttributeValues": {":v": S("p")},
        },
    ),
    "a limit of nothing": ("scan", TABLE | {"Limit": 0}),
    "a start that is no key": ("scan", TABLE | {"ExclusiveStartKey": {"object_key": S("p")}}),
    "a table name of two letters": ("get_item", {"TableName": "ab", "Key": key()}),
    "a table name with a space": ("get_item", {"TableName": "a table", "Key": key()}),
    "an empty batch of reads": ("batch_get_item", {"RequestItems": {}}),
    "a batch of no keys": ("batch_get_item", {"RequestItems": {"refusals": {"Keys": []}}}),
    "a key twice in a batch": ("batch_get_item", {"RequestItems": {"refusals": {"Keys": [key(), key()]}}}),
    "26 writes in a batch": (
        "batch_write_item",
        {"RequestItems": {"refusals": [{"PutRequest": {"Item": key(str(n))}} for n in range(26)]}},
    ),
    "an item put and deleted in one batch": (
        "batch_write_item",
        {"RequestItems": {"refusals": [{"PutRequest": {"Item": key()}}, {"DeleteRequest": {"Key": key()}}]}},
    ),
    "an empty transaction": ("transact_write_items", {"TransactItems": []}),
    "101 actions": (
        "transact_write_items",
        {"TransactItems": [{"Put": TABLE | {"Item": key(str(n))}} for n in range(101)]},
    ),
    "a check of nothing": ("transact_write_items", {"TransactItems": [{"ConditionCheck": TABLE | {"Key": key()}}]}),
    "a transaction of 4 MB": (
        "transact_write_items",
        {"TransactItems": [{"Put": TABLE | {"Item": key(str(n)) | {"x": S("x" * 390_000)}}} for n in range(12)]},
    ),
    "a transaction of no reads": ("transact_get_items", {"TransactItems": []}),
    "an item read twice": ("transact_get_items", {"TransactItems": [{"Get": TABLE | {"Key": key()}}] * 2}),
}


@pytest.mark.parametrize("case", REQUESTS, ids=str)
def test_a_request_against_the_rules_is_refused(client, case):
    operation, request = REQUESTS[case]
    assert refused(client, operation, **request)["Code"] == "ValidationException"


P = {":p": S("p")}
KEY_CONDITIONS = {
    "object_key > :p": P,
    "object_key <> :p": P,
    "object_key = :p OR version_id = :p": P,
    "object_key = :p AND object_key = :p": P,
    "object_key = :p AND version_id > :p AND version_id < :p": P,
    "object_key = :p AND n = :p": P,
    "object_key = :p AND contains(version_id, :p)": P,
    "object_key IN (:p)": P,
    "version_id = :p": P,
    "object_key = :v": ONE,
    "object_key = :e": {":e": S("")},
    "object_key = :p AND begins_with(version_id, :v)": P | ONE,
    "object_key = :p AND version_id BETWEEN :p AND :v": P | {":v": S("a")},
    "object_key = :p AND": P,
    "object_key = :p AND version_id = :undefined": P,
}


@pytest.mark.parametrize("text", KEY_CONDITIONS)
def test_a_key_condition_that_no_query_can_have_is_refused(client, text):
    request = {"KeyConditionExpression": text, "ExpressionAttributeValues": KEY_CONDITIONS[text]}
    assert refused(client, "query", **TABLE, **request)["Code"] == "ValidationException"


def test_a_filter_on_a_key_is_refused_and_one_on_the_key_of_the_table_behind_an_index_is_not(client):
    query = {
        "KeyConditionExpression": "object_key = :p",
        "FilterExpression": "version_id = :p",
        "ExpressionAttributeValues": P,
    }
    assert refused(client, "query", **TABLE, **query)["Code"] == "ValidationException"
    by_index = query | {"IndexName": "by-dataset", "KeyConditionExpression": "dataset = :p"}
    assert client.query(**TABLE, **by_index)["Count"] == 0


def attribute(name, kind="S"):
    return {"AttributeName": name, "AttributeType": kind}


def schema(*names):
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"), strict=False)]


def index(name="by-a", projection=None):
    return {"IndexName": name, "KeySchema": schema("a"), "Projection": projection or {"ProjectionType": "ALL"}}


CREATIONS = {
    "a name of two letters": {"TableName": "ab"},
    "a name with a space": {"TableName": "a b c"},
    "a name of 256 letters": {"TableName": "a" * 256},
    "a key of type BOOL": {"AttributeDefinitions": [attribute("a", "BOOL")]},
    "only a range key": {"KeySchema": [{"AttributeName": "a", "KeyType": "RANGE"}]},
    "two hash keys": {
        "AttributeDefinitions": [attribute("a"), attribute("b")],
        "KeySchema": [*schema("a"), *schema("b")],
    },
    "one attribute twice in the key": {"KeySchema": schema("a", "a")},
    "an attribute of no key": {"AttributeDefinitions": [attribute("a"), attribute("b")]},
    "an index name of one letter": {"GlobalSecondaryIndexes": [index("i")]},
    "two indexes of one name": {"GlobalSecondaryIndexes": [index(), index()]},
    "an index that includes nothing": {"GlobalSecondaryIndexes": [index(projection={"ProjectionType": "INCLUDE"})]},
    "a stream without a view": {"StreamSpecification": {"StreamEnabled": True}},
    "a view without a stream": {"StreamSpecification": {"StreamEnabled": False, "StreamViewType": "KEYS_ONLY"}},
}


@pytest.mark.parametrize("case", CREATIONS, ids=str)
def test_a_table_that_cannot_be_is_not_made(client, case):
    fine = {
        "TableName": "made",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [attribute("a")],
        "KeySchema": schema("a"),
    }
    assert refused(client, "create_table", **fine | CREATIONS[case])["Code"] == "ValidationException"
    assert "made" not in client.list_tables()["TableNames"]


def test_a_time_to_live_of_no_table_is_not_found(client):
    ttl = {"TimeToLiveSpecification": {"Enabled": True, "AttributeName": "t"}}
    assert refused(client, "update_time_to_live", TableName="none", **ttl)["Code"] == "ResourceNotFoundException"


def test_a_transaction_with_the_token_of_another_is_done_once_and_with_other_items_refused(client):
    condition = {"ConditionExpression": "attribute_not_exists(#p)", "ExpressionAttributeNames": NAMED}
    request = {"TransactItems": [{"Put": TABLE | {"Item": key("once")} | condition}], "ClientRequestToken": "token-1"}
    client.transact_write_items(**request)
    client.transact_write_items(**request)
    other = request | {"TransactItems": [{"Put": TABLE | {"Item": key("twice")}}]}
    assert refused(client, "transact_write_items", **other)["Code"] == "IdempotentParameterMismatchException"
    assert "Item" not in client.get_item(**TABLE, Key=key("twice"))


def test_a_token_is_forgotten_after_ten_minutes(front, aws, monkeypatch):
    client, now = aws("dynamodb"), [time.monotonic()]
    monkeypatch.setattr(checks, "clock", lambda: now[0])
    client.create_table(
        TableName="tokens",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[attribute("a")],
        KeySchema=schema("a"),
    )
    absent = {"ConditionExpression": "attribute_not_exists(a)"}
    request = {"TransactItems": [{"Put": {"TableName": "tokens", "Item": {"a": S("1")}} | absent}]}
    client.transact_write_items(**request, ClientRequestToken="old")
    now[0] += checks.TOKEN_SECONDS - 1
    client.transact_write_items(**request, ClientRequestToken="old")
    now[0] += 2
    assert refused(client, "transact_write_items", **request, ClientRequestToken="old")["Code"] == (
        "TransactionCanceledException"
    )


def test_pages_of_an_index_and_of_a_scan_follow_one_another(client):
    for number in range(5):
        client.put_item(**TABLE, Item=key(f"page{number}") | {"dataset": S("paged")})
    query = {"KeyConditionExpression": "dataset = :d", "ExpressionAttributeValues": {":d": S("paged")}}
    for operation, request in (
        ("query", query | {"IndexName": "by-dataset"}),
        ("scan", {"FilterExpression": "dataset = :d", "ExpressionAttributeValues": {":d": S("paged")}}),
    ):
        found, start = [], {}
        while True:
            page = getattr(client, operation)(**TABLE, **request, Limit=2, **start)
            found += [item["object_key"]["S"] for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        assert sorted(found) == [f"page{number}" for number in range(5)]
