"""Deliver to other services behind the caller's back, and again until it succeeds: what AWS does with events."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

_log = logging.getLogger(__name__)

FIRST_RETRY_SECONDS = 0.1
LONGEST_RETRY_SECONDS = 5.0
GIVE_UP_SECONDS = 300.0

Delivery = Callable[[], None]


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A delivery that will not be tried again: why, and how often it was tried after the first time."""

    error: Exception
    retries: int
    out_of_retries: bool


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to try. `given_up` gets what was not delivered."""

    seconds: float = GIVE_UP_SECONDS
    retries: int | None = None
    given_up: Callable[[GivenUp], None] | None = None


@dataclass(slots=True)
class _Entry:
    what: str
    deliver: Delivery
    patience: Patience
    born: float = field(default_factory=time.monotonic)
    tries: int = 0

    def retry_in(self) -> float | None:
        """Seconds until the next try; None if there is none."""
        if self.patience.retries is not None and self.tries > self.patience.retries:
            return None
        delay = min(FIRST_RETRY_SECONDS * 2 ** min(self.tries - 1, 10), LONGEST_RETRY_SECONDS)
        return delay if time.monotonic() < self.born + self.patience.seconds else None


class Outbox:
    """One thread that makes deliveries in the order of `put`; one that fails waits and does not hold up the others.

    A delivery that is given up leaves an error in the log. An idle outbox uses no CPU.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._ready = threading.Condition()
        self._due: list[tuple[float, int, _Entry]] = []
        self._ticket = itertools.count()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to deliver, in a thread of its own."""
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop; what is not delivered is lost, as all state is."""
        with self._ready:
            self._stopping = True
            self._due.clear()
            self._ready.notify()
        if self._thread is not None:
            self._thread.join(5)

    def put(self, what: str, delivery: Delivery, patience: Patience = Patience(), after_s: float = 0.0) -> None:
        """Deliver soon, or after some seconds. `what` names it in the log should it fail."""
        self._put(_Entry(what, delivery, patience), after_s)

    def _put(self, entry: _Entry, delay: float) -> None:
        with self._ready:
            if not self._stopping:
                heapq.heappush(self._due, (time.monotonic() + delay, next(self._ticket), entry))
                self._ready.notify()

    def _run(self) -> None:
        while (entry := self._next()) is not None:
            entry.tries += 1
            try:
                entry.deliver()
            except Exception as error:
                self._again(entry, error)

    def _again(self, entry: _Entry, error: Exception) -> None:
        delay = entry.retry_in()
        if delay is not None:
            return self._put(entry, delay)
        _log.error("gave up: %s", entry.what, exc_info=error)
        if entry.patience.given_up is None:
            return None
        retries = entry.patience.retries
        try:
            entry.patience.given_up(GivenUp(error, entry.tries - 1, retries is not None and entry.tries > retries))
        except Exception:
            _log.exception("lost: %s", entry.what)
        return None

    def _next(self) -> _Entry | None:
        with self._ready:
            while not self._stopping:
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._due)[2]
                self._ready.wait(wait)
        return None
