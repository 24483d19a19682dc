"""Counts that read many rows: made in the background; pages show the last count and its age."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from pipeline.lake.services import Lake
from pipeline.operate.datasets import Backlog, backlog
from pipeline.operate.status import Summary, gather

SHARE = 10
"""A reading is repeated no sooner than after this many times its own duration."""
PATIENCE_S = 1.0
"""Seconds that a page waits for the first reading."""
BARS = 48

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Counted:
    """A summary of the lake as of `at`. `arrivals` counts objects by time of arrival and status;
    `waiting` has the backlog of each dataset that has one."""

    at: datetime
    summary: Summary
    arrivals: Arrivals
    waiting: dict[str, Backlog]


@dataclass(slots=True)
class Arrivals:
    """Objects by status in `BARS` intervals that end now; `span` is the shortest interval that shows 90 % of them."""

    now: datetime
    span: timedelta = timedelta(minutes=1)
    bars: list[Counter[str]] = field(default_factory=list)

    @classmethod
    def of(cls, rows: Iterable[tuple[int, str]], now: datetime) -> Arrivals:
        """Made of each object's time of arrival (ms since 1970) and status."""
        minutes: Counter[tuple[int, str]] = Counter()
        until = int(now.timestamp() // 60)
        for at, status in rows:
            minutes[max(until - at // 60_000, 0), status] += 1
        total = minutes.total()
        span = next((s for s in _SPANS if _within(minutes, s * BARS) >= 0.9 * total), _SPANS[-1])
        bars: list[Counter[str]] = [Counter() for _ in range(BARS)]
        for (age, status), number in minutes.items():
            if age < span * BARS:
                bars[BARS - 1 - age // span][status] += number
        return cls(now, timedelta(minutes=span), bars)


_SPANS = (1, 5, 15, 60, 360, 1440)
"""Lengths that a bar can have, in minutes."""


def _within(minutes: Counter[tuple[int, str]], age: int) -> int:
    return sum(number for (old, _), number in minutes.items() if old < age)


class Cached(Generic[T]):
    """The last result of `look` on a lake, renewed in the background when it is requested and old.

    A result is renewed after `least_s` seconds at the earliest, and after `SHARE` times as long as it took to make:
    looking takes no more than a part 1/`SHARE` of the time.
    """

    def __init__(self, look: Callable[[Lake], T], least_s: float) -> None:
        self._look = look
        self._least_s = least_s
        self._lock = threading.Lock()
        self._result: T | None = None
        self._of: Lake | None = None
        self._done = threading.Event()
        self._running = False
        self._next = 0.0

    def newest(self, lake: Lake) -> T | None:
        """The last result; None if there is none after `PATIENCE_S` seconds."""
        with self._lock:
            if self._of is not lake:
                self._of, self._result, self._next = lake, None, 0.0
                self._done = threading.Event()
            done = self._done
            if not self._running and time.monotonic() >= self._next:
                self._running = True
                threading.Thread(target=self._run, args=(lake, done), daemon=True, name="count").start()
        done.wait(PATIENCE_S)
        return self._result if self._of is lake else None

    def _run(self, lake: Lake, done: threading.Event) -> None:
        began, result = time.monotonic(), None
        try:
            result = self._look(lake)
        except Exception as error:
            # The page itself shows what is wrong with the lake; the next request tries again.
            log.warning("the lake could not be read: %s", error)
        took = time.monotonic() - began
        with self._lock:
            self._running = False
            if self._of is lake:
                self._result = result or self._result
                self._next = time.monotonic() + max(self._least_s, SHARE * took)
        done.set()


def count(lake: Lake) -> Counted:
    """Summarize the lake. The times of arrival need a read of the whole catalog."""
    now = lake.clock()
    summary = gather(lake, batches=1)
    arrivals = Arrivals.of(lake.catalog.arrivals(), now)
    backlogs = {str(r.name): backlog(lake, r.dataset) for r in lake.registry.all()}
    waiting = {name: each for name, each in backlogs.items() if each.waiting}
    return Counted(now, summary, arrivals, waiting)
