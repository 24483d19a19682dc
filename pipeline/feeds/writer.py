"""Writes changes into the target: one binary COPY into a temporary table and one guarded upsert for a batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg import Connection, Cursor, sql

from pipeline.core.errors import Misconfigured
from pipeline.feeds.changes import Change, Refusal, newest
from pipeline.feeds.definition import Feed
from pipeline.feeds.readings import ERASED, LATEST
from pipeline.feeds.refusals import key_as_text
from pipeline.feeds.target import DELETED, READING, SEQUENCE, rows_table
from pipeline.feeds.types import parse_type


@dataclass(frozen=True, slots=True)
class Written:
    """How many rows a batch changed, how many changes were no newer than what stands, how many records were refused."""

    changed: int
    older: int
    refused: int


class Writer:
    """Writes for one feed. Statements are made once."""

    def __init__(self, feed: Feed, staging: str = "sluice") -> None:
        self._feed = feed
        self._table = rows_table(feed)
        # By the contract: a connection may outlive the one that its temporary table was made for.
        self.staging = sql.Identifier(f"{staging}_{feed.fingerprint}")
        names = self._names = (*feed.columns, SEQUENCE, DELETED)
        # Without their precision, which COPY's types do not have.
        self._types = [parse_type(column.type).sql.partition("(")[0] for column in feed.columns.values()]
        self._types += ["numeric", "boolean"]
        self._places = {name: place for place, name in enumerate(feed.columns)}
        self._create, self._copy = _statements(self._table, self.staging, names)

    def write(
        self, connection: Connection[Any], found: Iterable[Change | Refusal], reading: int | None = None
    ) -> Written:
        """Write what a batch's records are, in one transaction. A change that is not newer than what stands changes
        nothing.

        `reading` is the number of the reading that found them, if all are items of the source that were read after it
        was taken: then they take the place of every row that was written before it began (`readings.py`).
        """
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
                changed = cursor.execute(self._upsert(cursor, reading)).rowcount
            if reading is not None:
                self._keep(cursor, [refusal.key for refusal in refusals if refusal.key is not None], reading)
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

    def remove_unseen(self, connection: Connection[Any], reading: int) -> int:
        """Make tombstones of the rows that a whole reading of the source did not find, and return how many.

        `reading` was taken before its first page. Each page's rows have a greater number by now, and so have those that
        the stream wrote meanwhile: what is left was written before, and its item was gone when its page was read.
        """
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
            return cursor.execute(self.removal(cursor), (reading, reading)).rowcount

    def number(self, connection: Connection[Any]) -> None:
        """Give a number to the rows that a writer of an earlier version wrote. Only before a reading begins.

        A tombstone may be of somebody who was erased: it gets the number of those.
        """
        with connection.transaction():
            connection.execute("SET LOCAL statement_timeout = 0")
            update: LiteralString = "UPDATE {0} SET {1} = CASE WHEN {2} THEN {3} ELSE 0 END WHERE {1} IS NULL"
            names = (sql.Identifier(READING), sql.Identifier(DELETED), sql.Literal(ERASED))
            connection.execute(sql.SQL(update).format(self._table, *names))

    def removal(self, cursor: Cursor[Any]) -> sql.Composed:
        """The statement of `remove_unseen`; its parameters are the number, twice."""
        emptied = [*(name for name in self._feed.columns if name not in self._feed.target.key), *self._unknown(cursor)]
        update: LiteralString = (
            "UPDATE {table} SET {emptied}{deleted} = true, {reading} = %s WHERE NOT {deleted} AND {reading} < %s"
        )
        return sql.SQL(update).format(
            table=self._table,
            emptied=sql.SQL("").join([sql.SQL("{} = NULL, ").format(sql.Identifier(name)) for name in emptied]),
            deleted=sql.Identifier(DELETED),
            reading=sql.Identifier(READING),
        )

    def _keep(self, cursor: Cursor[Any], keys: Sequence[tuple[Any, ...]], reading: int) -> None:
        """Keep the rows of items that are there, and are no rows as they are now."""
        if not keys:
            return
        comma, key = sql.SQL(", "), self._feed.target.key
        types = [sql.SQL("%s::{}[]").format(sql.SQL(parse_type(self._feed.columns[name].type).sql)) for name in key]
        update: LiteralString = (
            "UPDATE {table} AS t SET {reading} = %s FROM unnest({lists}) AS k ({key})"
            " WHERE ({theirs}) = ({ours}) AND t.{reading} < %s"
        )
        query = sql.SQL(update).format(
            table=self._table,
            reading=sql.Identifier(READING),
            lists=comma.join(types),
            key=comma.join(map(sql.Identifier, key)),
            theirs=comma.join(sql.SQL("t.") + sql.Identifier(name) for name in key),
            ours=comma.join(sql.SQL("k.") + sql.Identifier(name) for name in key),
        )
        cursor.execute(query, (reading, *(list(column) for column in zip(*keys, strict=True)), reading))

    def _upsert(self, cursor: Cursor[Any], reading: int | None) -> sql.Composed:
        """The guarded upsert: by the stream's order, or by the number of a reading."""
        if reading is None:
            return _upsert(self._feed, self._table, self.staging, self._names, self._unknown(cursor))
        return _repair(self._feed, self._table, self.staging, self._unknown(cursor), reading)

    def _unknown(self, cursor: Cursor[Any]) -> list[str]:
        """Columns of the table that this contract does not have. They become null in rows that change: what they hold
        is of an older item, and of one that was deleted it would stay for ever."""
        query = (
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
            " AND NOT attnotnull AND attgenerated = '' AND attname <> ALL(%s) ORDER BY attnum"
        )
        cursor.execute(query, (self._table.as_string(cursor), [*self._names, READING]))
        return [name for (name,) in cursor]

    def _values(self, change: Change) -> Sequence[Any]:
        if change.values is not None:
            return change.values
        values: list[Any] = [None] * len(self._places)
        for name, value in zip(self._feed.target.key, change.key, strict=True):
            values[self._places[name]] = value
        return values

    def _refuse(self, cursor: Any, refusal: Refusal) -> None:
        key = key_as_text(refusal.key) if refusal.key is not None else None
        cursor.execute(
            "INSERT INTO sluice_feeds.refused (feed, sequence, key, column_name, reason) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            (self._feed.feed, refusal.sequence, key, refusal.column, refusal.reason),
        )


