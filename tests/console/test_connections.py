"""A connection that does not say what it wants is cut; one that does may take its time."""

from __future__ import annotations

import socket
import time

import pytest

from pipeline.console.connections import Connection
from tests.console.conftest import TOKEN
from tests.patience import PATIENCE_S

WHOLE = f"GET /home.json HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()


def drip(connection: socket.socket, seconds: float = 25) -> None:
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        connection.sendall(b"x")
        time.sleep(0.1)


@pytest.fixture
def connection(url, monkeypatch):
    monkeypatch.setattr(Connection, "headers_s", 1.0)
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=PATIENCE_S) as made:
        yield made


@pytest.mark.parametrize("begun", [b"", b"GET", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "])
def test_half_a_request_is_cut(connection, begun):
    connection.sendall(begun)
    assert connection.recv(1) == b""


def test_a_header_that_comes_drop_by_drop_is_cut(connection):
    connection.sendall(b"GET / HTTP/1.1\r\n")
    with pytest.raises(ConnectionError):
        drip(connection)


def test_half_a_second_request_is_cut(connection):
    connection.sendall(WHOLE)
    assert connection.recv(12) == b"HTTP/1.1 200"
    connection.sendall(WHOLE[:20])
    while connection.recv(65_536):
        pass


def test_a_whole_request_is_answered_however_long_the_answer_takes(connection):
    connection.sendall(WHOLE + WHOLE)
    answered = connection.recv(65_536)
    while answered.count(b"HTTP/1.1 200") < 2:
        more = connection.recv(65_536)
        assert more
        answered += more
