"""Executions of all machines in one list, by time, part of a name, dataset and outcome: the newest first, in pages.

Step Functions lists the executions of one machine, the newest first, and knows no other filter than a status. A search
merges the lists of the machines and looks at a bounded number of each. The machine of Stage B succeeds when a batch is
quarantined: what became of the batch is the outcome.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from pipeline.core.errors import BadInput, WrongUsage
from pipeline.core.executions import name_for
from pipeline.lake.batches.records import FINAL, BatchStatus
from pipeline.lake.datasets import DatasetName
from pipeline.lake.services import Lake
from pipeline.operate.arguments import dataset_name, time_of
from pipeline.operate.catalog_state import each
from pipeline.operate.executions import STATUSES, Run, check, others, page_of
from pipeline.operate.flows import STAGE_A, STAGE_B, flows_of
from pipeline.operate.kept_executions import LOOKED, PAGE, KeptExecutions, Newest

QUARANTINED = BatchStatus.QUARANTINED.value
OUTCOMES = (*STATUSES, QUARANTINED)
MACHINES = 30
"""Machines whose executions are merged; of more, one has to be chosen."""
BATCHES = 50
"""Batches of each dataset whose status is asked for."""
LAG = timedelta(minutes=1)
"""An execution is listed by then (ListExecutions is eventually consistent)."""
_STARTED = "%Y-%m-%dT%H:%M:%S.%fZ"
FIELDS = ("machine", "status", "dataset", "name", "from", "to")

Batches = Mapping[str, tuple[str, BatchStatus]]
"""The dataset and the status of batches, by their ids."""


def outcome_named(text: str) -> str | None:
    """Read an execution's outcome in any case; `WrongUsage` lists them."""
    outcome = text.upper() or None
    if outcome not in (None, *OUTCOMES):
        raise WrongUsage(f"{text!r} is not a status of an execution", hint=f"One of {', '.join(OUTCOMES)}.")
    return outcome


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
        machine, outcome = text["machine"] or None, outcome_named(text["status"])
        check(lake, machine, None)
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
    executions of a machine, before it had found enough. `at`: as of when, where those were looked at that are kept."""

    executions: tuple[Listed, ...]
    after: str | None
    is_cut: bool = False
    at: datetime | None = None


def search(
    lake: Lake,
    wanted: ExecutionFilter,
    limit: int,
    *,
    after: str | None = None,
    batches: Batches | None = None,
    kept: KeptExecutions | None = None,
) -> FoundExecutions:
    """At most `limit` executions, the newest first. `batches` are those that are known; without them they are read.
    What has to pass many over looks at those that are `kept`, if somebody keeps them.

    `BadInput` where there are too many machines to look at all of them.
    """
    known = batches_of(lake, wanted.dataset) if batches is None or wanted.dataset else batches
    looked = kept if kept and _may_look_at(kept, lake, wanted, after) else None
    page = PAGE if wanted.is_narrow or after else limit + 1
    walks = [
        _Walk(lake, name, wanted, after, page, looked.of(lake, name) if looked else None)
        for name in machines_of(lake, wanted)
    ]
    merged = heapq.merge(*each(walks, _begun), key=place_of, reverse=True)
    names = [str(registration.name) for registration in lake.registry.all()]
    found: list[Listed] = []
    at = looked.at if looked else None
    for run in merged:
        listed = _listed(run, names, known)
        if wanted.outcome not in (None, listed.outcome) or not _is_of(listed, wanted.dataset):
            continue
        if len(found) == limit:
            return FoundExecutions(tuple(found), place_of(found[-1].run), at=at)
        found.append(listed)
    return FoundExecutions(tuple(found), None, is_cut=any(walk.is_cut for walk in walks), at=at)


def _may_look_at(kept: KeptExecutions, lake: Lake, wanted: ExecutionFilter, after: str | None) -> bool:
    """Whether many may have to be passed over, and none may be missing: on a later page those that began, and maybe
    were not listed yet, when they were read."""
    if kept.at is None or not kept.is_of(lake) or not (wanted.is_narrow or after):
        return False
    return after is None or after < f"{kept.at - LAG:{_STARTED}}"


def outcome_of(lake: Lake, run: Run, dataset: str | None) -> str:
    """How one execution ended, of which `dataset` is what its input names."""
    batch = lake.batches.get(dataset, run.name) if dataset and run.machine == STAGE_B else None
    return ended_as(run, {batch.id: (batch.dataset, batch.status)} if batch else {})


def batches_of(lake: Lake, dataset: DatasetName | None = None) -> Batches:
    """The newest batches of a dataset, or of each; one Query a dataset."""
    names = [str(dataset)] if dataset else [str(registration.name) for registration in lake.registry.all()]
    found = each(names, lambda name: (name, lake.batches.statuses(name, BATCHES)))
    return {batch: (name, status) for name, statuses in found for batch, status in statuses.items()}


class _Walk:
    """The executions of one machine that may be meant, the newest first: of those that are kept, else as it lists."""

    def __init__(
        self,
        lake: Lake,
        machine: str,
        wanted: ExecutionFilter,
        after: str | None,
        page: int,
        kept: Newest | None,
    ) -> None:
        self._lake, self._machine, self._wanted, self._after, self._page = lake, machine, wanted, after, page
        self._kept = kept
        self.is_cut = False

    def __iter__(self) -> Iterator[Run]:
        if self._kept is None:
            yield from self._listed()
            return
        for run in self._kept.runs:
            if self._wanted.since and run.started < self._wanted.since:
                return
            if self._wanted.status in (None, run.status) and self._is_meant(run):
                yield run
        self.is_cut = not self._kept.is_all

    def _listed(self) -> Iterator[Run]:
        token, looked = None, 0
        while True:
            runs, token = page_of(self._lake, self._machine, self._wanted.status, limit=self._page, token=token)
            yield from filter(self._is_meant, runs)
            looked += len(runs)
            too_old = runs and self._wanted.since and runs[-1].started < self._wanted.since
            if token is None or too_old:
                return
            if looked >= LOOKED:
                self.is_cut = True
                return

    def _is_meant(self, run: Run) -> bool:
        return self._wanted.fits(run) and (self._after is None or place_of(run) < self._after)


def _begun(walk: _Walk) -> Iterator[Run]:
    """The same executions, of which the first page has been read: those of several machines at a time."""
    runs = iter(walk)
    return _with(list(islice(runs, 1)), runs)


def _with(first: list[Run], rest: Iterator[Run]) -> Iterator[Run]:
    yield from first
    yield from rest


def place_of(run: Run) -> str:
    """Where an execution stands in the list of all: its start, to the microsecond, and what tells it from others."""
    return f"{run.started:{_STARTED}} {run.machine} {run.name}"


def machines_of(lake: Lake, wanted: ExecutionFilter) -> list[str]:
    """The machines that may have such executions. `BadInput` where there are too many to look at all of them."""
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
    return Listed(run, dataset, ended_as(run, known))


def ended_as(run: Run, known: Batches) -> str:
    """That of its batch, where a batch that ended badly is what the machine was for."""
    if run.machine != STAGE_B or run.status != "SUCCEEDED" or run.name not in known:
        return run.status
    status = known[run.name][1]
    return status.value if status in FINAL and status.value in OUTCOMES else run.status


def _is_of(listed: Listed, dataset: DatasetName | None) -> bool:
    return dataset is None or listed.dataset == str(dataset)
