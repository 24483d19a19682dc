"""Which way a feed's import takes, and whether it is done. Kept in the target, beside how far its parts are."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from pipeline.core.errors import Refused
from pipeline.feeds.definition import Feed


@dataclass(frozen=True, slots=True)
class Run:
    """An import that was begun. `token` is its own; `detail` what its way has to remember."""

    way: str
    token: str
    detail: str | None
    is_done: bool


def begin(connection: Connection[Any], feed: Feed, way: str) -> Run:
    """The feed's import by `way`, new or begun before. `Refused` if it is done, or another way is under way."""
    connection.execute(
        "INSERT INTO sluice_feeds.import_run (feed, way, token) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        (feed.feed, way, secrets.token_hex(8)),
    )
    query = "SELECT way, token, detail, is_done FROM sluice_feeds.import_run WHERE feed = %s"
    found = connection.execute(query, (feed.feed,)).fetchone()
    run = Run(*found) if found else Run(way, "", None, is_done=False)
    if run.is_done:
        raise Refused(f"the history of {feed.feed} is imported", hint="Forget that it is, to import it again.")
    if run.way != way:
        raise Refused(f"an import of {feed.feed} is under way: {run.way}", hint="Go on with it, or forget it first.")
    return run


def note(connection: Connection[Any], feed: Feed, detail: str) -> None:
    """Remember what the way needs to go on."""
    connection.execute("UPDATE sluice_feeds.import_run SET detail = %s WHERE feed = %s", (detail, feed.feed))


def finish(connection: Connection[Any], feed: Feed) -> None:
    """The import is done."""
    connection.execute("UPDATE sluice_feeds.import_run SET is_done = true WHERE feed = %s", (feed.feed,))


def forget(connection: Connection[Any], feed: Feed) -> None:
    """Forget the import, and how far its parts are."""
    with connection.transaction():
        connection.execute("DELETE FROM sluice_feeds.import WHERE feed = %s", (feed.feed,))
        connection.execute("DELETE FROM sluice_feeds.import_run WHERE feed = %s", (feed.feed,))
