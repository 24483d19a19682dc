"""Where job runs and functions get their process: forked from an interpreter that has imported what they import
(`interpreter_main`)."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path
from typing import IO

from pipeline.core.errors import Transient
from pipeline.emulator.processes import Lifeline

AWS_CLIENTS = (
    "boto3",
    "botocore.auth",
    "botocore.client",
    "botocore.compress",
    "botocore.httpsession",
    "botocore.signers",
)
"""What whoever asks AWS imports, sooner or later; none of it starts a thread."""

_SCRIPT = str(Path(__file__).with_name("interpreter_main.py"))


class ForkedProcess:
    """The process of one run, as `subprocess.Popen` is one of a child of this process. It leads a group of its own."""

    def __init__(self, answers: socket.socket, stdout: IO[bytes], lifeline: Lifeline) -> None:
        """`ConnectionError` if the interpreter ended before it could fork, `Transient` if it lives and could not."""
        self._answers = answers
        self._lines = answers.makefile("rb")
        self.stdout = stdout
        self.pid = self._begun()
        lifeline.hold(self.pid)
        self._code: Future[int] = Future()
        threading.Thread(target=self._wait, name=f"forked-{self.pid}", daemon=True).start()

    def wait(self, timeout: float | None = None) -> int:
        """The exit code: of a signal, its number with a minus. `subprocess.TimeoutExpired` if it lives longer."""
        try:
            return self._code.result(timeout)
        except FutureTimeout:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0) from None

    def _begun(self) -> int:
        word, said = self._told()
        if word != "begun":
            self._lines.close()
            raise Transient(f"no process could be forked: it {word} {said}")
        return int(said)

    def _told(self) -> tuple[str, str]:
        """What the interpreter or the fork says next: that it has begun, by process id, or failed or ended, and how."""
        word, _, said = self._lines.readline().decode().strip().partition(" ")
        if not word:
            raise ConnectionError("the interpreter has ended")
        return word, said

    def _wait(self) -> None:
        with self._answers, self._lines:
            try:
                code = int(self._told()[1])
            except OSError:
                # Nobody is left to say how it ends.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.pid, signal.SIGKILL)
                code = -signal.SIGKILL
        self._code.set_result(code)


class Interpreter:
    """Forks a process for each run. `env` is what the interpreter itself is started with, `modules` what it imports,
    `compiled` a folder that gets what is compiled of the runs' packages.

    It is started when the first run needs it, and again if it has ended.
    """

    def __init__(self, env: Mapping[str, str], modules: Sequence[str], compiled: Path) -> None:
        self._env = env
        self._modules = modules
        self._compiled = str(compiled)
        self._lock = threading.Lock()
        self._running: _Running | None = None

    def prepare(self) -> None:
        """See that it runs; it loads meanwhile."""
        with self._lock:
            if self._running is None or not self._running.alive():
                self._running = _Running(self._env, self._modules)

    def wait_until_ready(self) -> None:
        """Wait until it has loaded, so that `run` need not."""
        self.prepare()
        running = self._running
        if running:
            running.ready.wait()

    def run(self, arguments: Sequence[str], *, env: Mapping[str, str], cwd: str) -> ForkedProcess:
        """A process that runs a script's path with what follows it.

        `Transient` if there is no interpreter or it could not fork, OSError if this process has no descriptors left:
        what was forked before goes on.
        """
        for _ in range(2):
            self.wait_until_ready()
            running = self._running
            if running is None:
                break
            try:
                return running.fork({"arguments": [*arguments], "env": {**env}, "cwd": cwd, "compiled": self._compiled})
            except ConnectionError:
                running.end()
        raise Transient("the interpreter ends before it runs anything")

    def stop(self) -> None:
        """End it; harmless when it does not run."""
        with self._lock:
            running, self._running = self._running, None
        if running:
            running.end()


class _Running:
    """One process of the interpreter. It ends when `_control` is closed, so with this process."""

    def __init__(self, env: Mapping[str, str], modules: Sequence[str]) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, _SCRIPT, *modules],
                env=env,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.ready = threading.Event()
        """Set when it has loaded, or ended."""
        self._ended = threading.Event()
        threading.Thread(target=self._watch, name="interpreter", daemon=True).start()

    def alive(self) -> bool:
        return not self._ended.is_set()

    def fork(self, asked: Mapping[str, object]) -> ForkedProcess:
        """`ConnectionError` if the interpreter has ended; see `Interpreter.run` for others."""
        with contextlib.ExitStack() as unless_forked, contextlib.ExitStack() as theirs:
            read_end, write_end = os.pipe()
            theirs.callback(os.close, write_end)
            stdout = unless_forked.enter_context(os.fdopen(read_end, "rb"))
            answers, other_end = socket.socketpair()
            unless_forked.enter_context(answers)
            theirs.enter_context(other_end)
            lifeline = Lifeline()
            unless_forked.callback(lifeline.cut)
            theirs.enter_context(lifeline)
            self._send([other_end.fileno(), write_end, lifeline.read_end])
            theirs.close()
            # Where nobody reads it, the answer says why.
            with contextlib.suppress(ConnectionError):
                answers.sendall(json.dumps(asked).encode() + b"\n")
            forked = ForkedProcess(answers, stdout, lifeline)
            unless_forked.pop_all()
        return forked

    def _send(self, descriptors: list[int]) -> None:
        try:
            socket.send_fds(self._control, [b"r"], descriptors)
        except OSError as error:
            raise ConnectionError("the interpreter has ended") from error

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._ended.wait()

    def _watch(self) -> None:
        with contextlib.suppress(OSError):
            self._control.recv(64)
        self.ready.set()
        self._process.wait()
        self._control.close()
        self._ended.set()
