"""What takes a read of many rows: done beside the pages, which show how old it is."""

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
PATIENCE_S = 1.0
"""How long a page waits for what is looked for the first time."""
BARS = 48

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Counted:
    """The lake summed up. `arrivals` counts objects by the time of their arrival and by what became of them;
    `waiting` is what waits for a batch, by dataset, where anything does."""

    at: datetime
    summary: Summary
    arrivals: Arrivals
    waiting: dict[str, Backlog]


@dataclass(slots=True)
class Arrivals:
    """Objects by status in `BARS` spans of time that end now; `span` is the shortest that holds nearly all of them."""

    now: datetime
    span: timedelta = timedelta(minutes=1)
    bars: list[Counter[str]] = field(default_factory=list)

    @classmethod
    def of(cls, rows: Iterable[tuple[int, str]], now: datetime) -> Arrivals:
        """From each object's time of arrival (ms since 1970) and status."""
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
"""Minutes of a bar."""


def _within(minutes: Counter[tuple[int, str]], age: int) -> int:
    return sum(number for (old, _), number in minutes.items() if old < age)


class Looked(Generic[T]):
    """What `look` found in a lake last: looked for again, beside the pages, when somebody asks and it is old.

    `least_s` is how old it may be before that; and it is no more than a part `1/SHARE` of the time that looking takes.
    """

    def __init__(self, look: Callable[[Lake], T], least_s: float) -> None:
        self._look = look
        self._least_s = least_s
        self._lock = threading.Lock()
        self._found: T | None = None
        self._of: Lake | None = None
        self._done = threading.Event()
        self._running = False
        self._next = 0.0

    def newest(self, lake: Lake) -> T | None:
        """What was found last; None if nothing was yet, after a moment's patience."""
        with self._lock:
            if self._of is not lake:
                self._of, self._found, self._next = lake, None, 0.0
                self._done = threading.Event()
            done = self._done
            if not self._running and time.monotonic() >= self._next:
                self._running = True
                threading.Thread(target=self._run, args=(lake, done), daemon=True, name="looking").start()
        done.wait(PATIENCE_S)
        return self._found if self._of is lake else None

    def _run(self, lake: Lake, done: threading.Event) -> None:
        began, found = time.monotonic(), None
        try:
            found = self._look(lake)
        except Exception as error:
            # The page that asked tells what is wrong with the lake; the next one that asks has it looked for again.
            log.warning("the lake could not be looked at: %s", error)
        took = time.monotonic() - began
        with self._lock:
            self._running = False
            if self._of is lake:
                self._found = found or self._found
                self._next = time.monotonic() + max(self._least_s, SHARE * took)
        done.set()


def count(lake: Lake) -> Counted:
    """Sum the lake up. The times of arrival take a read of the whole catalog."""
    now = lake.clock()
    summary = gather(lake, batches=1)
    arrivals = Arrivals.of(lake.catalog.arrivals(), now)
    backlogs = {str(r.name): backlog(lake, r.dataset) for r in lake.registry.all()}
    waiting = {name: found for name, found in backlogs.items() if found.waiting}
    return Counted(now, summary, arrivals, waiting)
