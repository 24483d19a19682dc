"""Deliver to other services behind the caller's back, and again until it succeeds: what AWS does with events."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

_log = logging.getLogger(__name__)

FIRST_RETRY_SECONDS = 0.1
LONGEST_RETRY_SECONDS = 5.0
GIVE_UP_SECONDS = 300.0

Delivery = Callable[[], None]


class Outbox:
    """One thread that makes deliveries in the order of `put`; one that fails waits and does not hold up the others.

    A delivery is given up, with an error in the log, after `GIVE_UP_SECONDS`. An idle outbox uses no CPU.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._ready = threading.Condition()
        self._due: list[tuple[float, int, float, float, str, Delivery]] = []
        self._ticket = itertools.count()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
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

    def put(self, what: str, delivery: Delivery) -> None:
        """Deliver soon. `what` names it in the log should it fail."""
        now = time.monotonic()
        self._put(now, FIRST_RETRY_SECONDS, now + GIVE_UP_SECONDS, what, delivery)

    def _put(self, due: float, delay: float, until: float, what: str, delivery: Delivery) -> None:
        with self._ready:
            if not self._stopping:
                heapq.heappush(self._due, (due, next(self._ticket), delay, until, what, delivery))
                self._ready.notify()

    def _run(self) -> None:
        while (entry := self._next()) is not None:
            _, _, delay, until, what, delivery = entry
            try:
                delivery()
            except Exception:
                now = time.monotonic()
                if now < until:
                    self._put(now + delay, min(delay * 2, LONGEST_RETRY_SECONDS), until, what, delivery)
                else:
                    _log.exception("gave up: %s", what)

    def _next(self) -> tuple[float, int, float, float, str, Delivery] | None:
        with self._ready:
            while not self._stopping:
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._due)
                self._ready.wait(wait)
        return None
