"""A real PostgreSQL that its owner alone reaches, and that keeps what it was given however it ends."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pipeline.emulator.rds.server import PORT, PostgresServer
from tests.patience import until


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PostgresServer]:
    made = PostgresServer(tmp_path / "a lake's folder" / "postgres", "pass word'")
    made.start()
    yield made
    made.remove()


def connect(server: PostgresServer, password: str = "pass word'") -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(host=server.socket, port=PORT, user="postgres", password=password, autocommit=True)


def test_what_is_written_stays_after_a_kill_and_a_stop(server: PostgresServer):
    with connect(server) as connection:
        connection.execute("CREATE TABLE t (v text)")
        connection.execute("INSERT INTO t VALUES ('before the kill')")
        assert server.process_id
        os.killpg(server.process_id, signal.SIGKILL)
    until(lambda: not server.is_running())
    server.start()
    with connect(server) as connection:
        connection.execute("INSERT INTO t VALUES ('before the stop')")
    server.stop()
    server.start()
    with connect(server) as connection:
        assert len(connection.execute("SELECT * FROM t").fetchall()) == 2


def test_only_who_has_the_password_and_is_the_owner_gets_in(server: PostgresServer):
    with pytest.raises(psycopg.OperationalError, match="password"):
        connect(server, "another")
    with connect(server) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    assert stat.S_IMODE(os.stat(server.socket).st_mode) == 0o700


def test_a_failed_statement_leaves_no_value_in_the_log(server: PostgresServer):
    with connect(server) as connection:
        connection.execute("CREATE TABLE t (v text PRIMARY KEY)")
        for _ in range(2):
            try:
                connection.execute("INSERT INTO t VALUES ('canary-7')")
            except psycopg.errors.UniqueViolation:
                break
    assert "canary-7" not in (server.folder / "postgres.log").read_text()
