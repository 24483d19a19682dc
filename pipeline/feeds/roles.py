"""Who may do what in the target: the writer, analysts, and whoever migrates, who owns everything.

Analysts have no more than the views; a person gets what they may by `GRANT sluice_analyst TO …`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from psycopg import Connection, sql

from pipeline.feeds.definition import Feed
from pipeline.feeds.target import STATE, view

WRITER = "sluice_writer"
"""The user as which the functions of the feeds connect."""

ANALYST = "sluice_analyst"
"""A role without a login, of which analysts are members."""

_BY_IAM = "rds_iam"
"""The role that RDS gives to users who sign in by IAM."""


def prepare(connection: Connection[Any], password: str | None) -> None:
    """Make the roles where they are not there, and give the writer its password, or have it sign in by IAM.

    The server hears a verifier of the password and not the password.
    """
    with connection.transaction():
        for name, login in ((WRITER, "LOGIN"), (ANALYST, "NOLOGIN")):
            if not _is_there(connection, name):
                connection.execute(sql.SQL("CREATE ROLE {} {}").format(sql.Identifier(name), sql.SQL(login)))
        if password is not None:
            verifier = connection.pgconn.encrypt_password(password.encode(), WRITER.encode(), b"scram-sha-256")
            connection.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(WRITER), sql.Literal(verifier.decode()))
            )
        elif _is_there(connection, _BY_IAM):
            connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(_BY_IAM), sql.Identifier(WRITER)))
        database = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
        connection.execute(
            sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(database, sql.Identifier(WRITER))
        )
        connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, sql.Identifier(ANALYST)))


def grant(connection: Connection[Any], feed: Feed) -> None:
    """Grant what the writer and analysts may of a feed that stands: a view that was made anew has lost it."""
    with connection.transaction():
        for statement in _grants(feed):
            connection.execute(statement)


def _grants(feed: Feed) -> Iterator[sql.Composed]:
    writer, analyst = sql.Identifier(WRITER), sql.Identifier(ANALYST)
    yield sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(STATE), writer)
    yield sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {} TO {}").format(
        sql.Identifier(STATE), writer
    )
    # What the rows mean is for migrations to say.
    yield sql.SQL("REVOKE INSERT, UPDATE, DELETE ON {} FROM {}").format(sql.Identifier(STATE, "contract"), writer)
    yield sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(feed.target.schema_), analyst)
    yield sql.SQL("GRANT SELECT ON {} TO {}").format(view(feed), analyst)


def _is_there(connection: Connection[Any], role: str) -> bool:
    return connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is not None
