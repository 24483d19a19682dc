"""AWS's Lambda Runtime API, as the runtime client speaks it. One API, and so one port, serves one worker.

A job can therefore never go to another worker's connection, nor to a stranger's: only a process of the worker's own
group is answered, whoever else finds the port. One that went to a worker which died before it read the
job counts as not taken: nothing of it has run.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler
from typing import Any

from pipeline.emulator.awslambda.functions import SYNCHRONOUS_PAYLOAD_BYTES
from pipeline.emulator.peers import is_process

_RUNTIME = "/2018-06-01/runtime/"
_NEXT = _RUNTIME + "invocation/next"
_INIT_ERROR = _RUNTIME + "init/error"
_INVOCATION = _RUNTIME + "invocation/"
_CLOSING_S = 0.5
_ADMITTING_S = 10


class Invocation:
    """One job of a worker, from the moment it is given until somebody finishes it. Only the first finish counts."""

    def __init__(self, request_id: str, payload: bytes, arn: str, timeout_s: float) -> None:
        self.request_id = request_id
        self.payload = payload
        self.arn = arn
        self.timeout_s = timeout_s
        self.taken_at: float | None = None
        self.finished_at: float | None = None
        self.answer: bytes | None = None
        self.failed = False
        self._finished = threading.Event()
        self._lock = threading.Lock()

    def take(self) -> int:
        """The function starts now; returns its deadline in milliseconds since 1970."""
        self.taken_at = time.monotonic()
        return int((time.time() + self.timeout_s) * 1000)

    def put_back(self) -> None:
        """It was not taken after all."""
        self.taken_at = None

    def finish(self, answer: bytes | None, *, failed: bool = False) -> bool:
        """End it with this answer; None says that it did not run. False if it had ended before."""
        with self._lock:
            if self._finished.is_set():
                return False
            self.answer, self.failed, self.finished_at = answer, failed, time.monotonic()
            self._finished.set()
            return True

    @property
    def finished(self) -> bool:
        """Whether there is an answer."""
        return self._finished.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait at most so long; whether it has ended."""
        return self._finished.wait(seconds)


class RuntimeApi:
    """Serves one worker on a port of its own.

    `on_taken` is called when a job is about to be sent, `on_init_error` with AWS's error payload when the handler
    could not be loaded.
    """

    def __init__(self, on_taken: Callable[[Invocation], None], on_init_error: Callable[[bytes], None]) -> None:
        self._on_taken = on_taken
        self._on_init_error = on_init_error
        self._jobs: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._current: Invocation | None = None
        self._worker: Future[int] = Future()
        self._connections: list[threading.Thread] = []
        self.ready_at: float | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, name="runtime-api", daemon=True).start()

    @property
    def address(self) -> str:
        """For AWS_LAMBDA_RUNTIME_API."""
        host, port = self._listener.getsockname()[:2]
        return f"{host}:{port}"

    def admit(self, worker: int) -> None:
        """Answer the processes of the group that `worker` leads, and nobody else; until then nobody is answered."""
        self._worker.set_result(worker)

    def give(self, invocation: Invocation) -> None:
        """The worker gets it when it next asks."""
        self._jobs.put(invocation)

    def close(self) -> None:
        """Stop serving and end long-polls, once the worker has ended.

        Afterwards the current job's `taken_at` tells whether the worker had read it.
        """
        self._jobs.put(None)
        # close() alone would leave the accepting thread in its call.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._connections:
            thread.join(_CLOSING_S)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, peer = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(connection, peer), name="runtime-api", daemon=True)
                self._connections.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket, peer: object) -> None:
        with connection:
            try:
                if not is_process(connection, self._worker.result(_ADMITTING_S)):
                    return
                _Connection(connection, peer, self)
            except ConnectionResetError:
                # Linux resets a connection instead of closing it if its process ended with data unread: the job.
                if self._current is not None:
                    self._current.put_back()
            except (OSError, TimeoutError):
                pass

    def take(self, connection: socket.socket) -> Invocation | None:
        """Wait for the job to send over a connection; None if there will be none for this connection."""
        if self.ready_at is None:
            self.ready_at = time.monotonic()
        invocation = self._jobs.get()
        if invocation is None or _is_dead(connection):
            self._jobs.put(invocation)
            return None
        self._current = invocation
        self._on_taken(invocation)
        return invocation

    def put_back(self, invocation: Invocation) -> None:
        """A job that did not reach the worker waits for its next poll."""
        invocation.put_back()
        self._jobs.put(invocation)

    def post(self, path: str, body: bytes) -> int:
        """What the worker reports; returns the HTTP status."""
        if path == _INIT_ERROR:
            self._on_init_error(body)
            return 202
        request_id, _, kind = path.removeprefix(_INVOCATION).partition("/")
        invocation = self._current
        if invocation is None or invocation.request_id != request_id or kind not in ("response", "error"):
            return 400
        if len(body) > SYNCHRONOUS_PAYLOAD_BYTES:
            invocation.finish(_too_large(len(body)), failed=True)
            return 413
        invocation.finish(body, failed=kind == "error")
        return 202


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Otherwise an answer in two packets waits 40 ms for the acknowledgement of the first.
    disable_nagle_algorithm = True
    wbufsize = -1

    def __init__(self, connection: socket.socket, peer: Any, api: RuntimeApi) -> None:
        self._api = api
        super().__init__(connection, peer, api)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        if self.path != _NEXT:
            return self._answer(404)
        invocation = self._api.take(self.connection)
        if invocation is None:
            self.close_connection = True
            return None
        try:
            self._send_job(invocation)
        except OSError:
            self._api.put_back(invocation)
            raise

    def _send_job(self, invocation: Invocation) -> None:
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(invocation.take()),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.arn,
        }
        self._answer(200, invocation.payload, headers)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer(self._api.post(self.path, body), b'{"status":"OK"}')

    def _answer(self, status: int, body: bytes = b"{}", headers: dict[str, str] | None = None) -> None:
        self.send_response_only(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a function's calls of its runtime are not news."""


def _is_dead(connection: socket.socket) -> bool:
    """Whether the peer of a long-poll has gone away meanwhile."""
    try:
        return not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _too_large(size: int) -> bytes:
    return (
        f'{{"errorMessage":"Response payload size ({size} bytes) exceeded maximum allowed payload size '
        f'({SYNCHRONOUS_PAYLOAD_BYTES} bytes).","errorType":"Function.ResponseSizeTooLarge"}}'
    ).encode()
