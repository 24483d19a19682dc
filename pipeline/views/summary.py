"""What `sluice status` tells, gathered from a lake. Nothing is printed here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.catalog import ObjectRow
from pipeline.datasets import DatasetName
from pipeline.errors import Refused
from pipeline.settling import Progress, look
from pipeline.views.attention import Trouble, belongs_to, troubles
from pipeline.views.batches import BatchLine
from pipeline.views.executions import Run, runs
from pipeline.views.queues import Queue, queues_of
from pipeline.wiring import Lake

RUNNING_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Summary:
    """The state of a lake, or of one dataset of it."""

    objects: dict[str | None, Counter[str]]
    batches: list[BatchLine]
    troubles: list[Trouble]
    running: list[Run]
    queues: list[Queue]
    retired: dict[str, str]
    """Retired datasets, and since when they are."""
    progress: Progress
    """Whether it is settled, by the one definition that `wait` has, too."""

    def to_json(self) -> dict[str, Any]:
        return {
            "objects": [{"dataset": name, "statuses": dict(counts)} for name, counts in self.objects.items()],
            "batches": [line.to_json() for line in self.batches],
            "attention": [asdict(trouble) for trouble in self.troubles],
            "running": [run.to_json() for run in self.running],
            "queues": [asdict(queue) for queue in self.queues],
            "retired": self.retired,
            "settled": self.progress.is_settled,
        }


def gather(lake: Lake, dataset: DatasetName | None = None, batches: int = 3) -> Summary:
    """Read the catalog, the last `batches` of each dataset, executions and queues. Reads the whole catalog table."""
    return summed_up(lake, lake.catalog.all(), dataset, batches)


def summed_up(
    lake: Lake, catalog: Iterable[ObjectRow], dataset: DatasetName | None = None, batches: int = 3
) -> Summary:
    """`gather` for one who has the catalog's rows already."""
    progress = look(lake, dataset)
    registrations = [r for r in lake.registry.all() if dataset in (None, r.dataset.name)]
    rows = [row for row in catalog if dataset is None or belongs_to(row, dataset)]
    if dataset is not None and not rows and not registrations:
        raise Refused(f"no dataset {dataset} is registered, and no object of it was dropped", hint=None)
    names = [str(registration.dataset.name) for registration in registrations]
    queues = queues_of(lake, registrations)
    lines = _batches(lake, names, rows, batches)
    return Summary(
        objects=_counts(rows, names),
        batches=lines,
        troubles=troubles(lake, rows, registrations, queues),
        running=_running(lake, dataset, lines),
        queues=queues,
        retired={str(r.dataset.name): r.retired for r in registrations if r.retired},
        progress=progress,
    )


def _counts(rows: Iterable[ObjectRow], names: list[str]) -> dict[str | None, Counter[str]]:
    counts: dict[str | None, Counter[str]] = {name: Counter() for name in names}
    for row in rows:
        counts.setdefault(row.dataset, Counter())[row.status.value] += 1
    return dict(sorted(counts.items(), key=lambda item: (item[0] is None, item[0] or "")))


def _batches(lake: Lake, names: list[str], rows: Iterable[ObjectRow], limit: int) -> list[BatchLine]:
    bad: Counter[str] = Counter()
    for row in rows:
        if row.batch:
            bad[row.batch] += row.rows_bad or 0
    return [BatchLine(batch, bad[batch.id]) for name in names for batch in lake.batches.newest(name, limit)]


def _running(lake: Lake, dataset: DatasetName | None, lines: Iterable[BatchLine]) -> list[Run]:
    found = runs(lake, status="RUNNING", limit=RUNNING_SHOWN)
    if dataset is None:
        return found
    # Executions of Stage A are named after the dataset, those of Stage B after the batch.
    prefix, mine = str(dataset).replace("/", "-") + "-", {line.batch.id for line in lines}
    return [run for run in found if run.name in mine or run.name.startswith(prefix)]
