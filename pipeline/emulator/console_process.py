"""The console of an embedded lake, in a process of its own that ends with the supervisor."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.emulator.child_environment import child_environment
from pipeline.emulator.processes import kill, start_python

HOST = "127.0.0.1"


class ConsoleProcess:
    """Serves the pages of the lake `env` at `url`, which is known from `start` on.

    Nobody's work depends on it: where `port` is taken, it takes another.
    """

    def __init__(self, endpoint: str, folder: Path, *, port: int, region: str, env: str) -> None:
        self._endpoint = endpoint
        self._folder = folder
        self._port = port
        self._region = region
        self._env = env
        self._lock = threading.Lock()
        self._listening: socket.socket | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self) -> None:
        """Take an address, which is kept until `stop`: who calls while the process is away waits for the next."""
        with self._lock:
            self._listening = _listen(self._port)
            self.url = f"http://{HOST}:{self._listening.getsockname()[1]}"
            self._child = self._serve(self._listening)

    def stop(self) -> None:
        """Kill the process, if it runs."""
        with self._lock:
            if self._child is not None:
                kill(self._child)
            if self._listening is not None:
                self._listening.close()
            self._child = self._listening = None

    def has_ended(self) -> bool:
        """Whether it should serve and does not; what it left behind is gone then."""
        with self._lock:
            if self._child is None or self._child.poll() is None:
                return False
            kill(self._child)
            return True

    def start_again(self) -> None:
        """Serve at the same address by a new process; harmless when stopped."""
        with self._lock:
            if self._listening is not None:
                self._child = self._serve(self._listening)

    def _serve(self, listening: socket.socket) -> subprocess.Popen[bytes]:
        where = ["--endpoint", self._endpoint, "--region", self._region, "--env", self._env]
        with (self._folder / "console.log").open("ab") as output:
            return start_python(
                ["-m", "pipeline.console", *where, "--socket", str(listening.fileno())],
                env=child_environment(self._endpoint, self._region),
                cwd=str(self._folder),
                output=output,
                descriptors=[listening.fileno()],
            )


def answers(url: str, within_s: float) -> bool:
    """Whether a console serves at `url`, whatever it says; one that is being started gets that much time."""
    give_up = time.monotonic() + within_s
    while (left := give_up - time.monotonic()) > 0:
        try:
            with contextlib.closing(HTTPConnection(urlsplit(url).netloc, timeout=left)) as connection:
                connection.request("HEAD", "/")
                connection.getresponse()
            return True
        except (OSError, HTTPException):
            time.sleep(0.1)
    return False


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port), backlog=128)
    except OSError:
        return socket.create_server((HOST, 0), backlog=128)
