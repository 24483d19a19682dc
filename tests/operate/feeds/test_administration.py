"""What people ask of feeds: how they are, how private, whom to forget, and with which keys."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from pipeline.core.clients import client
from pipeline.core.errors import BadInput, NotThere, Refused
from pipeline.feeds.keyring import Keyring
from pipeline.feeds.services import Feeds
from pipeline.feeds.settings import Setting
from pipeline.feeds.states import PutAside
from pipeline.operate.feeds.erasure import erase, identifier_of
from pipeline.operate.feeds.functions import Ask
from pipeline.operate.feeds.keys import add_key, advance, keys
from pipeline.operate.feeds.state import privacy, state_json, states
from stages.feeds.load import load
from tests.feeds.contracts import feed, record

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def of(email: str) -> dict[str, Any]:
    return {"customer": {"M": {"email": {"S": email}}}}


def test_the_state_says_what_is_loaded_and_what_is_put_aside_without_a_value(administrator: Ask, feeds: Feeds):
    (empty,) = states(administrator)
    assert (empty.rows, empty.loads, empty.imported, empty.put_aside) == (0, None, None, ())
    canary = {"S": "canary-value"}
    batch = [record(1), record(2, "t2"), record(3, "t2", "REMOVE"), record(4, "canary-key", amount=canary)]
    load({"Records": batch}, feeds)
    (found,) = states(administrator)
    assert (found.feed, found.source, found.table) == ("transactions", "transactions", "bi.transactions")
    assert (found.rows, found.deleted, found.fingerprint) == (1, 1, feed().fingerprint)
    assert found.loads is not None
    assert (found.loads.changed, found.loads.refused) == (2, 1)
    (aside,) = found.put_aside
    assert aside == PutAside("amount", "is a text and no number", 1, aside.newest)
    assert [(key.namespace, key.version) for key in found.keys] == [("card", 1), ("person", 1)]
    assert "canary" not in json.dumps(state_json(found))


def test_before_anything_is_migrated_there_is_no_feed(administrator: Ask, target: psycopg.Connection[Any]):
    target.execute("DROP SCHEMA sluice_feeds CASCADE")
    assert states(administrator) == []


def test_the_privacy_report_is_that_of_what_is_deployed(administrator: Ask, feeds: Feeds):
    found = privacy(administrator, "transactions")
    assert {each["column"]: each["treatment"] for each in found.treatments}["card"] == "pseudonymised"
    assert (found.dropped, found.quasi_identifiers, found.k) == (["name", "note"], [], None)
    with pytest.raises(NotThere, match="knows no feed payments"):
        privacy(administrator, "payments")


def test_a_person_is_counted_first_and_erased_when_it_is_meant(
    administrator: Ask, feeds: Feeds, target: psycopg.Connection[Any], caplog: pytest.LogCaptureFixture
):
    load(
        {"Records": [record(1, **of("ada@x")), record(2, "t2", **of("bob@x")), record(3, "t3", **of("Ada@x "))]}, feeds
    )
    with caplog.at_level(logging.DEBUG):
        dry = erase(administrator, "transactions", "person", "ada@X", NOW, dry_run=True)
        assert (dry.rows, dry.left) == (2, 2)
        done = erase(administrator, "transactions", "person", "ada@X", NOW, dry_run=False)
    assert (done.rows, done.left) == (2, 0)
    assert any("the source" in each for each in done.unreached)
    assert target.execute("SELECT transaction_id FROM bi.transactions").fetchall() == [("t2",)]
    proof = json.dumps(done.to_json())
    assert '"at": "2026-03-01T00:00:00.000Z"' in proof
    pseudonyms = [row[0] for row in target.execute("SELECT person FROM bi.transactions")]
    # With its sign: ids of requests, which the log has many of, are of the letters a to f.
    for secret in ("ada@", *pseudonyms):
        assert secret not in (proof + caplog.text).lower()


@pytest.mark.parametrize("identifier", ["", "  ", "\ud800"])
def test_who_is_nobody_is_refused_without_a_word_of_them(administrator: Ask, identifier: str):
    with pytest.raises(BadInput, match="identifier"):
        erase(administrator, "transactions", "person", identifier, NOW, dry_run=True)


def test_what_is_not_said_plainly_is_a_dry_run(administrator: Ask, feeds: Feeds):
    load({"Records": [record(1, **of("ada@x"))]}, feeds)
    request = {"ask": "erase", "feed": "transactions", "namespace": "person", "identifier": "ada@x"}
    assert administrator(request)["left"] == 1
    assert administrator({**request, "dry_run": "no"})["left"] == 1
    with pytest.raises(BadInput, match="'forget' is none of states, privacy"):
        administrator({"ask": "forget"})


def test_one_identifier_is_read_as_it_is_written():
    assert identifier_of("ada@x\n") == "ada@x"
    assert identifier_of(" ada \r\n") == " ada "
    for text in ("ada@x\nbob@x\n", "ada@x\n\n"):
        with pytest.raises(BadInput, match="2 identifiers") as told:
            identifier_of(text)
        assert "ada" not in str(told.value.hint) + told.value.message


def secret_of(feeds: Feeds) -> str:
    return feeds.settings[Setting.FEED_KEYRING]


def test_a_new_key_is_added_once_and_pseudonyms_follow(administrator: Ask, feeds: Feeds, target: Any):
    load({"Records": [record(1), record(2, "t2")]}, feeds)
    before = keys(administrator)
    assert (before.newest, before.behind) == (1, ())
    secretsmanager = client("secretsmanager")
    assert add_key(secretsmanager, secret_of(feeds)) == 2
    assert [each.namespace for each in keys(administrator).behind] == ["card", "person"]
    with pytest.raises(NotThere, match="no feed has a namespace people"):
        list(advance(administrator, ["card", "people"]))
    assert list(advance(administrator, ["card", "person"])) == [("card", 2), ("person", 2)]
    assert list(advance(administrator, ["card", "person"])) == []
    load({"Records": [record(3, "t3")]}, feeds)
    assert len({row[0] for row in target.execute("SELECT person FROM bi.transactions")}) == 1
    keyring = Keyring.from_secret(secretsmanager.get_secret_value(SecretId=secret_of(feeds))["SecretString"])
    assert sorted(keyring.keys) == [1, 2]
    assert len(set(keyring.keys.values())) == 2


def test_of_two_that_add_a_key_at_once_one_is_refused(feeds: Feeds):
    secretsmanager = client("secretsmanager")
    old = secretsmanager.get_secret_value(SecretId=secret_of(feeds))
    add_key(secretsmanager, secret_of(feeds))

    class Late:
        """Has read the secret before the other wrote it."""

        exceptions = secretsmanager.exceptions
        put_secret_value = secretsmanager.put_secret_value

        def get_secret_value(self, **_: Any) -> Any:
            return old

    with pytest.raises(Refused, match="somebody has just added a key 2"):
        add_key(Late(), secret_of(feeds))
