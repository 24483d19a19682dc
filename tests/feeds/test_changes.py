"""What records become: exact values, pseudonyms, coarser ones; a refusal, without any value, of what does not fit."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import Misconfigured
from pipeline.feeds.changes import Change, Decoder, Refusal, newest
from pipeline.feeds.definition import Feed
from tests.examples import examples
from tests.feeds.contracts import KEYRING, TRANSACTIONS, VERSIONS, feed, item, record


def decoder(contract: Feed | None = None) -> Decoder:
    return Decoder(contract or feed(), KEYRING, VERSIONS)


def row(**attributes: Any) -> dict[str, Any]:
    found = decoder().of_item(item(**attributes))
    assert isinstance(found, Change), found
    assert found.values
    return dict(zip(TRANSACTIONS["columns"], found.values, strict=True))


def test_an_item_becomes_a_row_by_the_contract_and_nothing_else_of_it():
    found = row()
    person, card = found.pop("person"), found.pop("card")
    assert {len(person), len(card)} == {64}
    assert found == {
        "transaction_id": "t1",
        "amount": Decimal("12.5"),
        "amount_band": "0 to below 100",
        "booked_at": datetime(2026, 4, 1, 1, 30, tzinfo=UTC),
        "month": date(2026, 4, 1),
        "area": "NE",
    }


@pytest.mark.parametrize("nothing", [{"NULL": True}, None])
def test_null_and_missing_stay_null(nothing: Any):
    attributes = {name: nothing for name in ("card_number", "amount", "booked", "postcode", "customer") if nothing}
    given_item = {name: value for name, value in item(**attributes).items() if nothing or name == "id"}
    found = decoder().of_item(given_item)
    assert isinstance(found, Change)
    assert found.values == ("t1", *[None] * 7)


SECRETS = ("Ada", "4000", "NE1", "777.777", "9999-12-31T23:59:59-23:00")


@pytest.mark.parametrize(
    ("attributes", "column", "reason"),
    [
        ({"amount": {"S": "777.777"}}, "amount", "is a text and no number"),
        ({"amount": {"N": "777.777"}}, "amount", "more than 2 digits behind the point"),
        ({"amount": {"N": "77777777777.7"}}, "amount", "more than 10 digits before the point"),
        ({"amount": {"N": "1E+125"}}, "amount", "more than 10 digits before the point"),
        ({"amount": {"Q": "777.777"}}, "amount", "of a type that is not known here"),
        ({"customer": {"S": "Ada"}}, "person", "is a text and no map that holds email"),
        ({"customer": {"M": {"email": {"M": {"x": {"S": "Ada"}}}}}}, "person", "is a map and no text"),
        ({"card_number": {"SS": ["4000"]}}, "card", "is a set and no text"),
        ({"customer": {"M": {"email": {"S": "Ada\ud800"}}}}, "person", "is no text"),
        ({"booked": {"S": "2026-01-01T00:00:00"}}, "booked_at", "is a time without a zone"),
        ({"booked": {"S": "2026-01-01"}}, "booked_at", "is a date without a time"),
        ({"booked": {"S": "9999-12-31T23:59:59-23:00"}}, "booked_at", "is beyond the years 1 to 9999"),
        ({"booked": {"N": "1"}}, "booked_at", "is a number and no date or time"),
        ({"postcode": {"S": "NE1\x00"}}, "area", "U+0000"),
    ],
)
def test_what_does_not_fit_is_refused_without_its_value(attributes: dict[str, Any], column: str, reason: str):
    found = decoder().of_item(item(**attributes), 7)
    assert isinstance(found, Refusal)
    assert (found.column, found.sequence, found.key) == (column, 7, ("t1",))
    assert reason in found.reason
    assert not any(secret in found.reason for secret in SECRETS)


def with_key(type_: Any, *more: str) -> Feed:
    """A contract whose key is an attribute of this type, and further texts."""
    columns = {"day": type_, **dict.fromkeys(more, "text"), "amount": "bigint"}
    key = ["day", *more]
    return feed(columns=columns, namespaces={}, source={"table": "x-y", "key": key}, target={"table": "x", "key": key})


@pytest.mark.parametrize(
    ("type_", "spelt", "other", "reason"),
    [
        ("date", "2026-01-31", "2026-W05-6", "year, month and day with hyphens"),
        ("bigint", "0", "-0", "a key has one spelling, 0"),
        ("decimal(9,2)", "0", "-0", "a key has one spelling, 0"),
        ("double", "0", "-0", "a key has one spelling, 0"),
        ({"type": "timestamp", "written_as": "epoch_seconds"}, "0", "-0", "a key has one spelling, 0"),
    ],
)
def test_a_key_has_one_spelling(type_: Any, spelt: str, other: str, reason: str):
    """Else two items would be one row, and the one's deletion the other's."""
    decode = decoder(with_key(type_))
    assert isinstance(decode.of_item({"day": {"S": spelt}}), Change)
    refused = decode.of_item({"day": {"S": other}})
    assert isinstance(refused, Refusal)
    assert reason in refused.reason
    gone = {"eventName": "REMOVE", "dynamodb": {"Keys": {"day": {"S": other}}, "SequenceNumber": "1"}}
    assert [type(found) for found in decode.decode([gone])] == [Refusal]
    # Elsewhere than in the key it is the value that it is.
    columns = {"id": "text", "x": type_}
    elsewhere = decoder(feed(columns=columns, namespaces={}, target={"table": "x", "key": ["id"]}))
    assert isinstance(elsewhere.of_item({"id": {"S": "a"}, "x": {"S": other}}), Change)


@pytest.mark.parametrize("how", [{}, {"generalise": {"prefix": 20}}])
@pytest.mark.parametrize("text", ["half \ud83d", "\udc00", "é\ud800"])
def test_half_of_a_character_is_refused_wherever_a_text_is_kept(how: dict[str, Any], text: str):
    found = decoder(feed(columns={"transaction_id": {"from": "id"}, "x": how})).of_item(
        {"id": {"S": "t1"}, "x": {"S": text}}, 4
    )
    assert found == Refusal(4, "x", "is no text: it has half of a character", ("t1",))
    assert isinstance(decoder().of_item(item(text)), Refusal)


def test_a_key_that_no_index_takes_is_refused():
    decode = decoder(with_key("text", "more"))
    fits = {"day": {"S": "é" * 1000}, "more": {"S": "x" * 500}}
    assert isinstance(decode.of_item(fits), Change)
    for event in ("MODIFY", "REMOVE"):
        keys = {**fits, "more": {"S": "x" * 501}}
        told = {"eventName": event, "dynamodb": {"Keys": keys, "NewImage": keys, "SequenceNumber": "1"}}
        [found] = decode.decode([told])
        assert isinstance(found, Refusal)
        assert "longer than 2500 bytes" in found.reason


def test_a_record_without_its_key_is_refused():
    for event in ("REMOVE", "MODIFY"):
        told = record(3, event=event)
        told["dynamodb"]["Keys"] = {"id": {"NULL": True}}
        if event != "REMOVE":
            told["dynamodb"]["NewImage"]["id"] = {"NULL": True}
        assert list(decoder().decode([told])) == [Refusal(3, "transaction_id", "is null, and of the key")]


def test_a_removal_needs_the_keys_alone():
    assert list(decoder().decode([record(9, event="REMOVE")])) == [Change(("t1",), 9, None)]


def test_a_stream_that_does_not_say_what_items_are_like_is_a_wrong_setting():
    told = record(1)
    del told["dynamodb"]["NewImage"]
    with pytest.raises(Misconfigured, match="view type"):
        list(decoder().decode([told]))


def test_attributes_that_nobody_named_are_told_apart_from_those_dropped():
    assert decoder().unknown(item(iban={"S": "x"})) == {"iban"}


@pytest.mark.parametrize(
    ("type_", "attribute", "value"),
    [
        ("bigint", {"N": "1E+3"}, 1000),
        ("bigint", {"S": "42"}, 42),
        ("bigint", {"N": "-9223372036854775808"}, -(2**63)),
        ("double", {"N": "0.1"}, 0.1),
        ("boolean", {"BOOL": False}, False),
        ("text", {"N": "1.50"}, "1.5"),
        ("text", {"N": "1E+3"}, "1000"),
        ("date", {"S": "2026-02-28"}, date(2026, 2, 28)),
        ("timestamp", {"S": "2026-02-28T00:00:00.123456000Z"}, datetime(2026, 2, 28, 0, 0, 0, 123456, UTC)),
        ("decimal(38,0)", {"N": "9" * 38}, Decimal("9" * 38)),
        ("decimal(38,2)", {"N": "9" * 36 + ".01"}, Decimal("9" * 36 + ".01")),
    ],
)
def test_kept_values_are_exact(type_: str, attribute: dict[str, Any], value: Any):
    columns = {"transaction_id": {"from": "id"}, "x": type_}
    found = decoder(feed(columns=columns)).of_item({"id": {"S": "t1"}, "x": attribute})
    assert isinstance(found, Change)
    assert found.values == ("t1", value)
    assert type(found.values[1]) is type(value)


@pytest.mark.parametrize(
    ("type_", "attribute"),
    [
        ("bigint", {"S": "0042"}),
        ("bigint", {"N": "1.5"}),
        ("bigint", {"N": "9223372036854775808"}),
        ("double", {"N": "0.12345678901234567890"}),
        ("double", {"N": "1E+400"}),
        ("boolean", {"N": "1"}),
        ("boolean", {"S": "true"}),
        ("boolean", {"BOOL": "false"}),
        ("text", {"BOOL": True}),
        ("date", {"S": "2026-02-30"}),
        ("date", {"S": "2026-02-28T00:00:00Z"}),
        ("date", {"S": "28/02/2026"}),
        ("timestamp", {"S": "2026-02-28T00:00:00.1234567Z"}),
        ("timestamp", {"S": "20260228T000000,0000001+01:00"}),
    ],
)
def test_what_a_type_cannot_hold_exactly_is_refused(type_: str, attribute: dict[str, Any]):
    columns = {"transaction_id": {"from": "id"}, "x": type_}
    found = decoder(feed(columns=columns)).of_item({"id": {"S": "t1"}, "x": attribute})
    assert isinstance(found, Refusal), found


ATTRIBUTE = st.recursive(
    st.one_of(
        st.builds(lambda text: {"S": text}, st.just("Ada7777 canary")),
        st.builds(lambda number: {"N": str(number)}, st.decimals(allow_nan=False, allow_infinity=False)),
        st.just({"NULL": True}),
        st.just({"BOOL": True}),
        st.just({"B": "Ada7777"}),
        st.just({"SS": ["Ada7777"]}),
    ),
    lambda inner: st.one_of(
        st.builds(lambda value: {"M": {"email": value}}, inner), st.builds(lambda value: {"L": [value]}, inner)
    ),
    max_leaves=4,
)


@settings(max_examples=examples(200))
@given(st.dictionaries(st.sampled_from([*item(), "other"]), ATTRIBUTE))
def test_no_item_raises_and_no_personal_value_comes_through(attributes: dict[str, Any]):
    found = decoder().of_item({**item(), **attributes, "id": {"S": "t1"}, "postcode": {"S": "AB1"}})
    text = json.dumps([getattr(found, "values", None), getattr(found, "reason", None)], default=str)
    assert "Ada7777" not in text
    assert "canary" not in text


@settings(max_examples=examples(100))
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9)), max_size=12))
def test_the_newest_of_each_key_stays_in_the_keys_order(told: list[tuple[str, int]]):
    changes = [Change((key,), sequence, (key, sequence)) for key, sequence in told]
    expected = {key: max(sequence for other, sequence in told if other == key) for key, _ in told}
    assert [(change.key[0], change.sequence) for change in newest(changes)] == sorted(expected.items())
