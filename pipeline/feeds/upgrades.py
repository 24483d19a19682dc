"""What a target that an earlier version made lacks, and the statements that give it: run with the next migration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, LiteralString

from psycopg import Connection, sql

from pipeline.feeds.definition import Feed
from pipeline.feeds.readings import ERASED
from pipeline.feeds.target import DELETED, KEY_CHECKS, ORDER, READING, READINGS, SEQUENCE, rows_table


def missing(connection: Connection[Any], feeds: Iterable[Feed]) -> Iterator[sql.Composed | sql.SQL]:
    """What the state of the feeds lacks, and the rows of each: erasure and rotation go over all that the database has,
    those that have no contract any more, too."""
    if not _has_relation(connection, "sluice_feeds.reading"):
        yield READINGS
    if not _has_relation(connection, "sluice_feeds.key_check"):
        yield KEY_CHECKS
    if not _has_column(connection, "sluice_feeds.import_run", "reading"):
        yield sql.SQL("ALTER TABLE sluice_feeds.import_run ADD COLUMN IF NOT EXISTS reading bigint")
    for table in map(rows_table, feeds):
        if _has_short_order(connection, table.as_string(connection)):
            widen: LiteralString = "ALTER TABLE {} ALTER COLUMN {} TYPE {}"
            yield sql.SQL(widen).format(table, sql.Identifier(SEQUENCE), ORDER)
        if not _has_column(connection, table.as_string(connection), READING):
            column = sql.Identifier(READING)
            # Rows that stand were written before any reading; of what a function of the earlier version writes from
            # now on, nobody knows: no default, and so null.
            yield sql.SQL("ALTER TABLE {} ADD COLUMN {} bigint DEFAULT 0").format(table, column)
            yield sql.SQL("ALTER TABLE {} ALTER COLUMN {} DROP DEFAULT").format(table, column)
            # Which of the tombstones are of people who were erased, nobody knows any more.
            yield sql.SQL("UPDATE {} SET {} = {} WHERE {}").format(
                table, column, sql.Literal(ERASED), sql.Identifier(DELETED)
            )


def _has_relation(connection: Connection[Any], name: str) -> bool:
    return connection.execute("SELECT to_regclass(%s) IS NOT NULL", (name,)).fetchone() == (True,)


def _has_column(connection: Connection[Any], table: str, column: str) -> bool:
    query = "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = %s AND NOT attisdropped"
    return connection.execute(query, (table, column)).fetchone() is not None


def _has_short_order(connection: Connection[Any], table: str) -> bool:
    """Whether there is only place for a stream's number, without when the stream was made."""
    query = (
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = %s"
    )
    return connection.execute(query, (table, SEQUENCE)).fetchone() == ("numeric(40,0)",)
