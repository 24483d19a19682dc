"""Brings the target to a feed's contract, as whoever owns it: at each deployment, before the feed's function."""

from __future__ import annotations

import json
import logging
from typing import Any

from botocore.exceptions import ClientError
from psycopg import Connection

from pipeline.core.clients import client
from pipeline.feeds import roles, turns
from pipeline.feeds.changes import Decoder
from pipeline.feeds.definition import Feed
from pipeline.feeds.key_checks import verify
from pipeline.feeds.migrations import apply, plan
from pipeline.feeds.services import Feeds, handler
from pipeline.feeds.settings import Setting
from pipeline.feeds.writer import has_rows, versions_of

log = logging.getLogger(__name__)

_BY_IAM = "none"
"""In place of the secret with the writer's password: there is neither."""


@handler
def migrate_target(event: dict[str, Any], feeds: Feeds) -> dict[str, Any]:
    """`{"contract": "<JSON>", "name": "/…", "plan": true}`; the answer has the `statements` as text.

    The contract is then kept as the parameter `name`, where that is given, for the feed's function to read. A plan
    changes nothing.
    """
    return migrate(event, feeds)


def migrate(event: dict[str, Any], feeds: Feeds) -> dict[str, Any]:
    """Bring the target to the contract, with what writer and analysts may do there."""
    feed = Feed.from_json(event["contract"])
    with feeds.connections.connection() as connection:
        if event.get("plan"):
            with connection.transaction():
                turns.beside_others(connection)
                return {"statements": plan(connection, feed, feeds.keyring()).as_text(connection)}
        # Each step has a turn of its own: one that held a table while it waited for a writer's key check could wait for
        # ever, as the writer waits for the table.
        roles.prepare(connection, _writers_password(feeds))
        statements = _bring(connection, feed, feeds)
        _check_keys(connection, feed, feeds)
        roles.grant(connection, feed)
        if name := event.get("name"):
            _keep(name, feed)
    return {"statements": statements}


def _bring(connection: Connection[Any], feed: Feed, feeds: Feeds) -> str:
    """Planned in the turn in which it is done: a plan of before may be what another deployment has done by now."""
    with connection.transaction():
        turns.alone(connection)
        planned = plan(connection, feed, feeds.keyring())
        statements = planned.as_text(connection)
        apply(connection, planned)
    log.info("migrated", extra={"feed": feed.feed, "statements": len(planned.statements)})
    return statements


def _check_keys(connection: Connection[Any], feed: Feed, feeds: Feeds) -> None:
    """Where rows stand, their keys were used: also by an earlier version, which did not write down what they were."""
    with connection.transaction():
        versions = versions_of(connection, feed)
        if has_rows(connection, feed):
            Decoder(feed, keyring := feeds.keyring(max(versions.values(), default=0)), versions)
            verify(connection, feed.namespaces, keyring, versions)


def _writers_password(feeds: Feeds) -> str | None:
    secret = feeds.settings[Setting.FEED_WRITER]
    if secret == _BY_IAM:
        return None
    answer = client("secretsmanager").get_secret_value(SecretId=secret)
    password: str = json.loads(answer["SecretString"])["password"]
    return password


def _keep(name: str, feed: Feed) -> None:
    """A name has the contract's fingerprint in it, so that what stands under it never changes."""
    ssm = client("ssm")
    try:
        ssm.put_parameter(Name=name, Value=feed.to_json(), Type="String", Tier="Intelligent-Tiering")
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterAlreadyExists":
            raise
