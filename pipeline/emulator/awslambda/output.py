"""The output of one worker process, cut into the log of its function. Reads a pipe; writes to whom it is told."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import IO

WriteLog = Callable[[str, str, Sequence[str]], None]
"""Write lines to a log group's stream; must not block."""

TAIL_BYTES = 4096
_READ = 1 << 16


class WorkerOutput:
    """Lines of a worker's pipe, in order with what Lambda itself says.

    Whoever calls `say` first takes what the process has written so far: so START stands before, and END behind
    everything that the invocation printed. `told` is what is made of each text. Safe from many threads.
    """

    def __init__(
        self, pipe: IO[bytes], write: Callable[[Sequence[str]], None], told: Callable[[str], str] = str
    ) -> None:
        self._pipe = pipe
        self._write = write
        self._told = told
        self._lock = threading.Lock()
        self._partial = b""
        self._tail = ""
        os.set_blocking(pipe.fileno(), False)

    def drain(self) -> bool:
        """Take what is there; False if the pipe is at its end."""
        with self._lock:
            return self._drain()

    def say(self, lines: Sequence[str], *, starts: bool = False) -> None:
        """Add Lambda's own lines behind the output so far; `starts` begins the tail of a new invocation."""
        with self._lock:
            self._drain()
            self._flush_partial()
            if starts:
                self._tail = ""
            self._add(lines)

    def tail(self) -> str:
        """The last 4 KB since the invocation started."""
        with self._lock:
            return self._tail

    def close(self) -> None:
        """Take the rest and close the pipe."""
        with self._lock:
            self._drain()
            self._flush_partial()
            self._pipe.close()

    def _drain(self) -> bool:
        while not self._pipe.closed:
            try:
                data = os.read(self._pipe.fileno(), _READ)
            except BlockingIOError:
                return True
            if not data:
                return False
            *lines, self._partial = (self._partial + data).split(b"\n")
            self._add([self._told(_text(line)) for line in lines])
        return False

    def _flush_partial(self) -> None:
        if self._partial:
            self._add([self._told(_text(self._partial))])
            self._partial = b""

    def _add(self, lines: Sequence[str]) -> None:
        if lines:
            self._tail = (self._tail + "".join(f"{line}\n" for line in lines))[-TAIL_BYTES:]
            self._write(lines)


def _text(line: bytes) -> str:
    # The runtime client parts the lines of one message with a carriage return, so that it stays one event.
    return line.decode("utf-8", "replace").replace("\r", "\n")
