"""Registered datasets as people look at them: what waits, how old it is, and whether somebody should have come."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from pipeline.core.clients import client
from pipeline.core.clock import iso, parse_iso
from pipeline.core.errors import NotThere, Refused
from pipeline.core.events.schedule_expressions import Rate, parse
from pipeline.lake.catalog import Status
from pipeline.lake.datasets import Dataset, DatasetName
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from pipeline.operate.formatting import duration

COUNTED = 100
"""Objects that are counted at most where they wait."""
GRACE = timedelta(minutes=10)
"""How long a poll and a batch before may take until a dataset counts as behind."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Objects that wait for a batch. `more`: there are more than were counted; `oldest` is since when one waits."""

    waiting: int
    more: bool
    oldest: str | None
    is_behind: bool

    def to_json(self) -> dict[str, Any]:
        """As programs get it."""
        return asdict(self)


def registration_of(lake: Lake, team: str, dataset: str) -> Registration:
    """The registration of a dataset; `NotThere` if there is none."""
    try:
        found = lake.registry.get(DatasetName.parse(f"{team}/{dataset}"))
    except ValueError as error:
        raise NotThere(str(error), hint="See the list of datasets.") from None
    if found is None:
        raise NotThere(
            f"no dataset {team}/{dataset} is registered",
            hint="Register it with `sluice datasets init` and `sluice datasets apply`.",
        )
    return found


def backlog(lake: Lake, dataset: Dataset, most: int = COUNTED) -> Backlog:
    """What waits for a batch of the dataset, counted up to `most`. One Query."""
    found = lake.catalog.waiting(str(dataset.name), Status.STAGED, most)
    oldest = found[0][1] if found else None
    late = oldest is not None and lake.clock() - parse_iso(oldest) > patience(dataset)
    return Backlog(len(found), len(found) == most, oldest, late)


def patience(dataset: Dataset) -> timedelta:
    """How long an object may wait before its dataset is behind: `max_wait`, or `within` of a delivery, two turns
    of its schedule, and a grace."""
    expression = parse(dataset.stage_b.schedule)
    turn = expression.every if isinstance(expression, Rate) else timedelta(days=1)
    start = dataset.stage_b.by_delivery
    return (start.within if start else dataset.stage_b.max_wait) + 2 * turn + GRACE


def next_run(dataset: Dataset, now: datetime) -> str | None:
    """When the schedule fires next; None for a rate, which AWS counts from a moment that it does not tell."""
    expression = parse(dataset.stage_b.schedule)
    found = None if isinstance(expression, Rate) else expression.after(now, now)
    return iso(found) if found else None


def start_of_batches(dataset: Dataset) -> str | None:
    """When a batch opens, in words; None where objects are taken as they come."""
    stage_b, when = dataset.stage_b, dataset.stage_b.start_when
    if when and when.marker:
        return f"when {when.marker} lies in a folder, with all that lies there"
    if when and when.manifest:
        return f"when a manifest {when.manifest} came, with what it names"
    if stage_b.opens_at > 1:
        longest = duration(stage_b.max_wait.total_seconds())
        return f"when {stage_b.opens_at} objects wait, or one of them for {longest}"
    return None


def kind_of_table(dataset: Dataset) -> str:
    """What the table is made of, and what rows do to those that are there, in words."""
    table = dataset.table
    made = "plain Parquet files" if table.format == "parquet" else "Iceberg"
    crawled = ", entered in the catalog by a crawler" if table.crawler else ""
    key = f" by {', '.join(table.key)}" if table.key else ""
    by = f", partitioned by {', '.join(table.partition_by)}" if table.partition_by else ""
    return f"{made}; {table.write}{key}{by}{crawled}"


def kind_of_transform(dataset: Dataset) -> str | None:
    """The team's own code between staged rows and table, and what it reads, in words; None where there is none."""
    transform = dataset.transform
    if transform is None:
        return None
    file = transform.sql or transform.python or transform.script
    words = {"sql": "SQL", "python": "Python", "script": "a Glue script"}
    reads = f", reads {', '.join(transform.reads)}" if transform.reads else ""
    return f"{words[transform.kind]}, {file}{reads}"


def run_now(lake: Lake, registration: Registration) -> tuple[str, str | None]:
    """Poll the dataset as its schedule does, for however few objects; the outcome, and the batch that it opened.

    Where each batch is a whole delivery, none opens of less.

    `Refused` with the function's error, and for a retired dataset whose queue is gone.
    """
    if registration.is_closed:
        raise Refused(
            f"dataset {registration.name} is retired, and has no queue any more", hint="Apply it again first."
        )
    batching = registration.dataset.stage_b
    said = {"max_objects", "max_wait", *(["start_when"] if batching.by_delivery else [])}
    event = {
        "dataset": str(registration.name),
        "queue_url": registration.queue_url,
        "stage_b": {**batching.model_dump(mode="json", include=said), "min_objects": 1},
    }
    answer = client("lambda").invoke(
        FunctionName=lake.settings[Setting.POLL_FUNCTION], Payload=json.dumps(event).encode()
    )
    told = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise Refused(
            f"the poll failed: {told.get('errorType')}: {told.get('errorMessage')}", hint="See the log of `poll`."
        )
    return str(told["outcome"]), told.get("batch")
