"""A feed in a real PostgreSQL, and its functions as they answer in this process: requests and answers are JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import psycopg

from pipeline.core.clients import client
from pipeline.core.settings import Settings
from pipeline.emulator.rds.server import PORT, PostgresServer
from pipeline.feeds.keyring import Keyring
from pipeline.feeds.migrations import apply, plan
from pipeline.feeds.services import Feeds
from pipeline.operate.feeds.functions import Ask
from tests.feeds.contracts import KEYRING, feed, item

FIRST = Keyring({1: KEYRING.keys[1]})
PASSWORD = json.dumps({"password": "for tests"})


def deployed(postgres: PostgresServer, target: psycopg.Connection[Any]) -> Feeds:
    """The contract of the tests, migrated to; its secrets and its parameter end with the name of the database."""
    database = target.info.dbname
    client("ssm").put_parameter(Name=f"/feeds/{database}", Value=feed().to_json(), Type="String")
    client("secretsmanager").create_secret(Name=f"keyring-{database}", SecretString=FIRST.to_secret())
    client("secretsmanager").create_secret(Name=f"owner-{database}", SecretString=PASSWORD)
    apply(target, plan(target, feed(), FIRST))
    place = {"host": postgres.socket, "port": PORT, "database": database, "user": "postgres"}
    variables = {
        "FEED_CONTRACT": f"/feeds/{database}",
        "FEED_KEYRING": f"keyring-{database}",
        "FEED_DATABASE": json.dumps({**place, "password_secret": f"owner-{database}"}),
    }
    return Feeds(Settings.from_environment(variables))


def over_json(function: Callable[[dict[str, Any], Feeds], dict[str, Any]], feeds: Feeds) -> Ask:
    """Asks a handler's function as if it were invoked."""

    def ask(request: Mapping[str, Any]) -> dict[str, Any]:
        return json.loads(json.dumps(function(json.loads(json.dumps(request)), feeds)))  # type: ignore[no-any-return]

    return ask


def fill(table: str = "transactions") -> Any:
    """The feed's table with nine items of three days and one that is no row; the client of DynamoDB."""
    dynamodb = client("dynamodb")
    dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for number in range(9):
        booked = {"S": f"2026-03-0{number // 3 + 1}T12:00:00Z"}
        # Pages of a scan end at a megabyte.
        dynamodb.put_item(TableName=table, Item=item(f"t{number}", booked=booked, note={"S": "x" * 300_000}))
    dynamodb.put_item(TableName=table, Item=item("bad", amount={"BOOL": True}))
    return dynamodb
