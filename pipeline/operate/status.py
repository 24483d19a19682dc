"""What `sluice status` tells, gathered from a lake. Nothing is printed here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.core.errors import NotThere
from pipeline.lake.batches.pauses import Pauses
from pipeline.lake.batches.records import Batch
from pipeline.lake.datasets import DatasetName
from pipeline.lake.services import Lake
from pipeline.operate.aftermath import Aftermath, of_batch
from pipeline.operate.attention import Issue, troubles
from pipeline.operate.batches import batch_json
from pipeline.operate.catalog_state import Counts, Standing, counts, standing
from pipeline.operate.executions import Run, runs
from pipeline.operate.progress import Progress, look
from pipeline.operate.queues import Queue, queues_of
from pipeline.operate.waiting_deliveries import WaitingDelivery, waiting_deliveries

RUNNING_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Summary:
    """The state of a lake, or of one dataset of it."""

    objects: Counts
    batches: list[Batch]
    since: dict[str, Aftermath]
    """What became of the objects of each batch that was not loaded, by its id."""
    troubles: list[Issue]
    running: list[Run]
    queues: list[Queue]
    deliveries: list[WaitingDelivery]
    """Those that wait for the rest of their files."""
    retired: dict[str, str]
    """Retired datasets, and since when they are."""
    paused: dict[str, Pauses]
    """What somebody paused, by the dataset."""
    progress: Progress
    """Whether it is settled, by the one definition that `wait` has, too."""

    def to_json(self) -> dict[str, Any]:
        """As `sluice status --json` prints it."""
        return {
            "objects": [{"dataset": name, "statuses": dict(counts)} for name, counts in self.objects.items()],
            "batches": [{**batch_json(batch), "since": self.since[batch.id].to_json()} for batch in self.batches],
            "attention": [asdict(trouble) for trouble in self.troubles],
            "running": [run.to_json() for run in self.running],
            "queues": [asdict(queue) for queue in self.queues],
            "deliveries": [delivery.to_json() for delivery in self.deliveries],
            "retired": self.retired,
            "paused": self.paused_json(),
            "settled": self.progress.is_settled,
        }

    def paused_json(self) -> list[dict[str, Any]]:
        """What is paused, as programs get it."""
        return [
            {"dataset": name, "what": what.value.removesuffix("_paused"), **pause.to_json()}
            for name, pauses in self.paused.items()
            for what, pause in pauses.items()
        ]


def gather(
    lake: Lake,
    dataset: DatasetName | None = None,
    batches: int = 3,
    count: Callable[[Lake, Standing], Counts] = counts,
) -> Summary:
    """Read the catalog's indexes, the last `batches` of each dataset, executions and queues. Who has counted the
    objects already says so by `count`.

    Objects of the catalog itself are read where they need attention, and no others.
    """
    progress = look(lake, dataset)
    registrations = [r for r in lake.registry.all() if dataset in (None, r.name)]
    found = standing(lake, dataset, [r.name for r in registrations])
    objects = count(lake, found)
    if dataset is not None and not registrations and not any(objects.values()):
        raise NotThere(f"no dataset {dataset} is registered, and no object of it was dropped", hint=None)
    queues = queues_of(lake, registrations)
    newest = [batch for name in found.names for batch in lake.batches.newest(name, batches, outlined=True)]
    return Summary(
        objects=objects,
        batches=newest,
        since={batch.id: of_batch(lake, batch) for batch in newest},
        troubles=troubles(lake, found, registrations, queues),
        # Of a settled lake it is known that nothing runs; of one dataset only its objects and its open batch are.
        running=[] if dataset is None and progress.is_settled else _running(lake, dataset, newest),
        queues=queues,
        deliveries=waiting_deliveries(lake, registrations),
        retired={str(r.name): r.retired for r in registrations if r.retired},
        paused=lake.pauses.of([str(r.name) for r in registrations]),
        progress=progress,
    )


def _running(lake: Lake, dataset: DatasetName | None, batches: Iterable[Batch]) -> list[Run]:
    found = runs(lake, status="RUNNING", limit=RUNNING_SHOWN)
    if dataset is None:
        return found
    # Executions of Stage A are named after the dataset, those of Stage B after the batch.
    prefix, mine = str(dataset).replace("/", "-") + "-", {batch.id for batch in batches}
    return [run for run in found if run.name in mine or run.name.startswith(prefix)]
