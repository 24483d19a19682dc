"""The keys of records that were put aside (`sluice_feeds.refused`): erased with their rows, and brought to new keys.

A key stands there as texts, a part for each column of the target's key, for people to find the item in the source.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from psycopg import Connection, sql

from pipeline.feeds.definition import Feed
from pipeline.feeds.identifiers import number_as_text

TABLE = sql.Identifier("sluice_feeds", "refused")


def key_as_text(key: Iterable[Any]) -> list[str]:
    """A row's key, as of a record or as PostgreSQL gives it: the same text for the same key."""
    return [_part(part) for part in key]


def _part(part: Any) -> str:
    if isinstance(part, Decimal):
        return number_as_text(part)
    if isinstance(part, datetime):
        return str(part.astimezone(UTC))
    return str(part)


def erase(
    connection: Connection[Any],
    feed: Feed,
    keys: Sequence[Sequence[Any]],
    pseudonym: str,
    places: Sequence[int],
    *,
    dry_run: bool,
) -> int:
    """Erase what was put aside of the rows that have these keys, and of whatever has the pseudonym in one of these
    places of its key, counted from 0; how many that are. In a dry run they stay."""
    texts = [key_as_text(key) for key in keys]
    wanted = sql.SQL("feed = %s AND ({})").format(
        sql.SQL(" OR ").join(
            [
                sql.SQL("key IN (SELECT ARRAY[{}] FROM unnest({}) AS k ({}))").format(*_lists(len(feed.target.key))),
                *(sql.SQL("key[{}] = %s").format(sql.Literal(place + 1)) for place in places),
            ]
        )
    )
    columns = [[text[place] for text in texts] for place in range(len(feed.target.key))]
    told = (feed.feed, *columns, *([pseudonym] * len(places)))
    if dry_run:
        row = connection.execute(sql.SQL("SELECT count(*) FROM {} WHERE ").format(TABLE) + wanted, told).fetchone()
        return int(row[0]) if row else 0
    return connection.execute(sql.SQL("DELETE FROM {} WHERE ").format(TABLE) + wanted, told).rowcount


def _lists(count: int) -> tuple[sql.Composed, sql.Composed, sql.Composed]:
    comma = sql.SQL(", ")
    names = comma.join([sql.Identifier(f"part{number}") for number in range(count)])
    return names, comma.join([sql.SQL("%s::text[]")] * count), names


def of(feed: Feed) -> sql.Composable:
    """The condition of a feed's records."""
    return sql.SQL("feed = {}").format(sql.Literal(feed.feed))


def part(feed: Feed, name: str) -> sql.Composable:
    """The part of their keys that is of the column `name`."""
    return sql.SQL("key[{}]").format(sql.Literal(feed.target.key.index(name) + 1))
