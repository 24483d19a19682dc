"""Fetches DynamoDB Local once and runs it. `jars.txt` names the 27 jars of its hundred that it loads."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path

from pipeline.core.errors import Misconfigured
from pipeline.emulator.processes import kill, start_python
from pipeline.toolchain.jars import Jar, cache_dir, ensure_jars
from pipeline.toolchain.java import java_home

MAIN = "com.amazonaws.services.dynamodbv2.local.main.ServerRunner"
RUN = Path(__file__).with_name("run.py")
OPTIONS = ("-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
START_TIMEOUT_S = 120


def jars() -> tuple[Jar, ...]:
    """What `jars.txt` lists: coordinates (with the packaging where it is not a jar), SHA-256 and size a line."""
    found = []
    for line in Path(__file__).with_name("jars.txt").read_text().splitlines():
        coordinates, sha256, size = line.split()
        group, artifact, version, *packaging = coordinates.split(":")
        found.append(Jar(group, artifact, version, sha256, int(size), *packaging))
    return tuple(found)


class DynamoDBLocal:
    """One server at `endpoint` between `start` and `stop`, empty at first. It dies with this process."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self.endpoint = ""

    def start(self) -> None:
        """`Misconfigured` where its jars, a Java or a native library for this machine cannot be had."""
        if (sys.platform, os.uname().machine) != ("linux", "x86_64"):
            raise Misconfigured(
                "DynamoDB Local's database has no native library for this machine in Maven's repository"
            )
        folder = cache_dir().with_name("dynamodb-local")
        ensure_jars(jars=jars(), folder=folder)
        port = _free_port()
        with self._log.open("wb") as output:
            arguments = [str(RUN), str(java_home() / "bin" / "java"), *OPTIONS, f"-Djava.library.path={folder}"]
            arguments += ["-cp", f"{folder}/*", MAIN, "-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(port)]
            self._process = start_python(arguments, env={**os.environ}, cwd=str(folder), output=output.fileno())
        self.endpoint = f"http://127.0.0.1:{port}"
        self._wait(port)

    def stop(self) -> None:
        kill(self._process)

    def _wait(self, port: int) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        kill(self._process)
        raise RuntimeError(f"DynamoDB Local did not start:\n{self._log.read_text(errors='replace')[-2000:]}")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
