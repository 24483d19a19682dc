"""What is done at once does what moto does, and an item that was read stays as it was."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from moto.dynamodb.comparisons import get_filter_expression
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.parsing.executors import UpdateExpressionExecutor
from moto.dynamodb.parsing.expressions import UpdateExpressionParser
from moto.dynamodb.parsing.validators import UpdateExpressionValidator

from pipeline.emulator.dynamodb.conditions import holds
from pipeline.emulator.dynamodb.patches.updates import steps, updated
from pipeline.emulator.moto.patch import install_all

KINDS = [{"AttributeName": "path", "AttributeType": "S"}, {"AttributeName": "place", "AttributeType": "S"}]
TABLE = SimpleNamespace(attr=KINDS, table_key_attrs=["path"], attribute_keys=["path", "place"])
ATTRIBUTES = ("a", "b", "list", "place")
NAMES = {f"#{name}": name for name in (*ATTRIBUTES, "path", "absent")}
values = st.one_of(
    st.sampled_from(["", "x", "y", "10"]).map(lambda text: {"S": text}),
    st.sampled_from(["1", "2", "10"]).map(lambda text: {"N": text}),
    st.lists(st.sampled_from([{"S": "x"}, {"N": "1"}]), max_size=3).map(lambda each: {"L": each}),
    st.sampled_from([{"NULL": True}, {"BOOL": False}, {"SS": ["x"]}, {"M": {"k": {"S": "x"}}}]),
)
items = st.dictionaries(st.sampled_from(ATTRIBUTES), values).map(
    lambda given: Item(DynamoType({"S": "p"}), None, {"path": {"S": "p"}, **given})
)
names = st.sampled_from(sorted(NAMES))
marks = st.sampled_from([":1", ":2", ":3"])
sets = st.one_of(
    st.builds("{} = {}".format, names, marks),
    st.builds("{} = list_append(if_not_exists({}, {}), {})".format, names, names, marks, marks),
    st.builds("{} = if_not_exists({}, {})".format, names, names, marks),
)


@st.composite
def updates(draw: st.DrawFn) -> str:
    set_of, removed = draw(st.lists(sets, max_size=3)), draw(st.lists(names, max_size=2))
    clauses = [("SET ", set_of), ("REMOVE ", removed)]
    return " ".join(word + ", ".join(each) for word, each in clauses if each) or "SET #a = :1"


@pytest.fixture(scope="module", autouse=True)
def _installed():
    install_all()


@settings(deadline=None)
@given(items, updates(), st.fixed_dictionaries({":1": values, ":2": values, ":3": values}))
def test_an_update_does_what_moto_does(item, text, given_values):
    before = item.to_json()
    found = updated(TABLE, item, text, NAMES, given_values)
    assert item.to_json() == before
    if found is None:
        return
    theirs = copy.deepcopy(item)
    parsed = UpdateExpressionParser.make(text)
    checked = UpdateExpressionValidator(parsed, NAMES, given_values, theirs, TABLE).validate()
    checked.normalize()
    UpdateExpressionExecutor(checked, theirs, NAMES).execute()
    assert found.to_json() == theirs.to_json()


@pytest.mark.parametrize(
    "text",
    [
        "SET #a = :1",
        "SET #a = :1, #b = :2 REMOVE #list",
        "SET #list = list_append(if_not_exists(#list, :1), :2)",
        "REMOVE #a, #b",
        "SET #a = if_not_exists(#list, :1), #b = :2",
    ],
)
def test_the_usual_form_is_known(text):
    item = Item(DynamoType({"S": "p"}), None, {"path": {"S": "p"}, "a": {"S": "x"}})
    assert updated(TABLE, item, text, NAMES, {":1": {"L": []}, ":2": {"L": [{"S": "x"}]}}) is not None


@pytest.mark.parametrize(
    "text",
    ["", "set #a = :1", "SET a = :1", "SET #a = #b", "SET #a.#b = :1", "SET #a = :1,", "ADD #a :1", "SET #a = :1 + :2",
     "SET #a = :1REMOVE #b", "SET #a = :1 REMOVE", "SET #a = :1 REMOVE #b SET #list = :1", "REMOVE #a REMOVE #b"],
)  # fmt: skip
def test_any_other_form_is_left_to_moto(text):
    assert steps(text) is None


operands = st.one_of(names, marks)
comparisons = st.one_of(
    st.builds("{} {} {}".format, operands, st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), operands),
    st.builds("{} IN ({}, {})".format, names, marks, marks),
    st.builds("{}({})".format, st.sampled_from(["attribute_exists", "attribute_not_exists"]), names),
)
conditions = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.builds("({}) {} ({})".format, inner, st.sampled_from(["AND", "OR"]), inner),
        inner.map("NOT ({})".format),
    ),
    max_leaves=4,
)


@settings(deadline=None)
@given(st.none() | items, conditions, st.fixed_dictionaries({":1": values, ":2": values, ":3": values}))
def test_a_condition_says_what_moto_says(item, text, given_values):
    found = holds(text, NAMES, given_values, item)
    if found is not None:
        assert found == bool(get_filter_expression(text, NAMES, given_values).expr(item))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("attribute_not_exists(#a)", False),
        ("#a = :1 AND attribute_exists(#path)", True),
        ("#a IN (:2, :1)", True),
        ("NOT #a = :1", False),
        ("attribute_not_exists(#absent) OR #a = :2", True),
        ("attribute_not_exists(#absent) OR #absent < :1", None),
        ("size(#a) = :1", None),
        ("#a = :9", None),
    ],
)
def test_the_usual_conditions_are_known(text, said):
    item = Item(DynamoType({"S": "p"}), None, {"path": {"S": "p"}, "a": {"S": "x"}})
    assert holds(text, NAMES, {":1": {"S": "x"}, ":2": {"S": "y"}}, item) is said


@pytest.fixture(scope="module")
def table(aws):
    client = aws("dynamodb")
    client.create_table(
        TableName="updated",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "path", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "path", "KeyType": "HASH"}],
    )
    return client


@pytest.mark.parametrize("text", ["SET #a = :large", "SET #a = :large, b = :large"])
def test_an_item_that_would_be_too_large_stays_as_it_was(table, text):
    key = {"TableName": "updated", "Key": {"path": {"S": "p"}}}
    table.put_item(TableName="updated", Item={"path": {"S": "p"}, "a": {"S": "x"}})
    with pytest.raises(ClientError, match="exceeded the maximum"):
        table.update_item(
            **key,
            UpdateExpression=text,
            ExpressionAttributeNames={"#a": "a"},
            ExpressionAttributeValues={":large": {"S": "x" * 410_000}},
        )
    assert table.get_item(**key)["Item"] == {"path": {"S": "p"}, "a": {"S": "x"}}
