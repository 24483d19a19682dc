"""Output of functions and jobs on its way to CloudWatch Logs: taken at once, written in batches by a thread."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

FLUSH_S = 0.1
"""How long a line may wait for others."""

EVENT_CHARACTERS = 256 * 1024
"""Longer lines are parted; AWS takes events of up to 1 MB, and our readers' screens much less."""

EVENTS_A_BATCH = 10_000
"""Events of one PutLogEvents call (AWS quota)."""

_log = logging.getLogger(__name__)


class _Event(NamedTuple):
    timestamp: int
    message: str


class LogSink:
    """Writes lines to log groups and streams of one account and region, which it creates as needed.

    It goes to moto's state in this process: calls over HTTP would be counted, and cost more than the lines.
    """

    def __init__(self, account: str, region: str) -> None:
        self._account = account
        self._region = region
        self._waiting: dict[tuple[str, str], list[_Event]] = defaultdict(list)
        self._changed = threading.Condition()
        self._writing = threading.Lock()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to write, in a thread of its own."""
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="logs", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, then end."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self.flush()

    def write(self, group: str, stream: str, lines: str | Sequence[str]) -> None:
        """Add a line, or several, to a stream; returns at once. An empty line is kept as a blank."""
        now = int(time.time() * 1000)
        events = [_Event(now, part) for line in ([lines] if isinstance(lines, str) else lines) for part in _parts(line)]
        with self._changed:
            self._waiting[group, stream] += events
            self._changed.notify()

    def flush(self) -> None:
        """Write what waits now; when it returns, everything written before can be read."""
        with self._writing:
            with self._changed:
                waiting, self._waiting = self._waiting, defaultdict(list)
            for (group, stream), events in waiting.items():
                try:
                    for start in range(0, len(events), EVENTS_A_BATCH):
                        self._put(group, stream, events[start : start + EVENTS_A_BATCH])
                except Exception:
                    # A group that cannot be written to must not silence the others.
                    _log.exception("%s lines of %s %s are lost", len(events), group, stream)

    def _run(self) -> None:
        while not self._stopping:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._stopping)
            time.sleep(FLUSH_S)
            self.flush()

    def _put(self, group: str, stream: str, events: list[_Event]) -> None:
        from moto.logs.models import logs_backends

        backend = logs_backends[self._account][self._region]
        backend.ensure_log_group(group)
        backend.ensure_log_stream(group, stream)
        # Within a call time must not go backwards, which a clock may.
        ordered = sorted(events, key=lambda event: event.timestamp)
        backend.put_log_events(group, stream, [event._asdict() for event in ordered])


def _parts(line: str) -> list[str]:
    # CloudWatch refuses empty events.
    return [line[at : at + EVENT_CHARACTERS] for at in range(0, len(line), EVENT_CHARACTERS)] or [" "]
