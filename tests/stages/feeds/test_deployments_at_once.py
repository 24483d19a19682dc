"""Deployments and erasures that meet: each ends as if it had been alone, one after the other."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from pipeline.core.clients import client
from pipeline.core.settings import Settings
from pipeline.emulator.rds.server import PORT, PostgresServer
from pipeline.feeds.definition import Feed
from pipeline.feeds.erasure import erase
from pipeline.feeds.keyring import Keyring
from pipeline.feeds.migrations import plan
from pipeline.feeds.services import Feeds
from pipeline.feeds.turns import alone
from stages.feeds.migrate import migrate
from tests.feeds.conftest import connect
from tests.feeds.contracts import KEYRING, TRANSACTIONS, feed, record
from tests.feeds.test_writer import migrated, write

FIRST = Keyring({1: KEYRING.keys[1]})
MORE = feed(
    columns={**TRANSACTIONS["columns"], "payee": {"from": "payee", "pseudonymise": "person"}, "purpose": "text"}
)


def other(number: int) -> Feed:
    return feed(feed=f"other_{number}", target={"table": f"other_{number}", "key": ["transaction_id"]})


@pytest.fixture
def deploy(aws: None, postgres: PostgresServer, target: psycopg.Connection[Any]) -> Callable[[Feed], None]:
    client("secretsmanager").create_secret(Name="keyring", SecretString=FIRST.to_secret())
    client("secretsmanager").create_secret(Name="password", SecretString=json.dumps({"password": "for tests"}))
    place = {"host": postgres.socket, "port": PORT, "database": target.info.dbname, "user": "postgres"}
    variables = {
        "FEED_KEYRING": "keyring",
        "FEED_WRITER": "password",
        "FEED_DATABASE": json.dumps({**place, "password_secret": "password"}),
    }

    def run(contract: Feed) -> None:
        # Each invocation has a process and a connection of its own.
        feeds = Feeds(Settings.from_environment(variables))
        try:
            migrate({"contract": contract.to_json()}, feeds)
        finally:
            feeds.connections.close()

    return run


def test_deployments_at_once_all_end_well(deploy: Callable[[Feed], None], target: psycopg.Connection[Any]) -> None:
    for wanted in (
        [feed(), feed(), feed(), other(1), other(2)],
        [MORE, MORE, MORE, other(1), other(3)],
    ):
        with ThreadPoolExecutor(len(wanted)) as threads:
            ended = [threads.submit(deploy, contract) for contract in wanted]
        assert [str(each.exception() or "") for each in ended] == [""] * len(wanted)
        assert [plan(target, contract, FIRST).statements for contract in wanted] == [()] * len(wanted)
        target.execute("SELECT * FROM bi.transactions, bi.other_1, bi.other_2")


WAITS = (
    "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database d ON d.oid = database"
    " WHERE NOT granted AND datname = current_database())"
)


def test_who_is_erased_while_a_deployment_adds_columns_leaves_nothing_in_them(
    target: psycopg.Connection[Any], postgres: PostgresServer
) -> None:
    migrated(target)
    write(target, feed(), record(1, "t1"))

    def erased() -> None:
        with connect(postgres, target.info.dbname) as own:
            erase(own, feed(), "person", "ada@example.org", FIRST, dry_run=False)

    with ThreadPoolExecutor() as threads:
        with target.transaction():
            alone(target)
            migrated(target, MORE)
            write(target, MORE, record(2, "t2", payee={"S": "ada@example.org"}, purpose={"S": "rent"}))
            erasing = threads.submit(erased)
            while not erasing.done() and target.execute(WAITS).fetchone() != (True,):
                pass
        erasing.result()
    left = target.execute("SELECT transaction_id, payee, purpose FROM sluice_feeds.bi_transactions ORDER BY 1")
    assert left.fetchall() == [("t1", None, None), ("t2", None, None)]
