"""Brings the target to the contract: forward only, by statements that can be read before they run.

Columns are added; one that the contract has no more leaves the view and stays in the table, where it is remembered,
and is null in rows that change from then on. A change that would make the stored rows mean something else (a type, a
treatment, the key) is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg import Connection, sql
from pydantic import TypeAdapter

from pipeline.core.errors import Refused
from pipeline.feeds.compatibility import Kind, changes
from pipeline.feeds.definition import Column, Feed
from pipeline.feeds.keyring import Keyring
from pipeline.feeds.loads import tidy
from pipeline.feeds.target import COMMON, creation, rows_table, view_creation, view_removal
from pipeline.feeds.types import parse_type
from pipeline.feeds.upgrades import missing

_COLUMNS = TypeAdapter(dict[str, Column])


@dataclass(frozen=True, slots=True)
class Migration:
    """What is to be done for a feed: its statements, in their order. Empty where the target is as the contract says."""

    statements: tuple[sql.Composed | sql.SQL, ...]

    def as_text(self, connection: Connection[Any]) -> str:
        """The statements as a reviewer reads them."""
        return "".join(f"{statement.as_string(connection)};\n" for statement in self.statements)


def plan(connection: Connection[Any], feed: Feed, keyring: Keyring) -> Migration:
    """What brings the target to the contract. `Refused` says which change cannot be made, and what to do instead."""
    has_state = _has_state(connection)
    stored, retired = _stored_contract(connection, feed.feed) if has_state else (None, {})
    statements: list[sql.Composed | sql.SQL] = list(COMMON)
    if has_state:
        statements = list(missing(connection, [feed for feed, _ in stored_columns(connection)]))
    statements += _namespaces(connection if has_state else None, feed, keyring)
    if stored is None:
        statements += creation(feed)
    elif stored != feed:
        statements += _changes(stored, retired, feed)
    if stored != feed:
        gone = {**retired, **(stored.columns if stored else {})}
        statements.append(
            _remembered(feed, {name: column for name, column in gone.items() if name not in feed.columns})
        )
    return Migration(tuple(statements))


def apply(connection: Connection[Any], migration: Migration) -> None:
    """Run the statements, all or none, and forget what nobody asks for any more."""
    with connection.transaction():
        for statement in migration.statements:
            connection.execute(statement)
        tidy(connection)


def _has_state(connection: Connection[Any]) -> bool:
    found = connection.execute("SELECT to_regclass('sluice_feeds.contract')").fetchone()
    return found is not None and found[0] is not None


def _stored_contract(connection: Connection[Any], name: str) -> tuple[Feed | None, Mapping[str, Column]]:
    """The contract that the target was last brought to, and columns of earlier ones that are still in the table."""
    query = "SELECT definition, retired FROM sluice_feeds.contract WHERE feed = %s"
    found = connection.execute(query, (name,)).fetchone()
    if found is None:
        return None, {}
    return Feed.from_json(found[0]), _COLUMNS.validate_json(found[1])


def stored_columns(connection: Connection[Any]) -> list[tuple[Feed, Mapping[str, Column]]]:
    """The feeds of the database, and all columns of each one's table: those of its contract, and of earlier ones."""
    rows = connection.execute("SELECT definition, retired FROM sluice_feeds.contract ORDER BY feed").fetchall()
    feeds = [(Feed.from_json(definition), _COLUMNS.validate_json(retired)) for definition, retired in rows]
    return [(feed, {**retired, **feed.columns}) for feed, retired in feeds]


def _remembered(feed: Feed, retired: Mapping[str, Column]) -> sql.Composed:
    said = _COLUMNS.dump_json(dict(retired), by_alias=True, exclude_defaults=True).decode()
    return sql.SQL(
        "INSERT INTO sluice_feeds.contract (feed, definition, retired) VALUES ({}, {}, {}) ON CONFLICT (feed) DO UPDATE"
        " SET definition = excluded.definition, retired = excluded.retired, at = now()"
    ).format(sql.Literal(feed.feed), sql.Literal(feed.to_json()), sql.Literal(said))


def _namespaces(connection: Connection[Any] | None, feed: Feed, keyring: Keyring) -> Iterator[sql.Composed]:
    """A namespace that is new to the database begins at the newest key; what was made elsewhere at none."""
    known: set[str] = set()
    if connection is not None:
        known = {row[0] for row in connection.execute("SELECT name FROM sluice_feeds.namespace")}
    for name in sorted(feed.namespaces.keys() - known):
        version = 0 if feed.namespaces[name].method == "sha256" else keyring.newest
        # Two feeds may be migrated at once; whichever is first says it.
        yield sql.SQL("INSERT INTO sluice_feeds.namespace VALUES ({}, {}) ON CONFLICT DO NOTHING").format(
            sql.Literal(name), sql.Literal(version)
        )


def _changes(stored: Feed, retired: Mapping[str, Column], feed: Feed) -> Iterator[sql.Composed]:
    for change in changes(stored, feed, retired):
        if change.kind is Kind.REFUSED:
            what = f"the feed {feed.feed} cannot change {change.subject}: rows that stand would mean something else"
            raise Refused(what, hint=change.meaning)
    yield view_removal(feed)
    for name, column in feed.columns.items():
        before, its_type = stored.columns.get(name) or retired.get(name), sql.SQL(parse_type(column.type).sql)
        if before is None:
            add: LiteralString = "ALTER TABLE {} ADD COLUMN {} {}"
            yield sql.SQL(add).format(rows_table(feed), sql.Identifier(name), its_type)
        elif before.type != column.type:
            widen: LiteralString = "ALTER TABLE {} ALTER COLUMN {} TYPE {}"
            yield sql.SQL(widen).format(rows_table(feed), sql.Identifier(name), its_type)
    yield from view_creation(feed)
