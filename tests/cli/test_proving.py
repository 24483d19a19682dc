"""An endpoint is an embedded lake if it proves so, and not because somebody named it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pipeline.cli.connect import Target
from pipeline.cli.embedded import prove
from pipeline.core.errors import Misconfigured, Refused
from pipeline.core.lake_key import PROOF, LakeKey, own_key


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    """Reaching a lake points this process at it; the next test must not go there."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def another() -> Iterator[str]:
    """An AWS of somebody else's, which takes every request and says a proof that it has heard once."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header(PROOF, own_key().proof("of another day"))
            self.end_headers()
            self.wfile.write(b'{"status": "ok"}')

        def log_message(self, *_: Any) -> None:
            """Quietly."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_lake_that_is_named_proves_itself(front: Any) -> None:
    reached = Target(endpoint=front.endpoint, key=own_key()).reach()
    assert reached.is_embedded


@pytest.mark.parametrize("given", ["option", "environment"])
def test_what_has_no_key_of_a_lake_is_none(another: str, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    if given == "environment":
        monkeypatch.setenv("AWS_ENDPOINT_URL", another)
    target = Target(endpoint=another if given == "option" else None)
    for reach in (target.reach, target.connect):
        with pytest.raises(Refused, match="not the embedded lake"):
            reach()


def test_a_lake_of_another_key_is_refused_and_one_that_is_gone_said_to_be(front: Any) -> None:
    with pytest.raises(Refused, match="not the embedded lake"):
        prove(front.endpoint, LakeKey.make())
    with pytest.raises(Misconfigured, match="does not answer"):
        prove("http://127.0.0.1:9", own_key())
