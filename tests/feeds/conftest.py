"""A real PostgreSQL for a module's tests, with a database of its own for each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from pipeline.emulator.rds.server import PORT, PostgresServer

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    server = PostgresServer(tmp_path_factory.mktemp("postgres"), "for tests")
    server.start()
    yield server
    server.remove()


def connect(server: PostgresServer, database: str = "postgres", **options: Any) -> psycopg.Connection[Any]:
    place = {"host": server.socket, "port": PORT, "user": "postgres", "password": "for tests", "dbname": database}
    return psycopg.connect(**{**place, **options}, autocommit=True)


@pytest.fixture
def database(postgres: PostgresServer) -> str:
    name = f"t{next(_numbers)}"
    with connect(postgres) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return name


@pytest.fixture
def target(postgres: PostgresServer, database: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(postgres, database) as connection:
        yield connection
