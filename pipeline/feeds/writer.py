"""Writes changes into the target: one binary COPY into a temporary table and one guarded upsert for a batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg import Connection, Cursor, sql

from pipeline.core.errors import Misconfigured
from pipeline.feeds.changes import Change, Refusal, newest
from pipeline.feeds.definition import Feed
from pipeline.feeds.target import DELETED, SEQUENCE, rows_table
from pipeline.feeds.types import parse_type


@dataclass(frozen=True, slots=True)
class Written:
    """How many rows a batch changed, how many changes were no newer than what stands, how many records were refused."""

    changed: int
    older: int
    refused: int


class Writer:
    """Writes for one feed. Statements are made once."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._table = rows_table(feed)
        # By the contract: a connection may outlive the one that its temporary table was made for.
        self.staging = sql.Identifier(f"sluice_{feed.fingerprint}")
        names = (*feed.columns, SEQUENCE, DELETED)
        # Without their precision, which COPY's types do not have.
        self._types = [parse_type(column.type).sql.partition("(")[0] for column in feed.columns.values()]
        self._types += ["numeric", "boolean"]
        self._places = {name: place for place, name in enumerate(feed.columns)}
        self._create, self._copy, self._upsert = _statements(feed, self._table, self.staging, names)

    def write(self, connection: Connection[Any], found: Iterable[Change | Refusal]) -> Written:
        """Write what a batch's records are, in one transaction. A change that is not newer than what stands changes
        nothing."""
        changes, refusals = list[Change](), list[Refusal]()
        for each in found:
            if isinstance(each, Change):
                changes.append(each)
            else:
                refusals.append(each)
        latest = newest(changes)
        with connection.transaction(), connection.cursor() as cursor:
            changed = 0
            if latest:
                self.prepare(cursor)
                self.stage(cursor, latest)
                changed = cursor.execute(self._upsert).rowcount
            for refusal in refusals:
                self._refuse(cursor, refusal)
        return Written(changed, len(changes) - changed, len(refusals))

    def prepare(self, cursor: Cursor[Any]) -> None:
        """Make the temporary table `staging`, whose rows end with the transaction."""
        cursor.execute(self._create)

    def stage(self, cursor: Cursor[Any], changes: Iterable[Change]) -> None:
        """Copy changes into the temporary table."""
        with cursor.copy(self._copy) as copy:
            copy.set_types(self._types)
            for change in changes:
                copy.write_row((*self._values(change), change.sequence, change.values is None))

    def _values(self, change: Change) -> Sequence[Any]:
        if change.values is not None:
            return change.values
        values: list[Any] = [None] * len(self._places)
        for name, value in zip(self._feed.target.key, change.key, strict=True):
            values[self._places[name]] = value
        return values

    def _refuse(self, cursor: Any, refusal: Refusal) -> None:
        key = [str(part) for part in refusal.key] if refusal.key is not None else None
        cursor.execute(
            "INSERT INTO sluice_feeds.refused (feed, sequence, key, column_name, reason) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            (self._feed.feed, refusal.sequence, key, refusal.column, refusal.reason),
        )


def versions_of(connection: Connection[Any], feed: Feed) -> Mapping[str, int]:
    """The versions of the keys with which the rows of a feed's namespaces were made.

    Taken with a share lock until the transaction ends: keys are not advanced meanwhile. `Misconfigured` for a namespace
    that the target does not know: what is deployed has not been migrated.
    """
    query = "SELECT name, version FROM sluice_feeds.namespace WHERE name = ANY(%s) ORDER BY name FOR SHARE"
    found = dict(connection.execute(query, (sorted(feed.namespaces),)).fetchall())
    if missing := sorted(feed.namespaces.keys() - found.keys()):
        raise Misconfigured(f"the target knows no namespace {missing[0]}", hint="Run the feed's migrations.")
    return found


def _statements(
    feed: Feed, table: sql.Identifier, staging: sql.Identifier, names: Sequence[str]
) -> tuple[sql.Composed, sql.Composed, sql.Composed]:
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    key = sql.SQL(", ").join(map(sql.Identifier, feed.target.key))
    others = [name for name in names if name not in feed.target.key]
    updates = sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in others)
    create: LiteralString = "CREATE TEMPORARY TABLE IF NOT EXISTS {} (LIKE {}) ON COMMIT DELETE ROWS"
    copy: LiteralString = "COPY {} ({}) FROM STDIN (FORMAT BINARY)"
    upsert: LiteralString = (
        "INSERT INTO {table} AS there ({columns}) SELECT {columns} FROM {staging} ORDER BY {key}"
        " ON CONFLICT ({key}) DO UPDATE SET {updates} WHERE there.{sequence} < excluded.{sequence}"
    )
    return (
        sql.SQL(create).format(staging, table),
        sql.SQL(copy).format(staging, columns),
        sql.SQL(upsert).format(
            table=table, columns=columns, staging=staging, key=key, updates=updates, sequence=sql.Identifier(SEQUENCE)
        ),
    )
