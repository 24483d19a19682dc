"""What takes a read of the whole catalog: done beside the pages, which show how old it is."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pipeline.catalog import ObjectRow
from pipeline.views.summary import Summary, summed_up
from pipeline.wiring import Lake

LEAST_S = 2.0
"""How old the counts may be before they are made again."""
SHARE = 20
"""And how many times as old as making them takes: the console spends no more than this part of its time on it."""
PATIENCE_S = 1.0
"""How long a page waits for the first counts."""
BARS = 48

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Counted:
    """The lake summed up. `arrivals` counts objects by the time of their arrival and by what became of them."""

    at: datetime
    summary: Summary
    arrivals: Arrivals


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


class Counts:
    """The newest counts of a lake, made again in a thread when somebody looks and they are old."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: Counted | None = None
        self._of: Lake | None = None
        self._done = threading.Event()
        self._running = False
        self._next = 0.0

    def newest(self, lake: Lake) -> Counted | None:
        """The counts as they are; None if the first are not made yet, after a moment's patience."""
        with self._lock:
            if self._of is not lake:
                self._of, self._counted, self._next = lake, None, 0.0
                self._done = threading.Event()
            done = self._done
            if not self._running and time.monotonic() >= self._next:
                self._running = True
                threading.Thread(target=self._count, args=(lake, done), daemon=True, name="counts").start()
        done.wait(PATIENCE_S)
        return self._counted if self._of is lake else None

    def _count(self, lake: Lake, done: threading.Event) -> None:
        began, found = time.monotonic(), None
        try:
            found = count(lake)
        except Exception as error:
            # The page that asked tells what is wrong with the lake; the next one that asks has it counted again.
            log.warning("the catalog was not counted: %s", error)
        took = time.monotonic() - began
        with self._lock:
            self._running = False
            if self._of is lake:
                self._counted = found or self._counted
                self._next = time.monotonic() + max(LEAST_S, SHARE * took)
        done.set()


def count(lake: Lake) -> Counted:
    """Read the whole catalog and sum it up."""
    now = lake.clock()
    arrived: list[tuple[int, str]] = []

    def noted() -> Iterator[ObjectRow]:
        for row in lake.catalog.all():
            arrived.append((row.event_ms, row.status.value))
            yield row

    summary = summed_up(lake, noted(), batches=1)
    return Counted(now, summary, Arrivals.of(arrived, now))
