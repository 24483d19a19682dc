"""A proposed contract is one that the sample fits, in which what leads to a person is pseudonymised or left out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.definitions.yaml_values import read_yaml
from pipeline.core.errors import BadInput
from pipeline.feeds.changes import Change, Decoder
from pipeline.feeds.definition import Feed
from pipeline.feeds.proposal import propose
from tests.examples import examples
from tests.feeds.contracts import KEYRING

ITEM: dict[str, Any] = {
    "id": {"S": "t1"},
    "customer": {"M": {"email": {"S": "ada@example.org"}, "firstName": {"S": "Ada"}, "customerId": {"N": "77"}}},
    "payerIban": {"S": "DE89370400440532013000"},
    "who": {"S": "+44 20 7946 0958"},
    "amount": {"N": "12.50"},
    "currency": {"S": "EUR"},
    "bookedAt": {"S": "2026-03-31T23:30:00Z"},
    "postcode": {"S": "NE1 4ST"},
    "dateOfBirth": {"S": "1990-01-01"},
    "note": {"S": "for Ada"},
    "paid": {"BOOL": True},
    "tags": {"SS": ["a"]},
    "odd.count": {"N": "1"},
}


def proposed(*items: dict[str, Any], key: tuple[str, ...] = ("id",)) -> dict[str, Any]:
    return propose("payments", "payments", key, items).feed.model_dump(by_alias=True, exclude_defaults=True)


def test_what_leads_to_a_person_is_pseudonymised_or_left_out():
    found = proposed(*({**ITEM, "id": {"S": f"t{number}"}} for number in range(4)))
    assert {name: said.get("pseudonymise") for name, said in found["columns"].items() if "pseudonymise" in said} == {
        "email": "email",
        "customer_id": "person",
        "payer_iban": "account",
        "who": "phone",
    }
    kept = {name: said.get("type", "text") for name, said in found["columns"].items() if "pseudonymise" not in said}
    assert kept.pop("postcode") == "text"
    assert kept == {
        "id": "text",
        "amount": "decimal(9,1)",
        "currency": "text",
        "booked_at": "timestamp",
        "paid": "boolean",
        "odd_count": "bigint",
    }
    assert set(found["dropped"]) == {"dateOfBirth", "note", "tags"}


def test_what_speaks_for_a_treatment_is_said():
    notes = propose("payments", "payments", ["id"], [{**ITEM, "id": {"S": f"t{number}"}} for number in range(4)]).notes
    assert notes["who"] == "looks like phone numbers: 4 of 4 values"
    assert notes["customer.customerId"] == "looks like somebody's number: by its name"
    assert notes["note"] == "looks like free text: by its name"
    assert notes["id"] == "of the key"


def test_no_value_is_in_what_is_proposed():
    text = propose("payments", "payments", ["id"], [ITEM]).text
    for value in ("ada@example.org", "Ada", "77", "DE89", "7946", "NE1", "1990", "EUR"):
        assert value not in text


def test_a_key_that_leads_to_a_person_is_pseudonymised():
    items = [{"customer_id": {"S": f"c{n}"}, "at": {"S": "2026-01-01T00:00:00Z"}, "v": {"N": "1"}} for n in range(3)]
    found = proposed(*items, key=("customer_id", "at"))
    assert found["columns"]["customer_id"]["pseudonymise"] == "person_key"
    assert found["namespaces"] == {"person_key": {"identifier": "exact"}}
    assert found["columns"]["at"] == {"from": "at"}
    assert found["target"]["key"] == ("customer_id", "at")


@pytest.mark.parametrize("items", [[], [{"id": {"B": b"x"}}], [{"id": {"NULL": True}}]])
def test_without_a_key_or_items_nothing_is_proposed(items: list[dict[str, Any]]):
    with pytest.raises(BadInput):
        propose("payments", "payments", ["id"], items)


NAMES = st.sampled_from([*ITEM, "Amount", "x y", "ünï", "null", "1st", "a'b", 'q"q', "a\nb", "sluice_x", "i.d"])
VALUES = st.one_of(
    st.builds(lambda number: {"N": str(number)}, st.integers(-(10**30), 10**30)),
    st.builds(lambda number: {"N": str(number)}, st.decimals(-(10**6), 10**6, places=3)),
    st.builds(lambda text: {"S": text}, st.sampled_from(["a", "2026-01-01", "2026-01-01T00:00:00Z", "", "x" * 50])),
    st.sampled_from(list(ITEM.values())),
    st.just({"NULL": True}),
    st.just({"L": [{"S": "a"}]}),
)


@settings(max_examples=examples(150))
@given(st.lists(st.dictionaries(NAMES, VALUES), min_size=1, max_size=6))
def test_the_sample_fits_what_is_proposed_of_it(items: list[dict[str, Any]]):
    items = [{**item, "id": {"S": f"t{number}"}} for number, item in enumerate(items)]
    found = propose("payments", "payments", ["id"], items)
    document = read_yaml(found.text.encode())
    assert document.problems == []
    assert Feed.model_validate(document.value) == found.feed
    decoder = Decoder(found.feed, KEYRING, dict.fromkeys(found.feed.namespaces, 1))
    for item in items:
        row = decoder.of_item(item)
        assert isinstance(row, Change), row
        assert not decoder.unknown({name: value for name, value in item.items() if "M" not in value})
