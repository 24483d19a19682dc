"""How a database's feeds are: rows, what was put aside, loaded and imported, and the keys. No value of a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection, sql
from pydantic import TypeAdapter

from pipeline.feeds.definition import Feed
from pipeline.feeds.loads import Loads, loads_of
from pipeline.feeds.migrations import stored_columns
from pipeline.feeds.target import DELETED, rows_table


@dataclass(frozen=True, slots=True)
class PutAside:
    """Records that are no rows for the same reason: `reason` never has a value of theirs."""

    column: str
    reason: str
    records: int
    newest: datetime


@dataclass(frozen=True, slots=True)
class Imported:
    """How far an import is: items read, and how many of its parts are done. `at` is when it last went on."""

    items: int
    done: int
    parts: int
    at: datetime


@dataclass(frozen=True, slots=True)
class KeyVersion:
    """The version of the keys with which a namespace's pseudonyms are made. `method` is hmac or sha256: with the
    second, version 0 is what a foreign method made."""

    namespace: str
    method: str
    version: int


@dataclass(frozen=True, slots=True)
class FeedState:
    """A feed of the database. `rows` are those that analysts see, `deleted` those of which only key and order stand.

    None stands for what never was: an import, a load.
    """

    feed: str
    source: str
    table: str
    key_holder: str
    fingerprint: str
    rows: int
    deleted: int
    put_aside: tuple[PutAside, ...]
    loads: Loads | None
    imported: Imported | None
    keys: tuple[KeyVersion, ...]


STATES = TypeAdapter(list[FeedState])
"""Reads and writes them as JSON."""


def states(connection: Connection[Any]) -> list[FeedState]:
    """All feeds of the database, by name; none where nothing was migrated yet."""
    found = connection.execute("SELECT to_regclass('sluice_feeds.contract') IS NOT NULL").fetchone()
    if not (found and found[0]):
        return []
    versions = dict(connection.execute("SELECT name, version FROM sluice_feeds.namespace").fetchall())
    return [_state(connection, feed, versions) for feed, _ in stored_columns(connection)]


def _state(connection: Connection[Any], feed: Feed, versions: Mapping[str, int]) -> FeedState:
    query = sql.SQL("SELECT count(*) FILTER (WHERE NOT {0}), count(*) FILTER (WHERE {0}) FROM {1}")
    counts = connection.execute(query.format(sql.Identifier(DELETED), rows_table(feed))).fetchone() or (0, 0)
    keys = [
        KeyVersion(name, namespace.method, versions[name])
        for name, namespace in sorted(feed.namespaces.items())
        if name in versions
    ]
    return FeedState(
        feed=feed.feed,
        source=feed.source.table,
        table=f"{feed.target.schema_}.{feed.target.table}",
        key_holder=feed.key_holder,
        fingerprint=feed.fingerprint,
        rows=counts[0],
        deleted=counts[1],
        put_aside=tuple(_put_aside(connection, feed)),
        loads=loads_of(connection, feed),
        imported=_imported(connection, feed),
        keys=tuple(keys),
    )


def _put_aside(connection: Connection[Any], feed: Feed) -> list[PutAside]:
    query = (
        "SELECT column_name, reason, count(*), max(at) FROM sluice_feeds.refused WHERE feed = %s"
        " GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2"
    )
    return [PutAside(*row) for row in connection.execute(query, (feed.feed,))]


def _imported(connection: Connection[Any], feed: Feed) -> Imported | None:
    query = (
        "SELECT sum(items)::bigint, count(*) FILTER (WHERE is_done), max(segments), max(at)"
        " FROM sluice_feeds.import WHERE feed = %s"
    )
    row = connection.execute(query, (feed.feed,)).fetchone()
    return Imported(*row) if row and row[2] is not None else None
