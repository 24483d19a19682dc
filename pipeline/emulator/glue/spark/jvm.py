"""One JVM process that Python attaches to with py4j. It ends when its stdin does, so with whoever started it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core.errors import Misconfigured

START_TIMEOUT_S = 60
CONTEXT_STOP_TIMEOUT_S = 15
CONNECT_TIMEOUT_S = 5
POLL_S = 0.02
LOG_TAIL = 1000


@dataclass(frozen=True, slots=True)
class Attachment:
    """How a Python process reaches the JVM: py4j's port and secret."""

    port: int
    secret: str

    def environment(self) -> dict[str, str]:
        """Variables with which `SparkSession.builder.getOrCreate()` attaches instead of launching a JVM."""
        return {
            "PYSPARK_GATEWAY_PORT": str(self.port),
            "PYSPARK_GATEWAY_SECRET": self.secret,
            "PYSPARK_PYTHON": sys.executable,
        }

    def answers(self) -> bool:
        """Whether somebody listens. A JVM that is being killed is a process for a while, and no server any more."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), CONNECT_TIMEOUT_S):
                return True
        except OSError:
            return False


class Jvm:
    """A JVM that was started. `folder` gets its connection file; what it prints is appended to `log`.

    Spark's own launcher is not used: it hands the whole environment on, credentials too, and waits for ever for a
    JVM that ends with code 0.
    """

    def __init__(self, command: Sequence[str], env: Mapping[str, str], folder: Path, log: Path) -> None:
        self._log = log
        self._connection = folder / f"connection-{time.monotonic_ns()}"
        with log.open("ab") as output:
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=output,
                    cwd=folder,
                    env={**env, "_PYSPARK_DRIVER_CONN_INFO_PATH": str(self._connection)},
                    # Its own group: the terminal's Ctrl-C is the supervisor's to answer.
                    start_new_session=True,
                )
            except FileNotFoundError:
                raise Misconfigured(f"{command[0]} is not there", hint="Install Java 17.") from None

    @property
    def pid(self) -> int:
        """The process of the JVM."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def attachment(self) -> Attachment:
        """Wait until it serves. `Misconfigured` with the end of its log if it ends or does not serve in time."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._connection.exists():
            if not self.alive() or time.monotonic() > deadline:
                tail = self._log.read_text(errors="replace")[-LOG_TAIL:]
                raise Misconfigured(f"the JVM for Spark did not start:\n{tail}", hint=f"See {self._log}.")
            time.sleep(POLL_S)
        # The server writes another file and renames it, so that this one is never half there.
        content = self._connection.read_bytes()
        self._connection.unlink()
        port, length = struct.unpack_from(">ii", content)
        return Attachment(port, content[8 : 8 + length].decode())

    def finish(self, timeout_s: float) -> None:
        """Let it end in its own way, and kill it if that takes too long."""
        if self._process.stdin:
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)
        self.end()

    def end(self) -> None:
        """Kill it and reap it; harmless when it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdin:
            with contextlib.suppress(OSError):
                self._process.stdin.close()


def end_context(attachment: Attachment) -> bool:
    """Stop the SparkContext that a job left behind, if any; False if the JVM does not do so in time.

    A job that ends without `stop()` is normal, and the next one could not make a context of its own.
    """
    stopped = threading.Event()

    def stop() -> None:
        from py4j.java_gateway import GatewayParameters, JavaGateway

        parameters = GatewayParameters(port=attachment.port, auth_token=attachment.secret)
        with contextlib.suppress(Exception):
            gateway: Any = JavaGateway(gateway_parameters=parameters)
            with contextlib.closing(gateway):
                # The method is Spark's own: no static of that name stands beside the companion's.
                companion = getattr(gateway.jvm.org.apache.spark, "SparkContext$")
                active = getattr(companion, "MODULE$").getActive()
                if active.isDefined():
                    active.get().stop()
                stopped.set()

    thread = threading.Thread(target=stop, name="spark-end-context", daemon=True)
    thread.start()
    thread.join(CONTEXT_STOP_TIMEOUT_S)
    return stopped.is_set()
