"""A threaded HTTP/1.1 server for moto's WSGI application, with keep-alive, which werkzeug's own server has not.

werkzeug closes the connection after each answer and then waits 10 ms for more; a call of a few milliseconds pays for
both. Answers are sent whole: moto makes them in memory anyway.
"""

from __future__ import annotations

import contextlib
import io
import logging
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer

from pipeline.emulator.gateway.access import Guard
from pipeline.emulator.gateway.calls import service_of
from pipeline.emulator.gateway.refusals import unreadable

_log = logging.getLogger(__name__)

WsgiApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]


HEADERS_S = 10.0
"""Seconds from the first byte of a request, or from a new connection, to the end of the request's headers."""


class Server(ThreadingMixIn, BaseWSGIServer):
    """Serves `application` on a listening socket; `close` also ends the connections that clients keep open.

    `guard` looks at each request first: one that it refuses does not get to the application. A connection whose first
    request has no whole headers within `HEADERS_S` is cut, and one that begins another and does not go on: else
    strangers could keep every thread busy with nothing.
    """

    daemon_threads = True
    multithread = True
    block_on_close = False
    headers_s = HEADERS_S

    def __init__(self, listener: socket.socket, application: WsgiApplication, guard: Guard) -> None:
        self.guard = guard
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        self._waiting: dict[socket.socket, float] = {}
        host, port = listener.getsockname()[:2]
        super().__init__(host, port, application, handler=_Handler, fd=listener.fileno())

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, so that `close` can end it."""
        with self._connections_lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that has ended."""
        with self._connections_lock:
            self._connections.discard(request)
            self._waiting.pop(request, None)
        super().shutdown_request(request)

    def headers_begin(self, connection: socket.socket) -> None:
        """A request begins: its headers have to be there in time."""
        with self._connections_lock:
            self._waiting[connection] = time.monotonic() + self.headers_s

    def headers_end(self, connection: socket.socket) -> None:
        """The headers are there."""
        with self._connections_lock:
            self._waiting.pop(connection, None)

    def service_actions(self) -> None:
        """Cut what has waited too long; `serve_forever` calls it twice a second."""
        super().service_actions()
        now = time.monotonic()
        with self._connections_lock:
            late = [connection for connection, until in self._waiting.items() if until < now]
        for connection in late:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Stop accepting and cut every connection."""
        self.shutdown()
        self.server_close()
        with self._connections_lock:
            open_connections = list(self._connections)
        for connection in open_connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(MotoRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Buffered, so that headers and body leave in one packet.
    wbufsize = -1

    server: Server

    def handle(self) -> None:
        self.server.headers_begin(self.connection)
        super().handle()

    def handle_one_request(self) -> None:
        # Between two requests a connection may be idle; one that has begun goes on.
        reader: Any = self.rfile
        if reader.peek(1):
            self.server.headers_begin(self.connection)
        super().handle_one_request()

    def run_wsgi(self) -> None:
        self.server.headers_end(self.connection)
        environ = self.make_environ()
        if refusal := self.server.guard.refuse_head(environ):
            _log.warning("refused %s %s", self.command, refusal[2].decode())
            # What follows, a body perhaps, is not read.
            self.close_connection = True
            return self._send(*refusal)
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        try:
            body = _read_body(environ)
        except _NoBody as error:
            # Nobody knows where the next request would begin.
            self.close_connection = True
            return self._send(*unreadable(service_of(environ), str(error), environ))
        if refusal := self.server.guard.refuse(environ, body):
            _log.warning("refused %s %s: %s", self.command, environ["PATH_INFO"], refusal[2].decode())
            return self._send(*refusal)
        return self._send(*respond(self.server.app, environ))

    def _send(self, status: str, headers: list[tuple[str, str]], answer: bytes) -> None:
        code, _, reason = status.partition(" ")
        self.send_response_only(int(code), reason)
        has_length = False
        for name, value in headers:
            has_length = has_length or name.lower() == "content-length"
            self.send_header(name, value)
        without_body = int(code) in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
        if not has_length and not without_body:
            self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD" and not without_body:
            self.wfile.write(answer)
        self.wfile.flush()

    def log(self, type: str, message: str, *args: Any) -> None:
        """Requests are counted, not logged; what the HTTP parser finds wrong is kept."""
        if type == "error":
            _log.warning(message, *args)


class _NoBody(Exception):
    """Where a body ends cannot be told."""


def _read_body(environ: dict[str, Any]) -> bytes:
    """Take the body off the connection, which then stands at the next request. moto holds it in memory anyway."""
    length = environ.get("CONTENT_LENGTH") or "0"
    if environ.get("wsgi.input_terminated"):  # chunked
        body = _read_chunks(environ)
        environ["CONTENT_LENGTH"] = str(len(body))
    elif length.isascii() and length.isdecimal():
        body = environ["wsgi.input"].read(int(length))
    else:
        raise _NoBody(f"The Content-Length is no number: {length[:40]}")
    environ["wsgi.input"] = io.BytesIO(body)
    # Else werkzeug reads it again in small blocks.
    environ["wsgi.input_terminated"] = True
    return body


def _read_chunks(environ: dict[str, Any]) -> bytes:
    try:
        body: bytes = environ["wsgi.input"].read()
    except (ConnectionError, TimeoutError):
        raise
    # What werkzeug says of a chunk that is none.
    except OSError as error:
        raise _NoBody(f"The body is not in chunks: {error}") from error
    return body


def respond(application: WsgiApplication, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
    """Status, headers and body. An unexpected error is logged and becomes a 500."""
    try:
        return _call(application, environ)
    except NotImplementedError as error:
        # SDKs do not repeat a 501, and show it.
        return "501 Not Implemented", [("Content-Type", "text/plain")], str(error).encode()
    except Exception:
        _log.error("%s %s\n%s", environ["REQUEST_METHOD"], environ["RAW_URI"], traceback.format_exc())
        return "500 Internal Server Error", [("Content-Type", "text/plain")], b""


def _call(application: WsgiApplication, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        started.append((status, headers))

    answer = application(environ, start_response)
    try:
        data = b"".join(answer)
    finally:
        if hasattr(answer, "close"):
            answer.close()
    status, headers = started[-1]
    return status, headers, data
