"""A feed's function: a batch is written whole or comes back whole, and nobody's identity is in what it says."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pipeline.core.clients import client
from pipeline.core.errors import Broken, Misconfigured, SluiceError, Transient
from pipeline.core.settings import Settings
from pipeline.emulator.rds.server import PORT, PostgresServer
from pipeline.feeds.keyring import Keyring
from pipeline.feeds.migrations import apply, plan
from pipeline.feeds.rotation import advance
from pipeline.feeds.services import Feeds
from pipeline.feeds.settings import Setting
from pipeline.feeds.writer import versions_of
from stages.feeds.load import load
from tests.feeds.conftest import connect
from tests.feeds.contracts import KEYRING, feed, record

FIRST = Keyring({1: KEYRING.keys[1]})


@pytest.fixture
def feeds(aws: None, postgres: PostgresServer, target: psycopg.Connection[Any]) -> Feeds:
    client("ssm").put_parameter(Name="/feeds/transactions", Value=feed().to_json(), Type="String")
    client("secretsmanager").create_secret(Name="keyring", SecretString=FIRST.to_secret())
    client("secretsmanager").create_secret(Name="writer", SecretString=json.dumps({"password": "for tests"}))
    apply(target, plan(target, feed(), FIRST))
    place = {"host": postgres.socket, "port": PORT, "database": target.info.dbname, "user": "postgres"}
    variables = {
        "FEED_CONTRACT": "/feeds/transactions",
        "FEED_KEYRING": "keyring",
        "FEED_DATABASE": json.dumps({**place, "password_secret": "writer"}),
    }
    return Feeds(Settings.from_environment(variables))


def event(*records: dict[str, Any]) -> dict[str, Any]:
    return {"Records": list(records)}


def people(target: psycopg.Connection[Any]) -> list[Any]:
    return [person for (person,) in target.execute("SELECT person FROM bi.transactions ORDER BY transaction_id")]


def test_a_batch_is_rows_and_a_repetition_is_nothing(feeds: Feeds, target: psycopg.Connection[Any]):
    batch = event(record(1), record(2, "t2"), record(3, "t3", amount={"BOOL": True}))
    first, again = load(batch, feeds), load(batch, feeds)
    assert (first.changed, first.refused, again.changed) == (2, 1, 0)
    assert len(people(target)) == 2


def test_a_new_key_is_taken_up_without_a_new_start(feeds: Feeds, target: psycopg.Connection[Any]):
    load(event(record(1)), feeds)
    client("secretsmanager").put_secret_value(SecretId="keyring", SecretString=KEYRING.to_secret())
    advance(target, "person", KEYRING)
    load(event(record(2, "t2")), feeds)
    assert len(set(people(target))) == 1
    assert len(people(target)) == 2


def test_a_key_that_was_taken_away_stops_it(feeds: Feeds, target: psycopg.Connection[Any]):
    advance(target, "person", KEYRING)
    with pytest.raises(Misconfigured, match="no key of version 2"):
        load(event(record(1)), feeds)
    assert people(target) == []


def test_a_key_that_was_exchanged_under_its_version_stops_it(feeds: Feeds, target: psycopg.Connection[Any]):
    """Else the same person would have two pseudonyms from then on, and nobody would know."""
    load(event(record(1)), feeds)
    client("secretsmanager").put_secret_value(
        SecretId="keyring", SecretString=Keyring({1: KEYRING.keys[2]}).to_secret()
    )
    started = Feeds(feeds.settings)
    for _ in range(2):
        with pytest.raises(Misconfigured, match="is not the one that the namespace card was made with"):
            load(event(record(2, "t2")), started)
    assert len(people(target)) == 1
    client("secretsmanager").put_secret_value(SecretId="keyring", SecretString=KEYRING.to_secret())
    load(event(record(2, "t2")), Feeds(feeds.settings))
    assert len(set(people(target))) == 1
    assert len(people(target)) == 2


def test_a_lost_connection_is_made_again(feeds: Feeds, target: psycopg.Connection[Any]):
    load(event(record(1)), feeds)
    target.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sluice'")
    with pytest.raises(Transient):
        load(event(record(2, "t2")), feeds)
    load(event(record(2, "t2")), feeds)
    assert len(people(target)) == 2


def drifted(target: psycopg.Connection[Any]) -> None:
    target.execute("ALTER TABLE sluice_feeds.bi_transactions RENAME area TO moved")


def checked(target: psycopg.Connection[Any]) -> None:
    target.execute("ALTER TABLE sluice_feeds.bi_transactions ADD CHECK (transaction_id <> 'canary')")


def locked(target: psycopg.Connection[Any]) -> None:
    target.execute("ALTER DATABASE postgres SET lock_timeout = 0")
    target.execute("ALTER ROLE postgres SET lock_timeout = '200ms'")
    target.execute("BEGIN")
    target.execute("LOCK TABLE sluice_feeds.bi_transactions IN EXCLUSIVE MODE")


def failing(state: str) -> Callable[[psycopg.Connection[Any]], None]:
    """PostgreSQL says of each row what it says where this happens, and quotes the row."""

    def harm(target: psycopg.Connection[Any]) -> None:
        target.execute(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$BEGIN RAISE EXCEPTION USING ERRCODE = '{state}', MESSAGE = NEW::text, DETAIL = NEW::text; END$$;"
            "CREATE TRIGGER fail BEFORE INSERT ON sluice_feeds.bi_transactions FOR EACH ROW EXECUTE FUNCTION fail()"
        )

    return harm


def told_by(error: BaseException | None) -> str:
    """All that an error says, and those that it came of."""
    told = ""
    while error is not None:
        told += f"{error!r} {error} {getattr(error, 'hint', '')}\n"
        error = None if error.__suppress_context__ else error.__cause__ or error.__context__
    return told


FULL_DISK, DEADLOCK, SHUTDOWN = "53100", "40P01", "57P01"


@pytest.mark.parametrize(
    ("harm", "kind"),
    [
        (drifted, Misconfigured),
        (checked, Broken),
        (locked, Transient),
        (failing(FULL_DISK), Transient),
        (failing(DEADLOCK), Transient),
        (failing(SHUTDOWN), Transient),
    ],
    ids=["drift", "check", "lock", "disk", "deadlock", "shutdown"],
)
def test_errors_of_the_target_say_nothing_of_the_rows(
    feeds: Feeds,
    target: psycopg.Connection[Any],
    harm: Callable[[psycopg.Connection[Any]], None],
    kind: type[SluiceError],
    caplog: pytest.LogCaptureFixture,
):
    harm(target)
    try:
        with caplog.at_level(logging.DEBUG), pytest.raises(kind) as failed:
            load(event(record(1, "canary", postcode={"S": "canary"})), feeds)
    finally:
        target.execute("ROLLBACK")
        target.execute("ALTER ROLE postgres RESET lock_timeout")
    assert "canary" not in told_by(failed.value)
    assert "canary" not in caplog.text


STATES = {
    each.sqlstate[:2]: each.sqlstate
    for each in vars(psycopg.errors).values()
    if isinstance(each, type) and issubclass(each, psycopg.Error) and each.sqlstate
}
"""One error of each class that PostgreSQL has (PostgreSQL's appendix A); those of success and of warnings are none."""


def test_no_error_that_postgresql_has_tells_a_value(
    feeds: Feeds, target: psycopg.Connection[Any], caplog: pytest.LogCaptureFixture
):
    failing("%")(target)
    for state in sorted(STATES.values()):
        raised = f"RAISE EXCEPTION USING ERRCODE = '{state}', MESSAGE = NEW::text, DETAIL = NEW::text, HINT = NEW::text"
        # Of a target that has drifted the table is said, which is none of the row's values.
        names = "" if state.startswith("42") else ", TABLE = NEW.transaction_id, COLUMN = NEW.transaction_id"
        target.execute(
            f"CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {raised}{names}; END$$"
        )
        with caplog.at_level(logging.DEBUG), pytest.raises(SluiceError) as failed:
            load(event(record(1, "canary", postcode={"S": "canary"})), feeds)
        told = told_by(failed.value)
        assert state in told
        assert "canary" not in told
    assert "canary" not in caplog.text


def test_while_postgresql_is_down_nothing_is_lost(
    feeds: Feeds, target: psycopg.Connection[Any], tmp_path: Path
) -> None:
    place = json.loads(feeds.settings[Setting.FEED_DATABASE])
    nobody = {"FEED_DATABASE": json.dumps({**place, "host": str(tmp_path)}), "FEED_KEYRING": "keyring"}
    away = Feeds(Settings.from_environment({**nobody, "FEED_CONTRACT": "/feeds/transactions"}))
    with pytest.raises(Transient):
        load(event(record(1)), away)
    load(event(record(1)), feeds)
    assert len(people(target)) == 1


def test_without_its_secret_it_writes_nothing(feeds: Feeds, target: psycopg.Connection[Any]) -> None:
    client("secretsmanager").delete_secret(SecretId="keyring", ForceDeleteWithoutRecovery=True)
    with pytest.raises(client("secretsmanager").exceptions.ResourceNotFoundException):
        load(event(record(1)), feeds)
    assert people(target) == []


def test_keys_are_not_advanced_in_the_middle_of_a_batch(
    feeds: Feeds, target: psycopg.Connection[Any], postgres: PostgresServer
) -> None:
    """Else rows of one batch would have pseudonyms of two keys."""
    load(event(record(1)), feeds)
    with connect(postgres, target.info.dbname) as other, other.transaction():
        versions_of(other, feeds.feed)
        target.execute("SET lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            advance(target, "person", KEYRING)
    advance(target, "person", KEYRING)


def test_an_item_that_expired_is_a_row_that_is_gone(feeds: Feeds, target: psycopg.Connection[Any]) -> None:
    """DynamoDB deletes what its time to live has ended, and says in the record that it did (Developer Guide)."""
    load(event(record(1), record(2, "t2")), feeds)
    by = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    load(event({**record(3, event="REMOVE"), "userIdentity": by}), feeds)
    assert target.execute("SELECT transaction_id FROM bi.transactions").fetchall() == [("t2",)]
    load(event(record(1)), feeds)
    assert len(people(target)) == 1


def test_a_wrong_password_says_so_and_not_which(feeds: Feeds):
    client("secretsmanager").put_secret_value(SecretId="writer", SecretString=json.dumps({"password": "hunter2"}))
    with pytest.raises(SluiceError) as failed:
        load(event(record(1)), feeds)
    assert "hunter2" not in repr(failed.value)
