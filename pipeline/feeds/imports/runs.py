"""Which way a feed's import takes, and whether it is done. Kept in the target, beside how far its parts are."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg import Connection, sql

from pipeline.core.errors import Refused
from pipeline.feeds import readings
from pipeline.feeds.definition import Feed


@dataclass(frozen=True, slots=True)
class Run:
    """An import that was begun. `token` is its own; `detail` what its way has to remember; `reading` the number that
    was taken before it read anything, None of one that an earlier version began."""

    way: str
    token: str
    detail: str | None
    is_done: bool
    reading: int | None


def begin(connection: Connection[Any], feed: Feed, way: str) -> Run:
    """The feed's import by `way`, new or begun before. `Refused` if it is done, or another way is under way."""
    connection.execute(
        "INSERT INTO sluice_feeds.import_run (feed, way, token, reading) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (feed.feed, way, secrets.token_hex(8), readings.begin(connection)),
    )
    query = "SELECT way, token, detail, is_done, reading FROM sluice_feeds.import_run WHERE feed = %s"
    found = connection.execute(query, (feed.feed,)).fetchone()
    run = Run(*found) if found else Run(way, "", None, is_done=False, reading=None)
    if run.is_done:
        raise Refused(f"the history of {feed.feed} is imported", hint="Forget that it is, to import it again.")
    if run.way != way:
        raise Refused(f"an import of {feed.feed} is under way: {run.way}", hint="Go on with it, or forget it first.")
    return run


def way_of(connection: Connection[Any], feed: Feed) -> str | None:
    """The way of the feed's import that was begun, or is done; None where there is none."""
    query = "SELECT way FROM sluice_feeds.import_run WHERE feed = %s"
    found = connection.execute(query, (feed.feed,)).fetchone()
    return str(found[0]) if found else None


def hold(connection: Connection[Any], feed: Feed, token: str) -> None:
    """Keep the import with this token from being forgotten until the transaction ends. `Refused` if it was.

    A function reads on for a while when nobody waits for its answer any more. What it has read, an import that was
    begun anew meanwhile has not: it would take that for its own, and not read it.
    """
    query = "SELECT 1 FROM sluice_feeds.import_run WHERE feed = %s AND token = %s FOR SHARE"
    if connection.execute(query, (feed.feed, token)).fetchone() is None:
        raise _forgotten(feed)


def note(connection: Connection[Any], feed: Feed, token: str, detail: str) -> None:
    """Remember what the way needs to go on. `Refused` if the import was forgotten."""
    _update(connection, feed, token, "UPDATE sluice_feeds.import_run SET detail = %s WHERE {}", detail)


def finish(connection: Connection[Any], feed: Feed, token: str) -> None:
    """The import is done. `Refused` if it was forgotten."""
    _update(connection, feed, token, "UPDATE sluice_feeds.import_run SET is_done = %s WHERE {}", True)


def _update(connection: Connection[Any], feed: Feed, token: str, update: LiteralString, value: Any) -> None:
    query = sql.SQL(update).format(sql.SQL("feed = %s AND token = %s"))
    if not connection.execute(query, (value, feed.feed, token)).rowcount:
        raise _forgotten(feed)


def _forgotten(feed: Feed) -> Refused:
    return Refused(
        f"this import of {feed.feed} was forgotten, or begun anew by somebody else: it ends here",
        hint="`sluice feed import` goes on with the new one.",
    )


def forget(connection: Connection[Any], feed: Feed) -> None:
    """Forget the import, and how far its parts are."""
    with connection.transaction():
        # In this order, which is that of whoever holds the import and keeps how far it is.
        connection.execute("DELETE FROM sluice_feeds.import_run WHERE feed = %s", (feed.feed,))
        connection.execute("DELETE FROM sluice_feeds.import WHERE feed = %s", (feed.feed,))
