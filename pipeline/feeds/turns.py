"""Who changes what the target is made of does so alone: deployments at once take turns, and whoever erases somebody in
all columns finds all of them.

PostgreSQL's advisory locks, held until the transaction ends: a function that dies leaves none behind.
"""

from __future__ import annotations

from typing import Any, LiteralString

from psycopg import Connection

_STRUCTURE: LiteralString = "hashtextextended('sluice_feeds: structure', 0)"


def alone(connection: Connection[Any]) -> None:
    """Wait for the turn to change tables, views and roles; within a transaction, whose end gives it to the next.

    However long the one before takes: what limits it is the time that a function has.
    """
    connection.execute("SET LOCAL statement_timeout = 0")
    connection.execute(f"SELECT pg_advisory_xact_lock({_STRUCTURE})")


def beside_others(connection: Connection[Any]) -> None:
    """Wait for whoever changes the structure, and let nobody until this transaction ends. Before the first query of
    it: what was read before may be of the structure before."""
    connection.execute(f"SELECT pg_advisory_xact_lock_shared({_STRUCTURE})")
