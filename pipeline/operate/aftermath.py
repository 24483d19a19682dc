"""What became of the objects of a failed batch or execution since it ended. Their rows tell: nobody keeps it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.core.errors import Refused
from pipeline.core.objects import ObjectVersion
from pipeline.lake.batches.records import Batch, BatchStatus, candidates_of
from pipeline.lake.batches.redrive import REDRIVABLE
from pipeline.lake.catalog import ObjectRow
from pipeline.lake.messages.stage_a import StageAWork
from pipeline.lake.services import Lake
from pipeline.operate.executions import Run, objects_of, parsed
from pipeline.operate.flows import STAGE_B
from pipeline.operate.formatting import counted

_UNLOADED = frozenset({BatchStatus.QUARANTINED, BatchStatus.FAILED})


@dataclass(frozen=True, slots=True)
class Aftermath:
    """`left` objects are as they were left, and may be sent back; `into` says how many are in which later batch or
    execution, of which `released` are releases; `sent` were sent back and are in none yet."""

    left: int = 0
    into: tuple[tuple[str, int], ...] = ()
    sent: int = 0
    released: frozenset[str] = frozenset()

    @property
    def told(self) -> str | None:
        """A sentence; None where nothing was done since."""
        parts = [
            f"{counted(objects, 'object')} {'released into' if name in self.released else 'redriven in'} {name}"
            for name, objects in self.into
        ]
        parts += [f"{counted(self.sent, 'object')} sent back, and on the way"] if self.sent else []
        parts += [f"{counted(self.left, 'object')} not sent back"] if self.left and parts else []
        return "; ".join(parts) or None

    def to_json(self) -> dict[str, Any]:
        """As programs get it."""
        into = [{"name": name, "objects": n, "is_release": name in self.released} for name, n in self.into]
        return {"told": self.told, "left": self.left, "into": into, "sent": self.sent}


def of_rows(batch: str, rows: Sequence[ObjectRow]) -> Aftermath:
    """Of a batch's objects, as their rows are now. Ids of batches sort by time: a later one has a greater id."""
    into = Counter(row.batch for row in rows if row.batch and row.batch > batch)
    left = sum(row.batch == batch and row.status in REDRIVABLE for row in rows)
    return Aftermath(left, tuple(sorted(into.items())), len(rows) - left - into.total())


def of_batch(lake: Lake, batch: Batch) -> Aftermath:
    """Nothing for a batch that goes on or is loaded; else a read of all of its objects' rows."""
    whole = lake.batches.get(batch.dataset, batch.id) if batch.status in _UNLOADED and batch.is_outline else batch
    if whole is None or batch.status not in _UNLOADED:
        return Aftermath()
    mine = [obj for place, obj in enumerate(candidates_of(whole)) if place not in whole.left_out]
    found = of_rows(batch.id, lake.catalog.get_many(mine))
    later = (lake.batches.get(batch.dataset, each) for each, _ in found.into)
    released = frozenset(each.id for each in later if each and (each.release or {}).get("of") == batch.id)
    return replace(found, released=released)


def of_execution(lake: Lake, carried: Iterable[StageAWork]) -> Aftermath:
    """Of the objects that an execution of Stage A was given. Each time that one is sent, it is of a new generation."""
    given = {each.object: each.generation for each in carried}
    return of_generations(given, lake.catalog.get_many(list(given)))


def of_generations(given: Mapping[ObjectVersion, int], rows: Sequence[ObjectRow]) -> Aftermath:
    """`of_execution` by the generation in which each object was `given`."""
    again = [row for row in rows if row.generation > given[row.object]]
    into = Counter(row.execution for row in again if row.execution)
    left = sum(row.status in REDRIVABLE for row in rows if row not in again)
    return Aftermath(left, tuple(sorted(into.items())), len(again) - into.total())


def of_run(lake: Lake, run: Run, description: Mapping[str, Any]) -> Aftermath:
    """Of what an execution of the lake carried, once it has ended."""
    if not run.is_of_lake or run.status == "RUNNING":
        return Aftermath()
    if run.machine == STAGE_B:
        document = parsed(description.get("input"))
        dataset = document.get("dataset") if isinstance(document, dict) else None
        batch = lake.batches.get(dataset, run.name) if isinstance(dataset, str) else None
        return of_batch(lake, batch) if batch else Aftermath()
    try:
        return of_execution(lake, objects_of(description))
    except Refused:
        return Aftermath()
