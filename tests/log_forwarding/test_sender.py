"""Bodies arrive once the endpoint takes them, and errors tell what is wrong without what is secret."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator, Mapping
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import Misconfigured, SluiceError, Transient
from pipeline.log_forwarding.endpoint import endpoint_of
from pipeline.log_forwarding.sender import LONGEST_PAUSE_S, TRIES, Sender, Time
from tests.log_forwarding.receiver import CUT_OFF, SILENT, Receiver, receiver

BODY = b'{"message": "one"}\n'
KEY = "Bearer in-the-header"
NOW = 1_790_000_000.0


class Pauses(list[float]):
    """A time that passes while it is slept, and no other; the pauses that were made."""

    def time(self) -> Time:
        return Time(now=lambda: sum(self), sleep=self.append, wall=lambda: NOW, random=lambda: 0.5)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    with receiver(tmp_path_factory.mktemp("tls")) as started:
        yield started


@pytest.fixture
def there(running: Receiver) -> Receiver:
    running.answers, running.requests = [200], []
    return running


def sender(there: Receiver, pauses: Pauses, **given: Any) -> Sender:
    def headers(*, afresh: bool = False) -> Mapping[str, str]:
        return {"Authorization": KEY}

    where = endpoint_of(there.url, is_embedded=True)
    settings = {"headers": headers, "authority": there.authority, "try_s": 0.5, "time": pauses.time(), **given}
    return Sender(where, **settings)


def failure(there: Receiver, pauses: Pauses, until: float = 1000, **given: Any) -> SluiceError:
    with pytest.raises(SluiceError) as raised:
        sender(there, pauses, **given).send(BODY, until)
    told = f"{raised.value.message} {raised.value.hint}"
    assert "in-the-header" not in told
    assert "in-the-query" not in told
    assert raised.value.__cause__ is None
    return raised.value


def test_a_body_is_posted_with_its_headers_over_tls(there: Receiver) -> None:
    pauses = Pauses()
    sender(there, pauses).send(BODY, 1000)
    [request] = there.requests
    assert (request.path, request.body) == ("/logs?key=in-the-query", BODY)
    assert request.headers["Authorization"] == KEY
    assert request.headers["Content-Type"] == "application/x-ndjson"
    assert request.headers["Host"] == f"localhost:{there.port}"
    assert pauses == []


@pytest.mark.parametrize("answer", [500, 502, 503, 504, 429, 408, 425, CUT_OFF, SILENT])
def test_what_may_pass_is_tried_again_after_longer_and_longer_pauses(there: Receiver, answer: int) -> None:
    there.answers, pauses = [answer, answer, 204], Pauses()
    sender(there, pauses).send(BODY, 1000)
    assert [request.body for request in there.requests] == [BODY] * 3
    assert pauses == [0.5, 1.0]


def test_tries_are_bounded(there: Receiver) -> None:
    there.answers, pauses = [503], Pauses()
    error = failure(there, pauses)
    assert isinstance(error, Transient)
    assert error.message == f"the log endpoint at localhost:{there.port} answered 503, {TRIES} times"
    assert len(there.requests) == TRIES


def test_no_try_begins_that_could_not_end_within_the_call_of_the_function(there: Receiver) -> None:
    there.answers, pauses = [503], Pauses()
    assert isinstance(failure(there, pauses, until=1.2), Transient)
    assert len(there.requests) == 2


@pytest.mark.parametrize(
    ("asked", "pause"),
    [("3", 3.0), ("9999", LONGEST_PAUSE_S), (formatdate(NOW + 7, usegmt=True), 7.0), ("soon", 0.5), ("-1", 0.5)],
)
def test_an_endpoint_says_when_to_come_again(there: Receiver, asked: str, pause: float) -> None:
    there.answers, pauses = [(429, {"Retry-After": asked}), 200], Pauses()
    sender(there, pauses).send(BODY, 1000)
    assert pauses == [pause]


@pytest.mark.parametrize("answer", [400, 404, 410, 413, 422])
def test_a_no_is_not_asked_again(there: Receiver, answer: int) -> None:
    there.answers, pauses = [answer], Pauses()
    error = failure(there, pauses)
    assert isinstance(error, Misconfigured)
    assert str(answer) in error.message
    assert len(there.requests) == 1


@pytest.mark.parametrize("answer", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(there: Receiver, answer: int) -> None:
    there.answers, pauses = [(answer, {"Location": there.url})], Pauses()
    assert "redirects are not followed" in failure(there, pauses).message
    assert len(there.requests) == 1


def test_headers_that_are_refused_are_read_again_once(there: Receiver) -> None:
    read: list[bool] = []

    def headers(*, afresh: bool = False) -> Mapping[str, str]:
        read.append(afresh)
        return {"Authorization": "new" if afresh else "old"}

    there.answers, pauses = [401, 200], Pauses()
    sender(there, pauses, headers=headers).send(BODY, 1000)
    assert [request.headers["Authorization"] for request in there.requests] == ["old", "new"]
    assert (read, pauses) == ([False, True], [0.0])
    there.answers, there.requests = [403], []
    assert isinstance(failure(there, pauses, headers=headers), Misconfigured)
    assert len(there.requests) == 2


def test_a_certificate_of_nobody_that_is_trusted_is_refused(there: Receiver) -> None:
    pauses = Pauses()
    error = failure(there, pauses, authority="")
    assert isinstance(error, Misconfigured)
    assert "certificate" in error.message
    assert (there.requests, pauses) == ([], [])


@pytest.mark.parametrize(("name", "valid"), [("elsewhere.example.org", True), ("localhost", False)])
def test_a_certificate_of_another_host_or_time_is_refused(tmp_path: Path, name: str, valid: bool) -> None:
    with receiver(tmp_path, name, valid=valid) as other:
        assert "certificate" in failure(other, Pauses()).message
        assert other.requests == []


def test_an_authority_that_is_no_certificate_is_refused(there: Receiver) -> None:
    with pytest.raises(Misconfigured, match="no certificates in PEM"):
        sender(there, Pauses(), authority="-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----")


def test_a_server_without_tls_gets_nothing(tmp_path: Path) -> None:
    got: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(1))

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        plain = Receiver(f"https://localhost:{server.server_port}/?key=in-the-query", "")
        assert isinstance(failure(plain, Pauses()), Transient)
        assert got == []
    finally:
        server.shutdown()
        server.server_close()


def test_nobody_there_is_tried_again(there: Receiver) -> None:
    away = Receiver("https://localhost:9/", there.authority)
    pauses = Pauses()
    assert "is not reached (ConnectionRefusedError)" in failure(away, pauses).message
    assert len(pauses) == TRIES - 1
