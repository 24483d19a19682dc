"""Whoever does not say what they want is cut, so that strangers cannot keep the embedded AWS's threads busy."""

from __future__ import annotations

import socket
import time

import pytest

from pipeline.emulator.gateway.http_server import Server
from tests.patience import PATIENCE_S


@pytest.fixture
def connection(front, monkeypatch):
    monkeypatch.setattr(Server, "headers_s", 1.0)
    with socket.create_connection(("127.0.0.1", front.port), timeout=PATIENCE_S) as made:
        yield made


@pytest.mark.parametrize("begun", [b"", b"GET", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "])
def test_half_a_request_is_cut(connection, begun):
    connection.sendall(begun)
    assert connection.recv(1) == b""


def test_an_idle_connection_between_two_requests_is_kept(front, aws, monkeypatch):
    s3 = aws("s3")
    s3.list_buckets()
    monkeypatch.setattr(Server, "headers_s", 1.0)
    pool = s3._endpoint.http_session._manager.connection_from_url(front.endpoint)
    made = pool.num_connections
    time.sleep(2.5)
    monkeypatch.undo()
    s3.list_buckets()
    assert pool.num_connections == made
