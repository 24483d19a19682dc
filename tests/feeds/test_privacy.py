"""The privacy report says what reaches the target, and how many are alike."""

from __future__ import annotations

from collections import Counter
from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.feeds.privacy import SMALL, Anonymity, anonymity, treatments
from tests.examples import examples
from tests.feeds.contracts import TRANSACTIONS, feed, record
from tests.feeds.test_writer import migrated, write

QUASI = feed(
    columns={
        **TRANSACTIONS["columns"],
        "area": {"from": "postcode", "generalise": {"prefix": 2}, "quasi_identifier": True},
        "month": {"from": "booked", "type": "date", "generalise": "month", "quasi_identifier": True},
    }
)


def test_each_attribute_that_arrives_is_said_with_its_treatment():
    found = {each.column: (each.attribute, each.treatment) for each in treatments(feed())}
    assert found["person"] == ("customer.email", "pseudonymised")
    assert found["month"] == ("booked", "generalised")
    assert found["amount"] == ("amount", "kept")


def test_without_quasi_identifiers_there_is_no_number(target: psycopg.Connection[Any]):
    write(target, migrated(target), record(1))
    assert anonymity(target, feed()) == Anonymity(None, 1, 0)
    assert anonymity(target, migrated(target, QUASI)) == Anonymity(1, 1, 1)


@settings(max_examples=examples(15), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["NE1", "NE2", "SW1", None]), st.sampled_from([1, 2])), max_size=30))
def test_people_are_counted_with_those_like_them(target: psycopg.Connection[Any], told: list[tuple[str | None, int]]):
    migrated(target, QUASI)
    target.execute("TRUNCATE sluice_feeds.bi_transactions")
    for number, (code, month) in enumerate(told):
        postcode = {"S": code} if code else {"NULL": True}
        write(target, QUASI, record(1, f"t{number}", postcode=postcode, booked={"S": f"2026-0{month}-05T00:00:00Z"}))
    groups = Counter((code and code[:2], month) for code, month in told)
    small = sum(size for size in groups.values() if size < SMALL)
    assert anonymity(target, QUASI) == Anonymity(min(groups.values(), default=None), len(told), small)
