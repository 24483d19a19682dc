"""Brings the pseudonyms that stand in the target to a newer key, in one transaction: rows join before and after it.

Nobody's identifier is needed: a version is made of the pseudonyms of the version before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from psycopg import Connection, sql

from pipeline.core.errors import NotThere, Refused
from pipeline.feeds import refusals
from pipeline.feeds.key_checks import verify
from pipeline.feeds.keyring import Keyring
from pipeline.feeds.migrations import stored_columns
from pipeline.feeds.pseudonyms import Pseudonyms, digest_of
from pipeline.feeds.target import rows_table

_ROWS_AT_ONCE = 50_000
_ALL = sql.SQL("true")


def advance(connection: Connection[Any], namespace: str, keyring: Keyring) -> int:
    """Bring a namespace of all feeds of the database to its next version, and return that.

    Writers wait until it is done. `Refused` if the keyring has no newer key, `NotThere` for a namespace unknown here.
    """
    with connection.transaction():
        found = connection.execute(
            "SELECT version FROM sluice_feeds.namespace WHERE name = %s FOR UPDATE", (namespace,)
        ).fetchone()
        if found is None:
            raise NotThere(f"the target knows no namespace {namespace}")
        version: int = found[0] + 1
        if version not in keyring.keys:
            raise Refused(
                f"the namespace {namespace} is at version {version - 1}, and the secret has no newer key",
                hint=f"Add a key {version} to the secret first, and leave the others in it.",
            )
        digest = digest_of(namespace, keyring, version)
        for feed, columns in stored_columns(connection):
            if namespace in feed.namespaces:
                # Of another key than before, nothing would join any more.
                Pseudonyms(namespace, feed.namespaces[namespace], keyring, version)
                verify(connection, {namespace: feed.namespaces[namespace]}, keyring, {namespace: version})
            for name in (name for name, column in columns.items() if column.pseudonymise == namespace):
                _rewrite(connection, rows_table(feed), sql.Identifier(name), digest)
                if name in feed.target.key:
                    _rewrite(connection, refusals.TABLE, refusals.part(feed, name), digest, refusals.of(feed))
        connection.execute("UPDATE sluice_feeds.namespace SET version = %s WHERE name = %s", (version, namespace))
    return version


def _rewrite(
    connection: Connection[Any],
    table: sql.Identifier,
    column: sql.Composable,
    digest: Callable[[bytes], str],
    which: sql.Composable = _ALL,
) -> None:
    """Give a column its new pseudonyms in the rows `which`: each is made once, however many rows have it."""
    connection.execute("DROP TABLE IF EXISTS pg_temp.sluice_advanced")
    connection.execute(
        "CREATE TEMPORARY TABLE sluice_advanced (old text PRIMARY KEY, new text NOT NULL) ON COMMIT DROP"
    )
    found = sql.SQL("SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL AND {which}")
    with connection.cursor(name="sluice_pseudonyms") as reading, connection.cursor() as writing:
        reading.execute(found.format(column=column, table=table, which=which))
        while rows := reading.fetchmany(_ROWS_AT_ONCE):
            with writing.copy("COPY pg_temp.sluice_advanced FROM STDIN") as copy:
                for (old,) in rows:
                    copy.write_row((old, digest(old.encode())))
    update = sql.SQL(
        "UPDATE {table} SET {column} = a.new FROM pg_temp.sluice_advanced a WHERE {column} = a.old AND {which}"
    )
    connection.execute(update.format(column=column, table=table, which=which))
