"""A feed in a real PostgreSQL, and its functions as they answer in this process: requests and answers are JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import psycopg
import pytest

from pipeline.core.clients import client
from pipeline.core.settings import Settings
from pipeline.emulator.rds.server import PORT, PostgresServer
from pipeline.feeds.keyring import Keyring
from pipeline.feeds.migrations import apply, plan
from pipeline.feeds.services import Feeds
from pipeline.operate.feeds.functions import Ask
from stages.feeds.administer import administer
from stages.feeds.import_history import import_history
from tests.feeds.conftest import database, postgres, target
from tests.feeds.contracts import KEYRING, feed, item

__all__ = ["database", "postgres", "target"]

FIRST = Keyring({1: KEYRING.keys[1]})
PASSWORD = json.dumps({"password": "for tests"})


@pytest.fixture
def feeds(aws: None, postgres: PostgresServer, target: psycopg.Connection[Any]) -> Feeds:
    client("ssm").put_parameter(Name="/feeds/transactions", Value=feed().to_json(), Type="String")
    client("secretsmanager").create_secret(Name="keyring", SecretString=FIRST.to_secret())
    client("secretsmanager").create_secret(Name="owner", SecretString=PASSWORD)
    apply(target, plan(target, feed(), FIRST))
    place = {"host": postgres.socket, "port": PORT, "database": target.info.dbname, "user": "postgres"}
    variables = {
        "FEED_CONTRACT": "/feeds/transactions",
        "FEED_KEYRING": "keyring",
        "FEED_DATABASE": json.dumps({**place, "password_secret": "owner"}),
    }
    return Feeds(Settings.from_environment(variables))


def over_json(function: Callable[[dict[str, Any], Feeds], dict[str, Any]], feeds: Feeds) -> Ask:
    def ask(request: Mapping[str, Any]) -> dict[str, Any]:
        return json.loads(json.dumps(function(json.loads(json.dumps(request)), feeds)))  # type: ignore[no-any-return]

    return ask


@pytest.fixture
def administrator(feeds: Feeds) -> Ask:
    return over_json(administer, feeds)


@pytest.fixture
def importer(feeds: Feeds) -> Ask:
    return over_json(import_history, feeds)


@pytest.fixture
def source(aws: None) -> Any:
    """The feed's table with items of three days, of which one is no row."""
    dynamodb = client("dynamodb")
    dynamodb.create_table(
        TableName="transactions",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for number in range(9):
        booked = {"S": f"2026-03-0{number // 3 + 1}T12:00:00Z"}
        # Pages of a scan end at a megabyte.
        padded = item(f"t{number}", booked=booked, note={"S": "x" * 300_000})
        dynamodb.put_item(TableName="transactions", Item=padded)
    dynamodb.put_item(TableName="transactions", Item=item("bad", amount={"BOOL": True}))
    return dynamodb
