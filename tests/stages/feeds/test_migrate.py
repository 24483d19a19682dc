"""The target is brought to a contract as its owner; the writer writes, and analysts see the views and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import errors, sql

from pipeline.core.clients import client
from pipeline.core.errors import Misconfigured
from pipeline.core.settings import Settings
from pipeline.emulator.rds.server import PORT, PostgresServer
from pipeline.feeds.roles import ANALYST, WRITER
from pipeline.feeds.services import Feeds
from stages.feeds.load import load
from stages.feeds.migrate import migrate as migrated
from tests.feeds.conftest import connect
from tests.feeds.contracts import TRANSACTIONS, feed, record

Migrate = Callable[..., dict[str, Any]]


@pytest.fixture
def settings(aws: None, postgres: PostgresServer, target: psycopg.Connection[Any]) -> dict[str, str]:
    owner = f"owner_of_{target.info.dbname}"
    target.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD 'owns'").format(sql.Identifier(owner)))
    target.execute(
        sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(target.info.dbname), sql.Identifier(owner))
    )
    # Roles are the whole server's, and only who made them may change them.
    for role in (WRITER, ANALYST):
        if target.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
            target.execute(
                sql.SQL("GRANT {} TO {} WITH ADMIN OPTION").format(sql.Identifier(role), sql.Identifier(owner))
            )
    for name, said in (
        ("keyring", {"generated": "k" * 64}),
        ("owner", {"password": "owns"}),
        ("writer", {"username": WRITER, "password": "it's \\ writing"}),
    ):
        client("secretsmanager").create_secret(Name=name, SecretString=json.dumps(said))
    client("ssm").put_parameter(Name="/feeds/transactions", Value=feed().to_json(), Type="String")
    place = {"host": postgres.socket, "port": PORT, "database": target.info.dbname}
    return {
        "FEED_KEYRING": "keyring",
        "FEED_CONTRACT": "/feeds/transactions",
        "FEED_WRITER": "writer",
        "OWNER": json.dumps({**place, "user": owner, "password_secret": "owner"}),
        "WRITER": json.dumps({**place, "user": WRITER, "password_secret": "writer"}),
    }


@pytest.fixture
def migrate(settings: dict[str, str]) -> Migrate:
    feeds = Feeds(Settings.from_environment({**settings, "FEED_DATABASE": settings["OWNER"]}))

    def run(**event: Any) -> dict[str, Any]:
        return migrated({"contract": feed().to_json(), "name": "/contracts/transactions", **event}, feeds)

    return run


def test_a_plan_changes_nothing_and_says_what_would_run(migrate: Migrate, target: psycopg.Connection[Any]) -> None:
    planned = migrate(plan=True)["statements"]
    assert "CREATE TABLE" in planned
    assert target.execute("SELECT to_regclass('bi.transactions')").fetchone() == (None,)
    assert migrate()["statements"] == planned
    assert migrate(plan=True)["statements"] == ""


def test_a_target_of_an_earlier_version_is_brought_to_this_one_and_knows_its_keys(
    migrate: Migrate, settings: dict[str, str], target: psycopg.Connection[Any]
) -> None:
    migrate()
    writer = Feeds(Settings.from_environment({**settings, "FEED_DATABASE": settings["WRITER"]}))
    load({"Records": [record(1)]}, writer)
    for statement in (
        "DROP TABLE sluice_feeds.key_check",
        "DROP SEQUENCE sluice_feeds.reading",
        "ALTER TABLE sluice_feeds.bi_transactions DROP COLUMN sluice_reading",
        "ALTER TABLE sluice_feeds.import_run DROP COLUMN reading",
        "ALTER TABLE sluice_feeds.bi_transactions ALTER COLUMN sluice_sequence TYPE numeric(40)",
    ):
        target.execute(statement)
    planned = migrate(plan=True)["statements"]
    assert planned.count("CREATE") == 2
    assert migrate()["statements"] == planned
    assert migrate(plan=True)["statements"] == ""
    assert target.execute("SELECT count(*) FROM sluice_feeds.key_check").fetchone() == (2,)
    load({"Records": [record(2, "t2")]}, writer)
    client("secretsmanager").put_secret_value(SecretId="keyring", SecretString=json.dumps({"generated": "x" * 64}))
    later = Feeds(Settings.from_environment({**settings, "FEED_DATABASE": settings["OWNER"]}))
    with pytest.raises(Misconfigured, match="is not the one that the namespace card was made with"):
        migrated({"contract": feed().to_json()}, later)


def test_a_writer_that_signs_in_by_iam_has_no_password(
    migrate: Migrate, settings: dict[str, str], target: psycopg.Connection[Any]
) -> None:
    migrate()
    feeds = Feeds(Settings.from_environment({**settings, "FEED_DATABASE": settings["OWNER"], "FEED_WRITER": "none"}))
    event = {"contract": feed().to_json()}
    with pytest.raises(Misconfigured, match="this server has no role rds_iam"):
        migrated(event, feeds)
    has_password = "SELECT rolpassword IS NOT NULL FROM pg_authid WHERE rolname = %s"
    assert target.execute(has_password, (WRITER,)).fetchone() == (True,)
    owner = sql.Identifier(json.loads(settings["OWNER"])["user"])
    # As RDS has it, where IAM authentication is on.
    target.execute("CREATE ROLE rds_iam")
    target.execute(sql.SQL("GRANT rds_iam TO {} WITH ADMIN OPTION").format(owner))
    try:
        for _ in range(2):
            migrated(event, feeds)
        assert target.execute(has_password, (WRITER,)).fetchone() == (False,)
        member = "SELECT pg_has_role(%s, 'rds_iam', 'member')"
        assert target.execute(member, (WRITER,)).fetchone() == (True,)
    finally:
        target.execute("DROP ROLE rds_iam")


def test_the_writer_writes_and_an_analyst_sees_the_views_alone(
    migrate: Migrate, settings: dict[str, str], postgres: PostgresServer, target: psycopg.Connection[Any]
) -> None:
    migrate()
    writer = Feeds(Settings.from_environment({**settings, "FEED_DATABASE": settings["WRITER"]}))
    batch = {"Records": [record(1), record(2, "t2", amount={"BOOL": True})]}
    written = load(batch, writer)
    assert (written.changed, written.refused) == (1, 1)
    # A view that is made anew keeps what was granted on it.
    more = feed(columns={**TRANSACTIONS["columns"], "extra": "bigint"})
    migrate(contract=more.to_json())
    target.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(ANALYST)))
    target.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(ANALYST)))
    try:
        assert target.execute("SELECT count(*) FROM bi.transactions").fetchone() == (1,)
        for table in ("sluice_feeds.bi_transactions", "sluice_feeds.refused", "sluice_feeds.contract"):
            with pytest.raises(errors.InsufficientPrivilege):
                target.execute(f"SELECT * FROM {table}")
        with pytest.raises(errors.InsufficientPrivilege):
            target.execute("DELETE FROM bi.transactions")
    finally:
        target.execute("RESET ROLE")
    with connect(postgres, target.info.dbname, user=WRITER, password="it's \\ writing") as connection:
        for refused in (
            "DROP TABLE sluice_feeds.bi_transactions",
            "CREATE TABLE bi.mine (a text)",
            "SELECT 1 FROM bi.transactions",
            "DELETE FROM sluice_feeds.bi_transactions",
            "DELETE FROM sluice_feeds.refused",
            "DELETE FROM sluice_feeds.namespace",
            "INSERT INTO sluice_feeds.namespace VALUES ('mine', 1)",
            "UPDATE sluice_feeds.namespace SET version = 2",
            "UPDATE sluice_feeds.contract SET definition = ''",
            "UPDATE sluice_feeds.key_check SET value = ''",
            "DELETE FROM sluice_feeds.key_check",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(refused)
