"""The console of an embedded lake, in a process of its own that ends with the supervisor."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

from pipeline.local.child_environment import child_environment
from pipeline.local.processes import kill, start_python

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
        self._child: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self) -> None:
        with _listen(self._port) as listening, (self._folder / "console.log").open("wb") as output:
            self.url = f"http://{HOST}:{listening.getsockname()[1]}"
            where = ["--endpoint", self._endpoint, "--region", self._region, "--env", self._env]
            self._child = start_python(
                ["-m", "pipeline.console", *where, "--socket", str(listening.fileno())],
                env=child_environment(self._endpoint, self._region),
                cwd=str(self._folder),
                output=output,
                descriptors=[listening.fileno()],
            )

    def stop(self) -> None:
        if self._child is not None:
            kill(self._child)


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port), backlog=128)
    except OSError:
        return socket.create_server((HOST, 0), backlog=128)
