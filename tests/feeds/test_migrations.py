"""The target follows the contract forward; what would give stored rows another meaning is refused."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from pipeline.core.errors import Refused
from pipeline.feeds.migrations import apply, plan
from pipeline.feeds.target import comment_of
from tests.feeds.contracts import KEYRING, TRANSACTIONS, feed, record
from tests.feeds.test_writer import migrated, rows, write


def columns(**changed: Any) -> dict[str, Any]:
    return {name: said for name, said in {**TRANSACTIONS["columns"], **changed}.items() if said is not None}


def test_a_target_that_is_as_the_contract_says_is_left_alone(target: psycopg.Connection[Any]):
    migrated(target, keyring=KEYRING)
    assert plan(target, feed(), KEYRING).statements == ()


def test_columns_come_and_go_and_come_back_with_what_they_held(target: psycopg.Connection[Any]):
    write(target, migrated(target), record(1))
    less = migrated(target, feed(columns=columns(area=None, extra="bigint")))
    assert rows(target, "extra") == [(None,)]
    with pytest.raises(psycopg.errors.UndefinedColumn):
        rows(target, "area")
    write(target, less, record(2, "t2", extra={"N": "7"}))
    with pytest.raises(Refused, match="what the column area means"):
        plan(target, feed(columns=columns(area={"from": "postcode"}, extra="bigint")), KEYRING)
    again = migrated(target, feed(columns=columns(extra="bigint")))
    assert rows(target, "area, extra") == [("NE", None), (None, 7)]
    assert again.columns["extra"].type == "bigint"


def test_a_column_that_comes_back_shows_nothing_of_rows_that_have_changed_meanwhile(
    target: psycopg.Connection[Any],
):
    write(target, migrated(target), record(1), record(2, "t2"), record(3, "t3"))
    less = migrated(target, feed(columns=columns(area=None)))
    write(target, less, record(4, "t2", postcode={"S": "SW1"}), record(5, "t3", event="REMOVE"))
    write(target, less, record(1, "t1"))
    migrated(target)
    stored = target.execute("SELECT transaction_id, area FROM sluice_feeds.bi_transactions ORDER BY 1").fetchall()
    assert stored == [("t1", "NE"), ("t2", None), ("t3", None)]


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        (
            {"columns": columns(person={"from": "card_number", "pseudonymise": "person"})},
            "what the column person means",
        ),
        ({"columns": columns(area={"from": "postcode"})}, "what the column area means"),
        ({"columns": columns(amount="text")}, "the type of amount"),
        ({"columns": columns(amount="decimal(12,4)")}, "the type of amount"),
        ({"target": {"table": "other", "key": ["transaction_id"]}}, "its target"),
        ({"namespaces": {"person": {"identifier": "text"}, "card": {"identifier": "digits"}}}, "the namespace person"),
    ],
)
def test_what_would_mean_something_else_is_refused(target: psycopg.Connection[Any], changed: Any, what: str):
    migrated(target)
    with pytest.raises(Refused, match=what):
        plan(target, feed(**changed), KEYRING)


def test_a_type_may_become_wider(target: psycopg.Connection[Any]):
    write(target, migrated(target), record(1))
    wider = migrated(target, feed(columns=columns(amount="decimal(20,4)")))
    write(target, wider, record(2, "t2", amount={"N": "1234567890123456.7891"}))
    assert [str(amount) for (amount,) in rows(target, "amount")] == ["12.5000", "1234567890123456.7891"]


def test_columns_say_what_they_are(target: psycopg.Connection[Any]):
    migrated(target, feed(columns=columns(amount={"type": "decimal(12,2)", "comment": "In euros: 'net'."})))
    found = dict(
        target.execute(
            "SELECT attname, col_description(attrelid, attnum) FROM pg_attribute"
            " WHERE attrelid = 'bi.transactions'::regclass"
        ).fetchall()
    )
    assert found["amount"] == "In euros: 'net'."
    assert "Pseudonym of the namespace person" in found["person"]
    assert found["month"] == "Generalised to its month."


def test_a_plan_can_be_read_before_it_runs(target: psycopg.Connection[Any]):
    migration = plan(target, feed(), KEYRING)
    text = migration.as_text(target)
    assert 'CREATE TABLE "sluice_feeds"."bi_transactions"' in text
    assert target.execute("SELECT to_regclass('bi.transactions')").fetchone() == (None,)
    apply(target, migration)
    assert target.execute("SELECT to_regclass('bi.transactions')").fetchone() != (None,)


def test_what_a_contract_says_of_a_column_ends_before_what_became_of_it():
    ours = "Pseudonym of the namespace person: joins with that namespace's columns alone."
    for said, whole in (("Who paid", f"Who paid. {ours}"), ("Who paid?", f"Who paid? {ours}"), ("", ours)):
        person = {"from": "customer.email", "pseudonymise": "person", "comment": said}
        assert comment_of(feed(columns=columns(person=person)), "person") == whole
    amount = {"type": "decimal(12,2)", "comment": "In euros"}
    assert comment_of(feed(columns=columns(amount=amount)), "amount") == "In euros"
