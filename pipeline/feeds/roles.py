"""Who may do what in the target: the writer, analysts, and whoever migrates, who owns everything.

Analysts have no more than the views; a person gets what they may by `GRANT sluice_analyst TO …`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from psycopg import Connection, sql

from pipeline.core.errors import Misconfigured
from pipeline.feeds.definition import Feed
from pipeline.feeds.target import STATE, view
from pipeline.feeds.turns import alone

WRITER = "sluice_writer"
"""The user as which the functions of the feeds connect."""

ANALYST = "sluice_analyst"
"""A role without a login, of which analysts are members."""


BY_IAM = "rds_iam"
"""The role of RDS whose members sign in by IAM, and by no password."""


def prepare(connection: Connection[Any], password: str | None) -> None:
    """Make the roles where they are not there, and give the writer its password; None: it signs in by IAM alone.

    The server hears a verifier of the password and not the password. `Misconfigured` where it knows no IAM.
    """
    with connection.transaction():
        alone(connection)
        for name, login in ((WRITER, "LOGIN"), (ANALYST, "NOLOGIN")):
            if not _is_there(connection, name):
                connection.execute(sql.SQL("CREATE ROLE {} {}").format(sql.Identifier(name), sql.SQL(login)))
        _let_in(connection, password)
        database = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
        connection.execute(
            sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(database, sql.Identifier(WRITER))
        )
        connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, sql.Identifier(ANALYST)))


def _let_in(connection: Connection[Any], password: str | None) -> None:
    writer = sql.Identifier(WRITER)
    if password is None:
        if not _is_there(connection, BY_IAM):
            raise Misconfigured(
                f"the writer is to sign in by IAM, and this server has no role {BY_IAM}",
                hint="Turn IAM authentication of the database on: cicd/feeds-base.yaml does.",
            )
        connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(BY_IAM), writer))
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD NULL").format(writer))
        return
    verifier = connection.pgconn.encrypt_password(password.encode(), WRITER.encode(), b"scram-sha-256")
    connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(writer, sql.Literal(verifier.decode())))


def grant(connection: Connection[Any], feed: Feed) -> None:
    """Grant what the writer and analysts may of a feed that stands: a view that was made anew has lost it."""
    with connection.transaction():
        alone(connection)
        for statement in _grants(feed):
            connection.execute(statement)


def _grants(feed: Feed) -> Iterator[sql.Composed]:
    writer, analyst = sql.Identifier(WRITER), sql.Identifier(ANALYST)
    yield sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(STATE), writer)
    state = sql.Identifier(STATE)
    yield sql.SQL("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA {} TO {}").format(state, writer)
    # A row that is gone is a tombstone; only how far an import is gets forgotten.
    yield sql.SQL("REVOKE DELETE ON ALL TABLES IN SCHEMA {} FROM {}").format(state, writer)
    for name in ("import", "import_run"):
        yield sql.SQL("GRANT DELETE ON {} TO {}").format(sql.Identifier(STATE, name), writer)
    yield sql.SQL("GRANT SELECT, USAGE ON SEQUENCE {} TO {}").format(sql.Identifier(STATE, "reading"), writer)
    # What the rows mean is for migrations to say.
    for name in ("contract", "namespace"):
        yield sql.SQL("REVOKE INSERT, UPDATE ON {} FROM {}").format(sql.Identifier(STATE, name), writer)
    yield sql.SQL("REVOKE UPDATE ON {} FROM {}").format(sql.Identifier(STATE, "key_check"), writer)
    # A lock on the version needs the right to change a column (SELECT, "The Locking Clause"): it is not the version.
    yield sql.SQL("GRANT UPDATE (name) ON {} TO {}").format(sql.Identifier(STATE, "namespace"), writer)
    yield sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(feed.target.schema_), analyst)
    yield sql.SQL("GRANT SELECT ON {} TO {}").format(view(feed), analyst)


def _is_there(connection: Connection[Any], role: str) -> bool:
    return connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is not None
