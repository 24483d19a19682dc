"""Counts that read many rows: made in the background; pages show the last count and its age."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Generic, TypeVar

from pipeline.lake.services import Lake
from pipeline.operate.catalog_state import Counts, Standing, counts
from pipeline.operate.datasets import Backlog, backlog
from pipeline.operate.kept_objects import KeptObjects
from pipeline.operate.status import Summary, gather

SHARE = 10
"""A reading is repeated no sooner than after this many times its own duration."""
PATIENCE_S = 0.7
"""Seconds that a page waits for the first reading, and for the first after a change."""
FOLLOWED_S = 60.0
"""For so long after a change readings follow each other soon: what was sent on its way is somewhere else each time."""
BARS = 48

log = logging.getLogger(__name__)

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Counted:
    """A summary of the lake as of `at`. `arrivals` counts objects by time of arrival and status, and is None where
    there are too many; `waiting` has the backlog of each dataset that has one."""

    at: datetime
    summary: Summary
    arrivals: Arrivals | None
    waiting: dict[str, Backlog]


@dataclass(slots=True)
class Arrivals:
    """`objects` by status in `BARS` intervals that end now; `span` is the shortest interval that shows 90 % of them."""

    now: datetime
    objects: int = 0
    span: timedelta = timedelta(minutes=1)
    bars: list[Counter[str]] = field(default_factory=list)

    @classmethod
    def of(cls, found: Iterable[tuple[int, str, int]], now: datetime) -> Arrivals:
        """Made of minutes since 1970, statuses, and how many objects of each arrived then."""
        minutes: Counter[tuple[int, str]] = Counter()
        until = int(now.timestamp() // 60)
        for at, status, number in found:
            minutes[max(until - at, 0), status] += number
        total = minutes.total()
        span = next((s for s in _SPANS if _within(minutes, s * BARS) >= 0.9 * total), _SPANS[-1])
        bars: list[Counter[str]] = [Counter() for _ in range(BARS)]
        for (age, status), number in minutes.items():
            if age < span * BARS:
                bars[BARS - 1 - age // span][status] += number
        return cls(now, total, timedelta(minutes=span), bars)


_SPANS = (1, 5, 15, 60, 360, 1440)
"""Lengths that a bar can have, in minutes."""


def _within(minutes: Counter[tuple[int, str]], age: int) -> int:
    return sum(number for (old, _), number in minutes.items() if old < age)


class Cached(Generic[T]):
    """The last result of `look` on a lake, renewed in the background when it is requested and old.

    A result is renewed after `least_s` seconds at the earliest, and after `SHARE` times as long as it took to make:
    looking takes no more than a part 1/`SHARE` of the time. After `expire` it is at once, and sooner for `FOLLOWED_S`.

    With `tells` who asks gets the error of a look that failed; else the page itself has to show what is wrong.
    """

    def __init__(self, look: Callable[[Lake], T], least_s: float, *, tells: bool = False) -> None:
        self._look = look
        self._least_s = least_s
        self._tells = tells
        self._error: Exception | None = None
        self._lock = threading.Lock()
        self._result: T | None = None
        self._of: Lake | None = None
        self._done = threading.Event()
        self._running = False
        self._next = 0.0
        self._began, self._expired = 0.0, 0.0

    def newest(self, lake: Lake) -> T | None:
        """The last result; None if there is none after `PATIENCE_S` seconds. One that has expired is waited for as
        long, and then given as it `is_behind`."""
        with self._lock:
            if self._of is not lake:
                self._of, self._result, self._next = lake, None, 0.0
                self._error, self._done = None, threading.Event()
            done = self._done
            self._start(lake)
        done.wait(PATIENCE_S)
        with self._lock:
            if self._error is not None and self._of is lake:
                raise self._error
            return self._result if self._of is lake else None

    def expire(self) -> None:
        """What was found until now is not what there is any more: look again, if anybody has asked before."""
        with self._lock:
            self._expired, self._next = time.monotonic(), 0.0
            self._done = threading.Event()
            if self._of is not None and self._result is not None:
                self._start(self._of)

    @property
    def is_behind(self) -> bool:
        """Whether the last result was found before it expired."""
        return self._result is not None and self._began < self._expired

    def _start(self, lake: Lake) -> None:
        if not self._running and time.monotonic() >= self._next:
            self._running = True
            threading.Thread(target=self._run, args=(lake,), daemon=True, name="count").start()

    def _run(self, lake: Lake) -> None:
        began, result, failed = time.monotonic(), None, None
        try:
            result = self._look(lake)
        except Exception as error:
            # The next request after a while tries again.
            log.warning("the lake could not be read: %s", error)
            failed = error if self._tells else None
        took = time.monotonic() - began
        with self._lock:
            self._running = False
            if self._of is lake:
                self._error = failed
            if self._of is lake and result is not None:
                self._result, self._began = result, began
            if self._of is lake and began >= self._expired:
                is_followed = self._expired and began < self._expired + FOLLOWED_S
                self._next = time.monotonic() + max(self._least_s, took * (1 if is_followed else SHARE))
                self._done.set()
            elif self._of is not None:
                # What was asked for meanwhile: the lake after a change, or another one.
                self._start(self._of)


class CachedEach(Generic[K, T]):
    """A `Cached` for each of the `KEPT` last keys that were asked for."""

    KEPT = 32

    def __init__(self, look: Callable[[Lake, K], T], least_s: float) -> None:
        self._look = look
        self._least_s = least_s
        self._lock = threading.Lock()
        self._each: OrderedDict[K, Cached[T]] = OrderedDict()

    def newest(self, lake: Lake, key: K) -> T | None:
        """As `Cached.newest` has it, of this key."""
        with self._lock:
            if key not in self._each:
                self._each[key] = Cached(lambda lake: self._look(lake, key), self._least_s)
            self._each.move_to_end(key)
            while len(self._each) > self.KEPT:
                self._each.popitem(last=False)
            cached = self._each[key]
        return cached.newest(lake)

    def expire(self) -> None:
        """As `Cached.expire` has it, of all keys."""
        with self._lock:
            every = list(self._each.values())
        for cached in every:
            cached.expire()


def count(lake: Lake, kept: KeptObjects) -> Counted:
    """Summarize the lake, and renew what is kept of its objects. The first time that reads the whole catalog."""
    now = lake.clock()
    kept.renew(lake)
    summary = gather(lake, batches=1, count=partial(_counts, kept))
    arrivals = Arrivals.of(kept.arrivals(), now) if kept.is_of(lake) else None
    backlogs = {str(r.name): backlog(lake, r.dataset) for r in lake.registry.all()}
    waiting = {name: each for name, each in backlogs.items() if each.waiting}
    return Counted(now, summary, arrivals, waiting)


def _counts(kept: KeptObjects, lake: Lake, found: Standing) -> Counts:
    return kept.counts(found.names) if kept.is_of(lake) else counts(lake, found)
