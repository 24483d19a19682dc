"""Executions of all machines in one list, by time, part of a name, dataset and outcome: the newest first, in pages.

Step Functions lists the executions of one machine, the newest first, and knows no other filter than a status. A search
merges the lists of the machines and looks at a bounded number of each. The machine of Stage B succeeds when a batch is
quarantined: what became of the batch is the outcome.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from pipeline.core.errors import BadInput
from pipeline.core.executions import name_for
from pipeline.lake.batches.records import FINAL, BatchStatus
from pipeline.lake.datasets import DatasetName
from pipeline.lake.services import Lake
from pipeline.operate.arguments import dataset_name, time_of
from pipeline.operate.catalog_state import each
from pipeline.operate.executions import STATUSES, Run, check, others, page_of
from pipeline.operate.flows import STAGE_A, STAGE_B, flows_of

QUARANTINED = BatchStatus.QUARANTINED.value
OUTCOMES = (*STATUSES, QUARANTINED)
PAGE = 1_000
"""Executions of one question (ListExecutions, AWS quota)."""
LOOKED = 10 * PAGE
"""Executions of one machine at which a search looks."""
MACHINES = 30
"""Machines whose executions are merged; of more, one has to be chosen."""
BATCHES = 50
"""Batches of each dataset whose status is asked for."""
FIELDS = ("machine", "status", "dataset", "name", "from", "to")

Batches = Mapping[str, tuple[str, BatchStatus]]
"""The dataset and the status of batches, by their ids."""


@dataclass(frozen=True, slots=True)
class ExecutionFilter:
    """Executions that began `since` and `until`, both included, with `name` in theirs, in any case of letters."""

    machine: str | None = None
    outcome: str | None = None
    dataset: DatasetName | None = None
    name: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @classmethod
    def of(cls, lake: Lake, given: Mapping[str, str]) -> ExecutionFilter:
        """Read from texts, those of `FIELDS`; `BadInput` for what is no machine, outcome, dataset or time."""
        text = {name: given.get(name, "").strip() for name in FIELDS}
        machine, outcome = text["machine"] or None, text["status"].upper() or None
        check(lake, machine, None)
        if outcome not in (None, *OUTCOMES):
            hint = f"One of {', '.join(OUTCOMES)}."
            raise BadInput(f"{text['status']!r} is not a status of an execution", hint=hint)
        return cls(
            machine,
            outcome,
            dataset_name(text["dataset"]) if text["dataset"] else None,
            text["name"],
            time_of(text["from"]) if text["from"] else None,
            time_of(text["to"]) if text["to"] else None,
        )

    @property
    def status(self) -> str | None:
        """What Step Functions is asked for."""
        return "SUCCEEDED" if self.outcome == QUARANTINED else self.outcome

    @property
    def is_narrow(self) -> bool:
        """Whether most executions may have to be passed over."""
        return bool(self.name or self.dataset or self.since or self.until or self.outcome == QUARANTINED)

    def fits(self, run: Run) -> bool:
        """Whether an execution is meant, as far as a list of executions tells."""
        in_time = (not self.since or run.started >= self.since) and (not self.until or run.started <= self.until)
        return in_time and self.name.casefold() in run.name.casefold()


@dataclass(frozen=True, slots=True)
class Listed:
    """An execution with its dataset, where it has one, and its outcome: its status, or QUARANTINED."""

    run: Run
    dataset: str | None
    outcome: str

    def to_json(self) -> dict[str, Any]:
        """As programs get it."""
        return {**self.run.to_json(), "dataset": self.dataset, "outcome": self.outcome}


@dataclass(frozen=True, slots=True)
class FoundExecutions:
    """`after` is where the next page begins, None where there is none. `is_cut`: the search ended, at `LOOKED`
    executions of a machine, before it had found enough."""

    executions: tuple[Listed, ...]
    after: str | None
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Tally:
    """Executions by outcome: of each machine the newest `PAGE`. `is_all`: none has more."""

    outcomes: Counter[str] = field(default_factory=Counter)
    is_all: bool = True


def search(
    lake: Lake,
    wanted: ExecutionFilter,
    limit: int,
    *,
    after: str | None = None,
    batches: Batches | None = None,
) -> FoundExecutions:
    """At most `limit` executions, the newest first. `batches` are those that are known; without them they are read.

    `BadInput` where there are too many machines to look at all of them.
    """
    known = batches_of(lake, wanted.dataset) if batches is None or wanted.dataset else batches
    walks = [
        _Walk(lake, name, wanted, after, PAGE if wanted.is_narrow or after else limit + 1)
        for name in _machines(lake, wanted)
    ]
    merged = heapq.merge(*each(walks, _begun), key=_place, reverse=True)
    names = [str(registration.name) for registration in lake.registry.all()]
    found: list[Listed] = []
    for run in merged:
        listed = _listed(run, names, known)
        if wanted.outcome not in (None, listed.outcome) or not _is_of(listed, wanted.dataset):
            continue
        if len(found) == limit:
            return FoundExecutions(tuple(found), _place(found[-1].run))
        found.append(listed)
    return FoundExecutions(tuple(found), None, is_cut=any(walk.is_cut for walk in walks))


def tally(lake: Lake, batches: Batches) -> Tally:
    """How the newest executions of each machine ended."""
    outcomes: Counter[str] = Counter()
    is_all = True
    for listed, more in each(_machines(lake, ExecutionFilter()), lambda name: page_of(lake, name, limit=PAGE)):
        outcomes.update(_outcome(run, batches) for run in listed)
        is_all = is_all and more is None
    return Tally(outcomes, is_all)


@dataclass(frozen=True, slots=True)
class Recent:
    """What pages know of executions without asking each time."""

    batches: Batches
    tally: Tally


def recent(lake: Lake) -> Recent:
    """Ask once."""
    batches = batches_of(lake)
    return Recent(batches, tally(lake, batches))


def outcome_of(lake: Lake, run: Run, dataset: str | None) -> str:
    """How one execution ended, of which `dataset` is what its input names."""
    batch = lake.batches.get(dataset, run.name) if dataset and run.machine == STAGE_B else None
    return _outcome(run, {batch.id: (batch.dataset, batch.status)} if batch else {})


def batches_of(lake: Lake, dataset: DatasetName | None = None) -> Batches:
    """The newest batches of a dataset, or of each; one Query a dataset."""
    names = [str(dataset)] if dataset else [str(registration.name) for registration in lake.registry.all()]
    found = each(names, lambda name: (name, lake.batches.statuses(name, BATCHES)))
    return {batch: (name, status) for name, statuses in found for batch, status in statuses.items()}


class _Walk:
    """The executions of one machine that may be meant, the newest first."""

    def __init__(self, lake: Lake, machine: str, wanted: ExecutionFilter, after: str | None, page: int) -> None:
        self._lake, self._machine, self._wanted, self._after, self._page = lake, machine, wanted, after, page
        self.is_cut = False

    def __iter__(self) -> Iterator[Run]:
        token, looked = None, 0
        while True:
            runs, token = page_of(self._lake, self._machine, self._wanted.status, limit=self._page, token=token)
            for run in runs:
                if (self._after is None or _place(run) < self._after) and self._wanted.fits(run):
                    yield run
            looked += len(runs)
            too_old = runs and self._wanted.since and runs[-1].started < self._wanted.since
            if token is None or too_old:
                return
            if looked >= LOOKED:
                self.is_cut = True
                return


def _begun(walk: _Walk) -> Iterator[Run]:
    """The same executions, of which the first page has been read: those of several machines at a time."""
    runs = iter(walk)
    return _with(list(islice(runs, 1)), runs)


def _with(first: list[Run], rest: Iterator[Run]) -> Iterator[Run]:
    yield from first
    yield from rest


def _place(run: Run) -> str:
    """Where an execution stands in the list of all: its start, to the microsecond, and what tells it from others."""
    return f"{run.started:%Y-%m-%dT%H:%M:%S.%f}Z {run.machine} {run.name}"


def _machines(lake: Lake, wanted: ExecutionFilter) -> list[str]:
    if wanted.machine:
        return [wanted.machine]
    if wanted.outcome == QUARANTINED:
        return [STAGE_B]
    if wanted.dataset:
        return [STAGE_A, STAGE_B]
    every = [*flows_of(lake).machines, *sorted(others(lake))]
    if len(every) > MACHINES:
        raise BadInput(f"there are {len(every)} state machines here", hint=f"Choose one: {', '.join(every)}.")
    return every


def _listed(run: Run, names: list[str], known: Batches) -> Listed:
    dataset = None
    if run.machine == STAGE_A:
        dataset = next((name for name in names if run.name.startswith(name_for(name, "")[:-32])), None)
    elif run.machine == STAGE_B and run.name in known:
        dataset = known[run.name][0]
    return Listed(run, dataset, _outcome(run, known))


def _outcome(run: Run, known: Batches) -> str:
    """That of its batch, where a batch that ended badly is what the machine was for."""
    if run.machine != STAGE_B or run.status != "SUCCEEDED" or run.name not in known:
        return run.status
    status = known[run.name][1]
    return status.value if status in FINAL and status.value in OUTCOMES else run.status


def _is_of(listed: Listed, dataset: DatasetName | None) -> bool:
    return dataset is None or listed.dataset == str(dataset)
