"""A person's rows leave the target for good, in every feed, and what is said of it leads to nobody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from pipeline.core.errors import BadInput
from pipeline.feeds.erasure import Erased, erase
from pipeline.feeds.refusals import key_as_text
from pipeline.feeds.rotation import advance
from tests.feeds.contracts import KEYRING, TRANSACTIONS, feed, record
from tests.feeds.test_writer import FIRST, migrated, rows, write


def of(email: str) -> dict[str, Any]:
    return {"customer": {"M": {"email": {"S": email}}}}


def test_a_person_is_erased_everywhere_and_stays_so(target: psycopg.Connection[Any]):
    contract = migrated(target)
    other = migrated(target, feed(feed="payments", target={"table": "payments", "key": ["transaction_id"]}))
    write(target, contract, record(1, **of("ada@x")), record(2, "t2", **of("bob@x")), record(3, "t3", **of("ada@x")))
    write(target, other, record(1, **of("ada@x")))
    advance(target, "person", KEYRING)

    expected = [Erased("payments", "bi.payments", 1), Erased("transactions", "bi.transactions", 2)]
    assert erase(target, contract, "person", " ADA@x", KEYRING, dry_run=True) == expected
    assert len(rows(target)) == 3
    assert erase(target, contract, "person", " ADA@x", KEYRING, dry_run=False) == expected
    assert [row[0] for row in rows(target)] == ["t2"]
    assert sum(found.rows for found in erase(target, contract, "person", "ada@x", KEYRING, dry_run=True)) == 0

    write(target, contract, record(1, **of("ada@x")))
    assert [row[0] for row in rows(target)] == ["t2"]
    left = target.execute("SELECT * FROM sluice_feeds.bi_transactions WHERE sluice_deleted ORDER BY 1").fetchall()
    assert [row[0] for row in left] == ["t1", "t3"]
    assert all(value is None for row in left for value in row[1:-3])


PERSONAL_KEY = {
    "source": {"table": "transactions", "key": ["id", "at"]},
    "target": {"table": "transactions", "key": ["who", "at"]},
    "namespaces": {**TRANSACTIONS["namespaces"], "who": {"identifier": "exact"}},
    "columns": {
        "who": {"from": "id", "pseudonymise": "who"},
        "at": "date",
        **{name: said for name, said in TRANSACTIONS["columns"].items() if name != "transaction_id"},
    },
}


def put_aside(target: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return target.execute("SELECT sequence::int, key FROM sluice_feeds.refused ORDER BY 1").fetchall()


def test_keys_of_what_was_put_aside_are_erased_and_follow_a_new_key(target: psycopg.Connection[Any]):
    """They are pseudonyms, or lead to the rows of the person."""
    contract = migrated(target, feed(**PERSONAL_KEY))
    day = {"at": {"S": "2026-03-01"}}

    def told(sequence: int, key: str, **changed: Any) -> dict[str, Any]:
        found = record(sequence, key, **day, **changed)
        found["dynamodb"]["Keys"] |= day
        return found

    bad = {"amount": {"BOOL": True}}
    write(target, contract, told(1, "ada", **of("ada@x")), told(2, "bob", **of("bob@x")))
    write(target, contract, told(3, "ada", **bad), told(4, "bob", **bad), told(5, "eve", **bad))
    before = put_aside(target)
    assert [key[1] for _, key in before] == ["2026-03-01"] * 3
    assert advance(target, "who", KEYRING) == 2
    after = put_aside(target)
    stored = {who for (who,) in target.execute("SELECT who FROM bi.transactions")}
    assert {key[0] for _, key in after} >= stored
    assert {key[0] for _, key in after}.isdisjoint(key[0] for _, key in before)
    # Whose row has the person in another column than the key.
    [found] = erase(target, contract, "person", "ada@x", KEYRING, dry_run=True)
    assert (found.rows, found.put_aside, len(put_aside(target))) == (1, 1, 3)
    [found] = erase(target, contract, "person", "ada@x", KEYRING, dry_run=False)
    assert (found.rows, found.put_aside) == (1, 1)
    assert [sequence for sequence, _ in put_aside(target)] == [4, 5]
    # Who is the key, of whom no row was ever written.
    for dry_run, left in ((True, [4, 5]), (False, [4])):
        [found] = erase(target, contract, "who", "eve", KEYRING, dry_run=dry_run)
        assert (found.rows, found.put_aside) == (0, 1)
        assert [sequence for sequence, _ in put_aside(target)] == left


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Decimal("12.5"), Decimal("12.50")),
        (Decimal("1E+2"), Decimal("100.00")),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))),
    ],
)
def test_a_key_is_one_text_as_it_comes_and_as_it_is_stored(one: Any, other: Any):
    assert key_as_text([one]) == key_as_text([other])


@pytest.mark.parametrize(
    ("namespace", "identifier", "reason"),
    [("patient", "ada@x", "no namespace of the feed"), ("person", " ", "empty"), ("card", "n/a", "empty")],
)
def test_nobody_is_not_erased(target: psycopg.Connection[Any], namespace: str, identifier: str, reason: str):
    contract = migrated(target)
    write(target, contract, record(1, customer={"NULL": True}, card_number={"NULL": True}))
    with pytest.raises(BadInput, match=reason):
        erase(target, contract, namespace, identifier, FIRST, dry_run=False)
    assert len(rows(target)) == 1
