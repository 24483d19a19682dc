"""What stands in PostgreSQL for a feed: its rows with their order, the view that analysts read, the feeds' own state.

Rows stand in the schema `sluice_feeds`, where only the writer reads; a deleted row stays as a tombstone (its key and
its order), so that an older record cannot bring it back. The view in the target's schema shows the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from psycopg import sql

from pipeline.feeds.changes import ORDER_DIGITS
from pipeline.feeds.definition import Feed
from pipeline.feeds.types import parse_type

STATE = "sluice_feeds"
"""The schema of the feeds' own tables."""

SEQUENCE = "sluice_sequence"
"""The column with the order of the record that the row is like: of its stream, and in it (`changes.py`)."""

ORDER = sql.SQL("numeric({})").format(sql.Literal(ORDER_DIGITS))
"""The type of that column."""

DELETED = "sluice_deleted"
"""The column that is true of a tombstone."""

READING = "sluice_reading"
"""The column with the number of the newest reading of the source that had begun when the row was written
(`readings.py`). Null of a row that an earlier version of the writer wrote: then nobody knows."""

READINGS = sql.SQL("CREATE SEQUENCE IF NOT EXISTS sluice_feeds.reading")

KEY_CHECKS = sql.SQL(
    # A row of `namespace` is locked by whoever writes, who could not change it beside others.
    "CREATE TABLE IF NOT EXISTS sluice_feeds.key_check (namespace text NOT NULL, version integer NOT NULL,"
    " value text NOT NULL, PRIMARY KEY (namespace, version))"
)

COMMON: tuple[sql.SQL, ...] = (
    sql.SQL("CREATE SCHEMA IF NOT EXISTS sluice_feeds"),
    sql.SQL(
        "CREATE TABLE IF NOT EXISTS sluice_feeds.namespace"
        " (name text PRIMARY KEY, version integer NOT NULL CHECK (version >= 0))"
    ),
    sql.SQL(
        "CREATE TABLE IF NOT EXISTS sluice_feeds.refused (feed text NOT NULL, sequence numeric(40) NOT NULL,"
        " key text[], column_name text NOT NULL, reason text NOT NULL,"
        # All that an import finds has one sequence.
        " at timestamp with time zone NOT NULL DEFAULT now(), UNIQUE NULLS NOT DISTINCT (feed, sequence, key))"
    ),
    sql.SQL(
        "CREATE TABLE IF NOT EXISTS sluice_feeds.contract (feed text PRIMARY KEY, definition text NOT NULL,"
        " retired text NOT NULL DEFAULT '{}',"
        " at timestamp with time zone NOT NULL DEFAULT now())"
    ),
    sql.SQL(
        "CREATE TABLE IF NOT EXISTS sluice_feeds.import (feed text NOT NULL, segment integer NOT NULL,"
        " segments integer NOT NULL, position text, items bigint NOT NULL, is_done boolean NOT NULL,"
        " at timestamp with time zone NOT NULL DEFAULT now(), PRIMARY KEY (feed, segment))"
    ),
    sql.SQL(
        "CREATE TABLE IF NOT EXISTS sluice_feeds.import_run (feed text PRIMARY KEY, way text NOT NULL,"
        " token text NOT NULL, detail text, is_done boolean NOT NULL DEFAULT false,"
        " began timestamp with time zone NOT NULL DEFAULT now(), reading bigint)"
    ),
    sql.SQL(
        "CREATE TABLE IF NOT EXISTS sluice_feeds.loaded (feed text NOT NULL, session integer NOT NULL,"
        " at timestamp with time zone NOT NULL, newest timestamp with time zone, changed bigint NOT NULL,"
        " older bigint NOT NULL, refused bigint NOT NULL, PRIMARY KEY (feed, session))"
    ),
    READINGS,
    KEY_CHECKS,
)
"""What all feeds of a database share. The version of a namespace's keys is the same for all rows of the database."""


def rows_table(feed: Feed) -> sql.Identifier:
    """Where the feed's rows stand."""
    return sql.Identifier(STATE, f"{feed.target.schema_}_{feed.target.table}")


def view(feed: Feed) -> sql.Identifier:
    """What analysts read."""
    return sql.Identifier(feed.target.schema_, feed.target.table)


def creation(feed: Feed) -> Iterator[sql.Composed]:
    """The statements that make the table and the view of a feed for the first time."""
    columns = [
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(parse_type(column.type).sql))
        for name, column in feed.columns.items()
    ]
    yield sql.SQL(
        "CREATE TABLE {table} ({columns}, {sequence} {order} NOT NULL, {deleted} boolean NOT NULL,"
        " {reading} bigint, PRIMARY KEY ({key}))"
    ).format(
        table=rows_table(feed),
        columns=sql.SQL(", ").join(columns),
        sequence=sql.Identifier(SEQUENCE),
        order=ORDER,
        deleted=sql.Identifier(DELETED),
        reading=sql.Identifier(READING),
        key=_names(feed.target.key),
    )
    yield sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(feed.target.schema_))
    yield from view_creation(feed)


def view_removal(feed: Feed) -> sql.Composed:
    """The statement that takes the view away: a column's type cannot change under it."""
    return sql.SQL("DROP VIEW IF EXISTS {}").format(view(feed))


def view_creation(feed: Feed) -> Iterator[sql.Composed]:
    """The statements that make the view and its comments."""
    # A barrier: a function in somebody's condition must not see the rows that the view leaves out.
    yield sql.SQL(
        "CREATE VIEW {view} WITH (security_barrier) AS SELECT {columns} FROM {table} WHERE NOT {deleted}"
    ).format(view=view(feed), columns=_names(feed.columns), table=rows_table(feed), deleted=sql.Identifier(DELETED))
    for name in feed.columns:
        comment = sql.SQL("COMMENT ON COLUMN {} IS {}")
        whole = sql.Identifier(feed.target.schema_, feed.target.table, name)
        yield comment.format(whole, sql.Literal(comment_of(feed, name)))


def comment_of(feed: Feed, name: str) -> str:
    """What somebody who reads a column should know of it."""
    column = feed.columns[name]
    treatment = ""
    if column.pseudonymise:
        treatment = f"Pseudonym of the namespace {column.pseudonymise}: joins with that namespace's columns alone."
    elif column.generalise:
        how = column.generalise
        what = f"to its {how.to}" if how.to else f"to its first {how.prefix} characters" if how.prefix else "to bands"
        treatment = f"Generalised {what}."
    said = column.comment.rstrip()
    if said and treatment and said[-1] not in ".!?":
        said += "."
    return " ".join(filter(None, (said, treatment)))


def _names(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join([sql.Identifier(name) for name in names])
