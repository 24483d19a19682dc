"""Takes one person's rows out of the target, by pseudonym: nobody has to know which rows are whose.

A row becomes a tombstone, so that neither a record from before nor an import brings it back. What erasure does not
reach is the source, whose next change of an item writes it again, and copies of the database: backups, exports.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql

from pipeline.core.errors import BadInput
from pipeline.feeds import refusals
from pipeline.feeds.definition import Column, Feed
from pipeline.feeds.key_checks import verify
from pipeline.feeds.keyring import Keyring
from pipeline.feeds.migrations import stored_columns
from pipeline.feeds.pseudonyms import Pseudonyms
from pipeline.feeds.readings import ERASED
from pipeline.feeds.target import DELETED, READING, rows_table
from pipeline.feeds.turns import beside_others
from pipeline.feeds.writer import versions_of

UNREACHED = (
    "the source: an item that is still there is written again at its next change",
    "the database's own files, until it has vacuumed the table and recycled its log",
    "backups and snapshots of the database, until they end",
    "what analysts copied out of the target",
)
"""What still has the person's data afterwards."""


@dataclass(frozen=True, slots=True)
class Erased:
    """How many rows of a feed's target were the person's, and how many keys of records that were put aside; no
    pseudonym, and so nothing that leads to them."""

    feed: str
    table: str
    rows: int
    put_aside: int = 0


def erase(
    connection: Connection[Any], feed: Feed, namespace: str, identifier: str, keyring: Keyring, *, dry_run: bool
) -> list[Erased]:
    """Erase a person in the targets of all feeds of the database, where a column of the namespace has their pseudonym.

    `BadInput` for a namespace that the feed does not have, and for an identifier that is nobody's. In a dry run rows
    are counted and stay.
    """
    if namespace not in feed.namespaces:
        known = ", ".join(sorted(feed.namespaces)) or "none"
        raise BadInput(f"{namespace} is no namespace of the feed {feed.feed}", hint=f"It has {known}.")
    with connection.transaction():
        # A column that a deployment adds meanwhile would keep what a new row of theirs has in it.
        beside_others(connection)
        version = versions_of(connection, feed)[namespace]
        try:
            pseudonym = Pseudonyms(namespace, feed.namespaces[namespace], keyring, version).of(identifier)
        except UnicodeEncodeError:
            # The error quotes the identifier.
            raise BadInput("the identifier is no text: it has half of a character") from None
        if pseudonym is None:
            raise BadInput("the identifier is empty", hint="Give it as the source writes it.")
        # With another key nobody would be found, and that would be the proof.
        verify(connection, {namespace: feed.namespaces[namespace]}, keyring, {namespace: version})
        return list(_erased(connection, namespace, pseudonym, dry_run=dry_run))


def _erased(connection: Connection[Any], namespace: str, pseudonym: str, *, dry_run: bool) -> Iterator[Erased]:
    for feed, columns in stored_columns(connection):
        theirs = [name for name, column in columns.items() if column.pseudonymise == namespace]
        if theirs:
            keys = _erase_rows(connection, feed, columns, theirs, pseudonym, dry_run=dry_run)
            places = [place for place, name in enumerate(feed.target.key) if name in theirs]
            put_aside = refusals.erase(connection, feed, keys, pseudonym, places, dry_run=dry_run)
            yield Erased(feed.feed, f"{feed.target.schema_}.{feed.target.table}", len(keys), put_aside)


def _erase_rows(
    connection: Connection[Any],
    feed: Feed,
    columns: Mapping[str, Column],
    theirs: list[str],
    pseudonym: str,
    *,
    dry_run: bool,
) -> list[tuple[Any, ...]]:
    """The keys of the rows that were erased, or would be."""
    found = sql.SQL(" OR ").join(sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder()) for name in theirs)
    told = [pseudonym] * len(theirs)
    key = sql.SQL(", ").join(map(sql.Identifier, feed.target.key))
    if dry_run:
        query = sql.SQL("SELECT {} FROM {} WHERE ({}) AND NOT {}")
        return connection.execute(query.format(key, rows_table(feed), found, sql.Identifier(DELETED)), told).fetchall()
    emptied = [sql.SQL("{} = NULL").format(sql.Identifier(name)) for name in columns if name not in feed.target.key]
    update = sql.SQL("UPDATE {} SET {} WHERE ({}) AND NOT {} RETURNING {}").format(
        rows_table(feed),
        sql.SQL(", ").join(
            [
                *emptied,
                sql.SQL("{} = true").format(sql.Identifier(DELETED)),
                sql.SQL("{} = {}").format(sql.Identifier(READING), sql.Literal(ERASED)),
            ]
        ),
        found,
        sql.Identifier(DELETED),
        key,
    )
    return connection.execute(update, told).fetchall()
