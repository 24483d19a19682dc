"""Brings the target to a feed's contract, as whoever owns it: at each deployment, before the feed's function."""

from __future__ import annotations

import json
import logging
from typing import Any

from pipeline.core.clients import client
from pipeline.feeds import roles
from pipeline.feeds.definition import Feed
from pipeline.feeds.migrations import apply, plan
from pipeline.feeds.services import Feeds, handler
from pipeline.feeds.settings import Setting

log = logging.getLogger(__name__)


@handler
def migrate_target(event: dict[str, Any], feeds: Feeds) -> dict[str, Any]:
    """`{"contract": "<JSON>", "plan": true}`; the answer has the `statements` as text. A plan changes nothing."""
    return migrate(event, feeds)


def migrate(event: dict[str, Any], feeds: Feeds) -> dict[str, Any]:
    """Bring the target to the contract, with what writer and analysts may do there."""
    feed = Feed.from_json(event["contract"])
    with feeds.connections.connection() as connection:
        planned = plan(connection, feed, feeds.keyring())
        statements = planned.as_text(connection)
        if not event.get("plan"):
            roles.prepare(connection, writers_password(feeds))
            apply(connection, planned)
            roles.grant(connection, feed)
            log.info("migrated", extra={"feed": feed.feed, "statements": len(planned.statements)})
    return {"statements": statements}


def writers_password(feeds: Feeds) -> str | None:
    """The password that the writer is to have; None where it signs in by IAM alone."""
    secret = feeds.settings.get(Setting.FEED_WRITER_SECRET)
    if secret is None:
        return None
    answer = client("secretsmanager").get_secret_value(SecretId=secret)
    password: str = json.loads(answer["SecretString"])["password"]
    return password
