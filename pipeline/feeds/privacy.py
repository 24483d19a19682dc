"""What of the source a feed keeps, and how well the rows of its target hide people among each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql

from pipeline.feeds.definition import Feed, path_of
from pipeline.feeds.target import comment_of, view

SMALL = 5
"""Groups of fewer rows are counted: who knows somebody's values finds them among less than so many."""


@dataclass(frozen=True, slots=True)
class Treated:
    """What becomes of an attribute: `treatment` is kept, pseudonymised or generalised."""

    column: str
    attribute: str
    treatment: str
    explanation: str


@dataclass(frozen=True, slots=True)
class Anonymity:
    """How many rows are alike in all quasi-identifiers: `k` in the smallest group, and in how many rows' groups fewer
    than `SMALL` are. None where nothing is there, or no column is a quasi-identifier.

    k-anonymity (Sweeney 2002) says nothing about what the group has in common otherwise.
    """

    k: int | None
    rows: int
    rows_in_small_groups: int


def treatments(feed: Feed) -> list[Treated]:
    """What becomes of each attribute that reaches the target. No other does."""
    found = []
    for name, column in feed.columns.items():
        treatment = "pseudonymised" if column.pseudonymise else "generalised" if column.generalise else "kept"
        found.append(Treated(name, ".".join(path_of(name, column)), treatment, comment_of(feed, name)))
    return found


def anonymity(connection: Connection[Any], feed: Feed) -> Anonymity:
    """Count the rows that are alike in the contract's quasi-identifiers; null is a value like another."""
    names = [name for name, column in feed.columns.items() if column.quasi_identifier]
    if not names:
        row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(view(feed))).fetchone()
        return Anonymity(None, row[0] if row else 0, 0)
    query = sql.SQL(
        "SELECT min(n)::bigint, coalesce(sum(n), 0)::bigint, coalesce(sum(n) FILTER (WHERE n < {small}), 0)::bigint"
        " FROM (SELECT count(*) AS n FROM {view} GROUP BY {names}) g"
    )
    place: Mapping[str, Any] = {
        "small": sql.Literal(SMALL),
        "view": view(feed),
        "names": sql.SQL(", ").join([sql.Identifier(name) for name in names]),
    }
    row = connection.execute(query.format(**place)).fetchone()
    return Anonymity(*row) if row else Anonymity(None, 0, 0)
