"""What pages know of executions without asking each time: which there are, how they ended, what runs, what failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from pipeline.core.errors import BadInput
from pipeline.lake.batches.records import FINAL
from pipeline.lake.services import Lake
from pipeline.operate.catalog_state import each
from pipeline.operate.execution_search import Batches, ExecutionFilter, batches_of, ended_as, machines_of, place_of
from pipeline.operate.executions import Run, page_of
from pipeline.operate.flows import STAGE_B, flows_of
from pipeline.operate.kept_executions import PAGE, KeptExecutions


@dataclass(frozen=True, slots=True)
class Tally:
    """Executions by outcome: of each machine the newest `LOOKED`. `is_all`: none has more."""

    outcomes: Counter[str] = field(default_factory=Counter)
    is_all: bool = True


@dataclass(frozen=True, slots=True)
class Recent:
    """What pages know of executions without asking each time, as of `at`."""

    at: datetime
    batches: Batches
    tally: Tally
    kept: KeptExecutions


class RecentReader:
    """Keeps executions, and reads the batches of all datasets again when one of Stage B's has changed."""

    def __init__(self) -> None:
        self._kept = KeptExecutions()
        self._loads: tuple[Run, ...] | None = None
        self._batches: Batches = {}
        self._of: Lake | None = None

    def read(self, lake: Lake) -> Recent:
        """Ask once."""
        machines, _ = _every(lake)
        self._kept.renew(lake, machines)
        at = self._kept.at
        assert at is not None
        loads = self._kept.of(lake, STAGE_B)
        if self._of is not lake or loads is None or loads.runs != self._loads or not self._is_final():
            self._batches = batches_of(lake)
            self._of, self._loads = lake, loads.runs if loads else None
        found = [newest for machine in machines if (newest := self._kept.of(lake, machine))]
        outcomes = Counter(ended_as(run, self._batches) for newest in found for run in newest.runs)
        return Recent(at, self._batches, Tally(outcomes, all(newest.is_all for newest in found)), self._kept)

    def _is_final(self) -> bool:
        return all(status in FINAL for _, status in self._batches.values())


@dataclass(frozen=True, slots=True)
class Now:
    """Executions that run and that failed, of all machines, the newest first; of each machine at most `PAGE`.
    `more`: a machine has more that failed. `is_of_all`: also those of people's own machines were asked for."""

    running: tuple[Run, ...]
    failed: tuple[Run, ...]
    more: bool
    is_of_all: bool


def now(lake: Lake) -> Now:
    """Ask once: two questions a machine."""
    machines, is_of_all = _every(lake)
    running = each(machines, lambda name: page_of(lake, name, "RUNNING", limit=PAGE)[0])
    failed = list(each(machines, lambda name: page_of(lake, name, "FAILED", limit=PAGE)))
    return Now(
        _merged(running),
        _merged(runs for runs, _ in failed),
        more=any(token is not None for _, token in failed),
        is_of_all=is_of_all,
    )


def _every(lake: Lake) -> tuple[list[str], bool]:
    """All machines, or where there are too many those of the flows; and whether it is all."""
    try:
        return machines_of(lake, ExecutionFilter()), True
    except BadInput:
        return [*flows_of(lake).machines], False


def _merged(of_machines: Iterable[list[Run]]) -> tuple[Run, ...]:
    return tuple(sorted((run for runs in of_machines for run in runs), key=place_of, reverse=True))
