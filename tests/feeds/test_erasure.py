"""A person's rows leave the target for good, in every feed, and what is said of it leads to nobody."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from pipeline.core.errors import BadInput
from pipeline.feeds.erasure import Erased, erase
from pipeline.feeds.rotation import advance
from tests.feeds.contracts import KEYRING, feed, record
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
    assert all(value is None for row in left for value in row[1:-2])


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