def has_rows(connection: Connection[Any], feed: Feed) -> bool:
    """Whether anything was ever written for a feed; tombstones count."""
    found = connection.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(rows_table(feed))).fetchone()
    return found == (True,)


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
    table: sql.Identifier, staging: sql.Identifier, names: Sequence[str]
) -> tuple[sql.Composed, sql.Composed]:
    create: LiteralString = "CREATE TEMPORARY TABLE IF NOT EXISTS {} (LIKE {}) ON COMMIT DELETE ROWS"
    copy: LiteralString = "COPY {} ({}) FROM STDIN (FORMAT BINARY)"
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    return sql.SQL(create).format(staging, table), sql.SQL(copy).format(staging, columns)


def _upsert(
    feed: Feed, table: sql.Identifier, staging: sql.Identifier, names: Sequence[str], unknown: Sequence[str]
) -> sql.Composed:
    others = [*(name for name in names if name not in feed.target.key), READING]
    updates = [sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in others]
    updates += [sql.SQL("{} = NULL").format(sql.Identifier(name)) for name in unknown]
    guard = sql.SQL("there.{0} < excluded.{0}").format(sql.Identifier(SEQUENCE))
    return _insertion(feed, table, staging, sql.SQL(LATEST), updates, guard)


def _repair(
    feed: Feed, table: sql.Identifier, staging: sql.Identifier, unknown: Sequence[str], reading: int
) -> sql.Composed:
    """A row keeps its place in the stream's order: what the stream tells next is newer than that."""
    comma, names = sql.SQL(", "), [sql.Identifier(name) for name in feed.columns]
    updates = [
        sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name))
        for name in (*(name for name in feed.columns if name not in feed.target.key), DELETED, READING)
    ]
    is_other = sql.SQL("there.{deleted} OR ROW({there}) IS DISTINCT FROM ROW({found})").format(
        deleted=sql.Identifier(DELETED),
        there=comma.join(sql.SQL("there.") + name for name in names),
        found=comma.join(sql.SQL("excluded.") + name for name in names),
    )
    updates += [
        sql.SQL("{0} = CASE WHEN {1} THEN NULL ELSE there.{0} END").format(sql.Identifier(name), is_other)
        for name in unknown
    ]
    guard = sql.SQL("there.{} < {}").format(sql.Identifier(READING), sql.Literal(reading))
    return _insertion(feed, table, staging, sql.Literal(reading), updates, guard)


def _insertion(
    feed: Feed,
    table: sql.Identifier,
    staging: sql.Identifier,
    reading: sql.Composable,
    updates: Sequence[sql.Composable],
    guard: sql.Composable,
) -> sql.Composed:
    comma = sql.SQL(", ")
    upsert: LiteralString = (
        "INSERT INTO {table} AS there ({columns}, {column}) SELECT {columns}, {reading} FROM {staging} ORDER BY {key}"
        " ON CONFLICT ({key}) DO UPDATE SET {updates} WHERE {guard}"
    )
    return sql.SQL(upsert).format(
        table=table,
        columns=comma.join(map(sql.Identifier, (*feed.columns, SEQUENCE, DELETED))),
        column=sql.Identifier(READING),
        reading=reading,
        staging=staging,
        key=comma.join(map(sql.Identifier, feed.target.key)),
        updates=comma.join(updates),
        guard=guard,
    )
