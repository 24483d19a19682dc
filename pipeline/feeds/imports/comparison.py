"""Counts and checksums by day of what the source has and what the target shows.

The source's items are made rows as an import makes them and stand in a temporary table for as long as it takes.
PostgreSQL compares the rows: what it holds of a value counts, and not how Python or DynamoDB writes it.

A row that was written before the source was read, and is not what was read, is wrong for good unless its record is on
its way (`readings.py`). So what differs is looked at again after a while, in which a stream that is not behind tells.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString, NamedTuple

from psycopg import Connection, sql

from pipeline.feeds import readings
from pipeline.feeds.changes import Change, Decoder
from pipeline.feeds.definition import Feed
from pipeline.feeds.target import DELETED, READING, SEQUENCE, rows_table
from pipeline.feeds.types import parse_type
from pipeline.feeds.writer import Writer, versions_of

Page = Sequence[Mapping[str, Any]]
"""Items of the source as DynamoDB writes them."""


_WAITS_S = (2.0, 8.0, 20.0)
"""How long what differs is given, again and again, for its record to come."""


@dataclass(frozen=True, slots=True)
class Day:
    """The rows of a day (None: without one) in the source and in the target. Checksums do not depend on their order.

    `wrong` are rows that differ for good; where the checksums differ and none is, rows are in motion or were erased.
    """

    day: date | None
    source_rows: int
    target_rows: int
    source_checksum: str
    target_checksum: str
    wrong: int = 0

    @property
    def agrees(self) -> bool:
        """Whether both have the same rows."""
        return (self.source_rows, self.source_checksum) == (self.target_rows, self.target_checksum)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs, by key and by day.

    `missing`, `different` and `surplus` are wrong for good: the stream has not told of them, or its records were given
    up. `in_motion` are rows that differ and were written while or after the source was read: they follow the stream.
    `erased` are people's rows that were erased, and whose items the source still has. `refused` are items that are no
    rows.
    """

    days: tuple[Day, ...]
    missing: int
    different: int
    surplus: int
    in_motion: int
    erased: int
    refused: int

    @property
    def agrees(self) -> bool:
        """Whether the target shows what the source has, but for what is in motion, and what was erased."""
        return not (self.missing or self.different or self.surplus)


def compare(
    connection: Connection[Any],
    feed: Feed,
    decoder: Callable[[Mapping[str, int]], Decoder],
    pages: Iterable[Page],
    *,
    reading: int | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Comparison:
    """Compare the source's items with the target's rows. `reading` is the number that was taken before the items were
    read; None: they are read as `pages` are taken, consistently."""
    if reading is None:
        reading = readings.begin(connection)
    with connection.transaction():
        # The first use of a key is written at once: until the end of what follows others would wait for it.
        decoder(versions_of(connection, feed))
    writer, refused = Writer(feed, "sluice_source"), 0
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        decode = decoder(versions_of(connection, feed)).of_item
        writer.prepare(cursor)
        for page in pages:
            rows = [made for item in page if isinstance(made := decode(item), Change)]
            refused += len(page) - len(rows)
            writer.stage(cursor, rows)
        statements = _Statements(feed, writer.staging, reading)
        for wait in (*_WAITS_S, 0.0):
            # Each statement sees what was committed meanwhile.
            found = {day: _Differences(*counts) for day, *counts in cursor.execute(statements.differences)}
            if not wait or not any(each.wrong for each in found.values()):
                break
            sleep(wait)
        counted = cursor.execute(statements.days).fetchall()
    days = tuple(Day(*(*row, found[row[0]].wrong if row[0] in found else 0)) for row in counted)
    missing, different, surplus, in_motion, erased, _ = (
        sum(each) for each in zip(_Differences(), *found.values(), strict=True)
    )
    return Comparison(days, missing, different, surplus, in_motion, erased, refused)


class _Differences(NamedTuple):
    """Of a day. `wrong` counts a row on the day that it has, and on the one that it should have."""

    missing: int = 0
    different: int = 0
    surplus: int = 0
    in_motion: int = 0
    erased: int = 0
    wrong: int = 0


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

# A row without a number was written by an earlier version of the writer, nobody knows when.
_DIFFERENCES: LiteralString = """
SELECT day, count(*) FILTER (WHERE is_first AND NOT is_row),
       count(*) FILTER (WHERE is_first AND is_row AND is_source AND is_older),
       count(*) FILTER (WHERE is_first AND NOT is_source AND is_older),
       count(*) FILTER (WHERE is_first AND is_row AND NOT is_older AND NOT is_erased),
       count(*) FILTER (WHERE is_first AND is_erased),
       count(*) FILTER (WHERE is_older OR NOT is_row)
FROM (SELECT s.{sequence} IS NOT NULL AS is_source, t.{sequence} IS NOT NULL AS is_row, t.{deleted} AS is_deleted,
             coalesce(t.{reading} < {number}, false) AS is_older,
             coalesce(t.{deleted} AND t.{reading} = {erased}, false) AS is_erased,
             {source_day} AS source_day, {target_day} AS target_day
      FROM {staging} AS s FULL JOIN {table} AS t USING ({key})
      WHERE t.{sequence} IS NULL OR (s.{sequence} IS NULL AND NOT t.{deleted})
         OR (s.{sequence} IS NOT NULL AND (t.{deleted} OR ({source}) IS DISTINCT FROM ({target})))) AS differing,
     LATERAL (SELECT CASE WHEN is_source THEN source_day ELSE target_day END AS day, true AS is_first
              UNION ALL SELECT target_day, false
              WHERE is_source AND NOT is_deleted AND target_day IS DISTINCT FROM source_day) AS days
GROUP BY day
"""


class _Statements:
    def __init__(self, feed: Feed, staging: sql.Identifier, reading: int) -> None:
        names = [sql.Identifier(name) for name in feed.columns]
        comma = sql.SQL(", ")
        column = day_column(feed)
        is_moment = column is not None and parse_type(feed.columns[column].type).kind == "timestamp"
        form: LiteralString = "({} AT TIME ZONE 'UTC')::date" if is_moment else "{}"

        def day(table: LiteralString) -> sql.Composable:
            name = sql.Identifier(column) if column else None
            return sql.SQL("NULL::date") if name is None else sql.SQL(form).format(sql.SQL(table) + name)

        common = {
            "staging": staging,
            "table": rows_table(feed),
            "deleted": sql.Identifier(DELETED),
            "sequence": sql.Identifier(SEQUENCE),
        }
        digest = sql.SQL("(hashtextextended(ROW({})::text, 0)::numeric + 9223372036854775808)")
        self.days = sql.SQL(_DAYS).format(
            day=day(""),
            digest=digest.format(comma.join(names)),
            **common,
        )
        self.differences = sql.SQL(_DIFFERENCES).format(
            source=sql.SQL("ROW({})").format(comma.join(sql.SQL("s.") + name for name in names)),
            target=sql.SQL("ROW({})").format(comma.join(sql.SQL("t.") + name for name in names)),
            key=comma.join(map(sql.Identifier, feed.target.key)),
            source_day=day("s."),
            target_day=day("t."),
            reading=sql.Identifier(READING),
            number=sql.Literal(reading),
            erased=sql.Literal(readings.ERASED),
            **common,
        )
