"""Connections to the target, and its errors by what the caller can do.

What PostgreSQL says of an error quotes values of the rows: none of it is passed on.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore
import psycopg
from psycopg import Connection
from psycopg.conninfo import make_conninfo

from pipeline.core.errors import Broken, Misconfigured, SluiceError, Transient

CONNECT_S = 5
STATEMENT_S = 60
"""How long a statement may take: a writer that waits for the advance of keys comes back later."""

_AUTHORITIES = Path(botocore.__file__).with_name("cacert.pem")
"""Whom a certificate may come from: RDS Proxy has one of AWS Certificate Manager's. The client library of the wheel
does not know where the system has its own."""

_DRIFTED = "42"
"""Class of SQLSTATE: syntax error or access rule violation, such as a table or a column that is not there."""

_OF_DATA = ("22", "23")
"""Classes: data exception, integrity constraint violation."""


@dataclass(frozen=True, slots=True)
class Database:
    """Where the target is. A `host` that begins with a slash is the folder of a socket, which needs no TLS."""

    host: str
    port: int
    name: str
    user: str
    password_secret: str | None = None

    @classmethod
    def from_json(cls, text: str) -> Database:
        """What a stack says; `Misconfigured` for anything else."""
        try:
            said = json.loads(text)
            return cls(said["host"], int(said["port"]), said["database"], said["user"], said.get("password_secret"))
        except (ValueError, KeyError, TypeError) as error:
            raise Misconfigured(f"the setting of the target's database is not what it should be: {error!r}") from None

    def connect(self, password: str) -> Connection[Any]:
        """A new connection, in autocommit; `Transient` where there is none to be had now."""
        tls = {} if self.host.startswith("/") else {"sslmode": "verify-full", "sslrootcert": str(_AUTHORITIES)}
        place = make_conninfo(
            host=self.host,
            port=self.port,
            dbname=self.name,
            user=self.user,
            connect_timeout=CONNECT_S,
            # A failover leaves connections that nobody answers.
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
            application_name="sluice",
            **tls,
        )
        with translated():
            connection = psycopg.connect(place, password=password, autocommit=True)
            # RDS Proxy takes no options with the connection.
            connection.execute(f"SET statement_timeout = '{STATEMENT_S}s'; SET timezone = 'UTC'")
            return connection


class Connections:
    """One connection that is made when it is needed, and again after it was lost or its password changed."""

    def __init__(self, database: Database, password: Callable[[], str]) -> None:
        self._database = database
        self._password = password
        self._connection: Connection[Any] | None = None

    @contextlib.contextmanager
    def connection(self) -> Iterator[Connection[Any]]:
        """The connection; its errors are translated, and after one it is closed."""
        if self._connection is None or self._connection.closed:
            self._connection = self._database.connect(self._password())
        try:
            with translated():
                yield self._connection
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close what is open."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raise PostgreSQL's errors as ours, without a word of what they quote."""
    try:
        yield
    except psycopg.Error as error:
        raise _ours(error) from None


def _ours(error: psycopg.Error) -> SluiceError:
    state, name = error.sqlstate or "", type(error).__name__
    if state.startswith(_DRIFTED):
        what = error.diag.table_name or error.diag.column_name or ""
        return Misconfigured(
            f"the target is not as the contract says, or may not be written ({name} {state} {what})".replace(" )", ")"),
            hint="Run the feed's migrations; look at the writer's rights.",
        )
    if state.startswith(_OF_DATA):
        return Broken(f"the target does not take a row that the contract allows ({name} {state})")
    # No connection, a deadlock, a lock, a full disk, a server that ends: all may pass.
    return Transient(f"PostgreSQL: {name}{f' {state}' if state else ''}")
