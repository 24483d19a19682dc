"""Counts and checksums by day of what the source has and what the target shows.

The source's items are made rows as an import makes them and stand in a temporary table for as long as it takes.
PostgreSQL compares the rows: what it holds of a value counts, and not how Python or DynamoDB writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString

from psycopg import Connection, sql

from pipeline.feeds.changes import Change, Decoder
from pipeline.feeds.definition import Feed
from pipeline.feeds.target import DELETED, SEQUENCE, rows_table
from pipeline.feeds.types import parse_type
from pipeline.feeds.writer import Writer, versions_of

Page = Sequence[Mapping[str, Any]]
"""Items of the source as DynamoDB writes them."""


@dataclass(frozen=True, slots=True)
class Day:
    """The rows of a day (None: without one) in the source and in the target. Checksums do not depend on their order."""

    day: date | None
    source_rows: int
    target_rows: int
    source_checksum: str
    target_checksum: str

    @property
    def agrees(self) -> bool:
        """Whether both have the same rows."""
        return (self.source_rows, self.source_checksum) == (self.target_rows, self.target_checksum)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs, by key and by day.

    `in_motion` are rows that differ and that the stream has told of: they follow the stream, which may be ahead of what
    was read of the source, or behind it. `refused` are items that are no rows.
    """

    days: tuple[Day, ...]
    missing: int
    different: int
    surplus: int
    in_motion: int
    refused: int

    @property
    def agrees(self) -> bool:
        """Whether the target shows what the source has, but for what is in motion."""
        return not (self.missing or self.different or self.surplus)


def compare(
    connection: Connection[Any],
    feed: Feed,
    decoder: Callable[[Mapping[str, int]], Decoder],
    pages: Iterable[Page],
) -> Comparison:
    """Compare the source's items with the target's rows. Whatever changes meanwhile shows: compare again then."""
    writer, refused = Writer(feed), 0
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        decode = decoder(versions_of(connection, feed)).of_item
        writer.prepare(cursor)
        for page in pages:
            rows = [found for item in page if isinstance(found := decode(item), Change)]
            refused += len(page) - len(rows)
            writer.stage(cursor, rows)
        statements = _Statements(feed, writer.staging)
        days = tuple(Day(*row) for row in cursor.execute(statements.days).fetchall())
        differences: tuple[int, int, int, int] = cursor.execute(statements.differences).fetchone() or (0, 0, 0, 0)
    return Comparison(days, *differences, refused)


def day_column(feed: Feed) -> str | None:
    """The column that says a row's day: the first time or date that is kept, else the first that there is."""
    moments = [name for name, column in feed.columns.items() if parse_type(column.type).kind in ("timestamp", "date")]
    return next((name for name in moments if not feed.columns[name].generalise), next(iter(moments), None))


_DAYS: LiteralString = """
SELECT day, count(*) FILTER (WHERE is_source), count(*) FILTER (WHERE NOT is_source),
       lpad(to_hex(mod(coalesce(sum(digest) FILTER (WHERE is_source), 0), 9223372036854775808)::bigint), 16, '0'),
       lpad(to_hex(mod(coalesce(sum(digest) FILTER (WHERE NOT is_source), 0), 9223372036854775808)::bigint), 16, '0')
FROM (SELECT {day} AS day, true AS is_source, {digest} AS digest FROM {staging}
      UNION ALL SELECT {day}, false, {digest} FROM {table} WHERE NOT {deleted}) AS both_sides
GROUP BY day ORDER BY day NULLS FIRST
"""

# A row that the stream told of has a sequence above zero; one of an import has zero.
_DIFFERENCES: LiteralString = """
SELECT count(*) FILTER (WHERE is_source AND there IS NULL),
       count(*) FILTER (WHERE is_source AND differs AND there = 0),
       count(*) FILTER (WHERE NOT is_source AND there = 0),
       count(*) FILTER (WHERE there > 0 AND (differs OR NOT is_source))
FROM (SELECT s.{sequence} IS NOT NULL AS is_source, t.{sequence} AS there,
             coalesce(t.{deleted} OR ({source}) IS DISTINCT FROM ({target}), true) AS differs, t.{deleted} AS is_deleted
      FROM {staging} AS s FULL JOIN {table} AS t USING ({key})) AS pairs
WHERE is_source OR NOT is_deleted
"""


class _Statements:
    def __init__(self, feed: Feed, staging: sql.Identifier) -> None:
        names = [sql.Identifier(name) for name in feed.columns]
        comma = sql.SQL(", ")
        column = day_column(feed)
        is_moment = column is not None and parse_type(feed.columns[column].type).kind == "timestamp"
        day: LiteralString = "({} AT TIME ZONE 'UTC')::date" if is_moment else "{}"
        common = {
            "staging": staging,
            "table": rows_table(feed),
            "deleted": sql.Identifier(DELETED),
            "sequence": sql.Identifier(SEQUENCE),
        }
        digest = sql.SQL("(hashtextextended(ROW({})::text, 0)::numeric + 9223372036854775808)")
        self.days = sql.SQL(_DAYS).format(
            day=sql.SQL(day).format(sql.Identifier(column)) if column else sql.SQL("NULL::date"),
            digest=digest.format(comma.join(names)),
            **common,
        )
        self.differences = sql.SQL(_DIFFERENCES).format(
            source=sql.SQL("ROW({})").format(comma.join(sql.SQL("s.") + name for name in names)),
            target=sql.SQL("ROW({})").format(comma.join(sql.SQL("t.") + name for name in names)),
            key=comma.join(map(sql.Identifier, feed.target.key)),
            **common,
        )
