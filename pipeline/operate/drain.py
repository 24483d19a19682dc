"""Drains a dataset's backlog: polls again and again until nothing waits, whatever its schedule says."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from pipeline.core.errors import Refused
from pipeline.lake.batches.poller import PollOutcome
from pipeline.lake.batches.records import Batch, BatchStatus
from pipeline.lake.batches.upkeep import is_turn
from pipeline.lake.catalog import Status
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.services import Lake
from pipeline.operate.datasets import COUNTED, backlog, run_now
from pipeline.operate.formatting import counted

MOST_BATCHES = 200
MOST_SECONDS = 4 * 3600
POLL_S = 1.0
_GOES_ON = frozenset({PollOutcome.CANCELLED, PollOutcome.ENDED})


@dataclass(frozen=True, slots=True)
class Drain:
    """How far it is. `ended` says in words why it ended, None while it goes on; `good` is False if it was cut short.

    `batch` is what is being loaded; `waiting` what waits for a batch, of which `more` wait than are counted.
    """

    batches: int = 0
    objects: int = 0
    held: int = 0
    """Batches that were quarantined, or failed."""
    batch: str | None = None
    waiting: int = 0
    more: bool = False
    ended: str | None = None
    good: bool = True

    def to_json(self) -> dict[str, Any]:
        """As programs get it."""
        return asdict(self)

    @property
    def told(self) -> str:
        """In words."""
        done = f"{counted(self.batches, 'batch', 'batches')} of {counted(self.objects, 'object')} ended"
        held = f", {self.held} of them not loaded" if self.held else ""
        waits = f"; {counted(self.waiting, 'object')}{' or more' if self.more else ''} {_verb(self.waiting)}"
        return f"{done}{held}{waits if self.waiting else ''}"


def _verb(number: int) -> str:
    return "waits" if number == 1 else "wait"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drainer:
    """Loads what waits for batches of a dataset, batch after batch; `report` hears of each step, and of the end.

    It ends when nothing waits, when a batch failed, when what waits belongs to no whole delivery, after `most` batches
    or so many `seconds`, and when it is `stopped`; a batch that runs then goes on. Quarantined batches are no end: what
    they hold waits for somebody.
    """

    lake: Lake
    registration: Registration
    report: Callable[[Drain], None] = lambda drain: None
    stopped: Callable[[], bool] = lambda: False
    most: int = MOST_BATCHES
    seconds: float = MOST_SECONDS
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def run(self) -> Drain:
        """Drain to the end. `Refused` as polling has it."""
        state, until = Drain(), self.clock() + self.seconds
        while state.ended is None:
            state = self._counted(state)
            self.report(state)
            state = self._cut_short(state, until) or self._step(state, until)
        state = self._counted(state)
        self.report(state)
        return state

    def _step(self, state: Drain, until: float) -> Drain:
        """One poll, and the batch that it began or found."""
        outcome, holder = run_now(self.lake, self.registration)
        if outcome in _GOES_ON:
            return state
        if outcome not in (PollOutcome.STARTED, PollOutcome.BUSY, PollOutcome.UPKEEP):
            return self._ended(state, outcome)
        if holder is None:
            self.sleep(POLL_S)
            return state
        name = str(self.registration.name)
        state = replace(state, batch=holder)
        self.report(state)
        while self.lake.batches.active(name) == holder:
            if self.stopped() or self.clock() >= until:
                return state
            self.sleep(POLL_S)
        return _after(state, None if is_turn(holder) else self.lake.batches.get(name, holder))

    def _counted(self, state: Drain) -> Drain:
        found = backlog(self.lake, self.registration.dataset, COUNTED)
        return replace(state, waiting=found.waiting, more=found.more)

    def _cut_short(self, state: Drain, until: float) -> Drain | None:
        if self.stopped():
            return _end(state, "it was stopped")
        if self.clock() >= until:
            return _end(state, "its time is up")
        if state.batches >= self.most and state.waiting:
            return _end(state, f"{counted(self.most, 'batch', 'batches')} are as many as one drain loads")
        return None

    def _ended(self, state: Drain, outcome: str) -> Drain:
        """After a poll that opened nothing."""
        if outcome == PollOutcome.BELOW_MINIMUM:
            return _end(state, "what waits belongs to deliveries that are not whole yet")
        if outcome != PollOutcome.IDLE:
            raise Refused(f"the poll of {self.registration.name} answered {outcome}", hint="See the log of `poll`.")
        coming = len(self.lake.catalog.waiting(str(self.registration.name), Status.REGISTERED, COUNTED))
        more = f", {counted(coming, 'object')}{' or more' if coming == COUNTED else ''} still in Stage A"
        return replace(state, ended=f"nothing waits any more{more if coming else ''}")


def _after(state: Drain, ended: Batch | None) -> Drain:
    """After the batch that was loaded, or a turn of upkeep, which is none."""
    if ended is None:
        return replace(state, batch=None)
    held = state.held + (ended.status is not BatchStatus.COMMITTED)
    state = replace(state, batch=None, batches=state.batches + 1, objects=state.objects + ended.objects, held=held)
    if ended.status is BatchStatus.FAILED:
        return _end(state, f"batch {ended.id} failed: {ended.error or 'see its page'}")
    return state


def _end(state: Drain, why: str) -> Drain:
    """Cut short."""
    return replace(state, ended=why, good=False)
