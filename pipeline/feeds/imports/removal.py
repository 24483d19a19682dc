"""Rows whose items a whole reading of the source did not find: removed where they are few, kept where they are many.

A table that was emptied, that was restored under its name, or of which the import may read a part alone, looks as if
all those items had been deleted. Deletions come by the stream; what it did not tell of is little.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg import Connection, sql

from pipeline.feeds.definition import Feed
from pipeline.feeds.target import DELETED, READING, rows_table
from pipeline.feeds.writer import Writer

FEW = 100
"""So many rows are no reason to doubt a source of many."""

SHARE = 0.05
"""Of the rows that analysts see: more than that and more than `FEW` is too much, and so is more than half."""


@dataclass(frozen=True, slots=True)
class Removal:
    """How many rows became tombstones, and how many would have and are kept."""

    removed: int = 0
    kept: int = 0


def is_too_much(gone: int, rows: int) -> bool:
    """Whether `gone` of so many rows are more than an import removes unless somebody says so."""
    return gone * 2 > rows or (gone > FEW and gone > rows * SHARE)


def remove(connection: Connection[Any], feed: Feed, reading: int, *, however_many: bool) -> Removal:
    """Remove what a reading that began with this number did not find (`Writer.remove_unseen`), or nothing of it."""
    query: LiteralString = "SELECT count(*), count(*) FILTER (WHERE {} < {}) FROM {} WHERE NOT {}"
    count = sql.SQL(query).format(
        sql.Identifier(READING), sql.Literal(reading), rows_table(feed), sql.Identifier(DELETED)
    )
    with connection.transaction():
        connection.execute("SET LOCAL statement_timeout = 0")
        # What is gone can only become less until it is removed: whoever writes a row gives it a greater number.
        [(rows, gone)] = connection.execute(count).fetchall()
        if is_too_much(gone, rows) and not however_many:
            return Removal(kept=gone)
        return Removal(removed=Writer(feed).remove_unseen(connection, reading))
