"""The PostgreSQL servers behind the database instances of an embedded lake, each in a folder of its own."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

from pipeline.emulator.rds.server import PostgresServer
from pipeline.emulator.supervision import Part

_SUPERUSER = "postgres"


class Databases:
    """Servers by the name of their instance. What they hold is gone when the lake ends, as all else of it."""

    def __init__(self, folder: Path, tend: Callable[[Part], None]) -> None:
        """`tend` is given each server, so that one that ended is started again."""
        self._folder = folder
        self._tend = tend
        self._servers: dict[str, PostgresServer] = {}

    def start(self) -> None:
        """Remove what a lake that was killed left behind."""
        for left in self._folder.glob("*"):
            PostgresServer(left, "").remove()

    def stop(self) -> None:
        """Stop every server, and remove what it held."""
        for name in list(self._servers):
            self.delete(name)

    def create(self, name: str, user: str, password: str, database: str | None) -> None:
        """Start a server in which `user` may make roles and databases, as the master user of RDS.

        `Refused` where it does not start, `Misconfigured` without PostgreSQL's programs.
        """
        superuser = secrets.token_urlsafe(32)
        server = PostgresServer(self._folder / name, superuser)
        server.remove()
        try:
            server.start()
            server.run(_SUPERUSER, superuser, _set_up(user, password, database))
        except BaseException:
            server.remove()
            raise
        self._servers[name] = server
        self._tend(server)

    def delete(self, name: str) -> None:
        """Stop a server and remove what it holds."""
        if server := self._servers.pop(name, None):
            server.remove()

    def halt(self, name: str) -> None:
        """Stop a server; what it holds stays."""
        self._servers[name].stop()

    def resume(self, name: str) -> None:
        """Start one that was stopped."""
        self._servers[name].start()

    def address(self, name: str) -> str | None:
        """What stands for the host in a connection; None for an instance without a server."""
        server = self._servers.get(name)
        return server.socket if server else None


def _set_up(user: str, password: str, database: str | None) -> str:
    """Names are quoted; a password of ours has nothing that would have to be."""
    statements = [f"CREATE ROLE \"{user}\" LOGIN CREATEROLE CREATEDB PASSWORD '{password}'"]
    if database:
        statements.append(f'CREATE DATABASE "{database}" OWNER "{user}"')
    return "".join(f"{statement};\n" for statement in statements)


_running: list[Databases] = []


def run_by(databases: Databases) -> Callable[[], None]:
    """Lead what is asked of RDS to `databases`; the answer takes them away again."""
    _running.append(databases)
    return lambda: _running.remove(databases)


def running() -> Databases | None:
    """Those of this process's lake; None where nobody runs any."""
    return _running[-1] if _running else None
