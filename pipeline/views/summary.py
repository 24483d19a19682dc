"""What `sluice status` tells, gathered from a lake. Nothing is printed here."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.batches.records import Batch
from pipeline.catalog import ObjectRow, Status
from pipeline.clients import client
from pipeline.clock import parse_iso
from pipeline.datasets import DatasetName
from pipeline.datasets.model import Table
from pipeline.datasets.registry import Registration
from pipeline.errors import Refused
from pipeline.settings import Setting
from pipeline.settling import Progress, look
from pipeline.views.advice import advice, mending_rows
from pipeline.views.executions import Run, runs
from pipeline.views.missing import missing
from pipeline.views.texts import counted
from pipeline.wiring import Lake

TROUBLED = (Status.FAILED, Status.QUARANTINED, Status.UNROUTED)
STUCK_S = 3600
"""An object that Stage A has had for this long is shown as one that needs attention."""
RUNNING_SHOWN = 20
RAW = "raw"
FAILURES = {
    "stage-a-failures": (
        Setting.MARK_STAGE_A_FAILED_DEAD_LETTER_QUEUE_URL,
        Setting.MARK_STAGE_A_FAILED_FUNCTION,
    ),
    "stage-b-failures": (
        Setting.MARK_STAGE_B_FAILED_DEAD_LETTER_QUEUE_URL,
        Setting.MARK_STAGE_B_FAILED_FUNCTION,
    ),
}
"""Queues of what the functions could not handle that mark what a failed execution left: the queue and the function."""
LOGS = {RAW: "route", "stage-a-failures": "mark-stage-a-failed", "stage-b-failures": "mark-stage-b-failed"}


@dataclass(frozen=True, slots=True)
class Trouble:
    """Objects of one dataset that need attention for one reason. `example` is the URI of one of them."""

    dataset: str | None
    status: str
    objects: int
    example: str | None
    reason: str
    todo: str


@dataclass(frozen=True, slots=True)
class Queue:
    """How many messages a queue holds, approximately, as SQS counts. `name` is that which `redrive` takes: `raw`, a
    dataset, whose dead-letter queue has the same, or one of FAILURES."""

    name: str
    dead_letters: bool
    waiting: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class BatchLine:
    """A batch and the rows that Stage A had set aside from its objects before it began."""

    batch: Batch
    bad_rows_stage_a: int

    @property
    def bad_rows(self) -> int:
        return self.bad_rows_stage_a + (self.batch.write.bad_rows if self.batch.write else 0)

    def to_json(self) -> dict[str, Any]:
        batch = self.batch
        seconds = (parse_iso(batch.ended) - parse_iso(batch.opened)).total_seconds() if batch.ended else None
        return {
            "dataset": batch.dataset,
            "batch": batch.id,
            "status": batch.status.value,
            "opened": batch.opened,
            "ended": batch.ended,
            "seconds": seconds,
            "objects": batch.objects,
            "rows": batch.write.rows if batch.write else None,
            "bad_rows": self.bad_rows,
            "rebases": batch.rebases,
            "error": batch.error,
            "release": batch.release,
            "verdict": verdict_json(batch),
        }


def verdict_json(batch: Batch) -> dict[str, Any] | None:
    if batch.verdict is None:
        return None
    return {**asdict(batch.verdict), "snapshot": str(batch.verdict.snapshot)}


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
    rows = [row for row in catalog if dataset is None or _belongs(row, dataset)]
    if dataset is not None and not rows and not registrations:
        raise Refused(f"no dataset {dataset} is registered, and no object of it was dropped", hint=None)
    names = [str(registration.dataset.name) for registration in registrations]
    queues = queues_of(lake, registrations)
    lines = _batches(lake, names, rows, batches)
    return Summary(
        objects=_counts(rows, names),
        batches=lines,
        troubles=_attention(lake, rows, registrations, queues),
        running=_running(lake, dataset, lines),
        queues=queues,
        retired={str(r.dataset.name): r.retired for r in registrations if r.retired},
        progress=progress,
    )


def attention(lake: Lake, dataset: DatasetName | None = None) -> list[Trouble]:
    """What needs attention, of the lake or of one dataset. Reads the whole catalog table."""
    registrations = [r for r in lake.registry.all() if dataset in (None, r.dataset.name)]
    rows = [row for row in lake.catalog.all() if dataset is None or _belongs(row, dataset)]
    return _attention(lake, rows, registrations, queues_of(lake, registrations))


def _attention(
    lake: Lake, rows: list[ObjectRow], registrations: list[Registration], queues: list[Queue]
) -> list[Trouble]:
    tables = {str(r.dataset.name): r.dataset.table for r in registrations}
    found = [row for row in missing(rows, tables) if row.dismissed is None]
    return [*_troubles(found, tables), *_bad_rows(found, tables), *_stuck(lake, found), *_dead_letters(queues)]


def _belongs(row: ObjectRow, dataset: DatasetName) -> bool:
    return row.dataset == str(dataset) if row.dataset else row.object.key.startswith(f"{dataset}/")


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


def _troubles(rows: list[ObjectRow], tables: Mapping[str, Table]) -> list[Trouble]:
    """One for each dataset, status and reason."""
    groups: dict[tuple[str, str, str], list[ObjectRow]] = defaultdict(list)
    for row in rows:
        if row.status in TROUBLED:
            groups[row.dataset or "", row.status, _kind(row)].append(row)
    return [
        Trouble(
            dataset=name or None,
            status=status,
            objects=len(group),
            example=group[0].object.uri,
            reason=group[0].reason or "no reason was recorded",
            todo=advice(group[0], tables.get(name, Table())),
        )
        for (name, status, _), group in sorted(groups.items())
    ]


def _kind(row: ObjectRow) -> str:
    """Rows that fail for the same cause share it. What is unrouted shares its first two key segments."""
    if row.status is Status.UNROUTED:
        return "/".join(row.object.key.split("/")[:2])
    return row.reason or ""


def _bad_rows(rows: list[ObjectRow], tables: Mapping[str, Table]) -> list[Trouble]:
    """Rows that were set aside from objects whose other rows went on."""
    groups: dict[str, list[ObjectRow]] = defaultdict(list)
    for row in rows:
        if row.rows_bad and row.dataset and row.status not in TROUBLED:
            groups[row.dataset].append(row)
    return [
        Trouble(
            dataset=name,
            status="BAD_ROWS",
            objects=len(group),
            example=group[0].object.uri,
            reason=f"{counted(sum(r.rows_bad or 0 for r in group), 'row')} of {counted(len(group), 'object')} "
            "could not be read as the dataset says, and went to the quarantine bucket",
            todo=mending_rows(group[0], tables.get(name, Table())),
        )
        for name, group in sorted(groups.items())
    ]


def _stuck(lake: Lake, rows: list[ObjectRow]) -> list[Trouble]:
    now = lake.clock()
    old = [r for r in rows if r.status is Status.REGISTERED and (now - parse_iso(r.since)).total_seconds() > STUCK_S]
    groups: dict[str | None, list[ObjectRow]] = defaultdict(list)
    for row in old:
        groups[row.dataset].append(row)
    reason = "Stage A has not staged it"
    return [
        Trouble(name, "REGISTERED", len(group), group[0].object.uri, reason, advice(group[0], Table()))
        for name, group in groups.items()
    ]


def _dead_letters(queues: Iterable[Queue]) -> list[Trouble]:
    return [
        Trouble(
            dataset=None if queue.name in LOGS else queue.name,
            status="DEAD_LETTERS",
            objects=queue.waiting,
            example=None,
            reason="they could not be handled, at once or after many tries, and wait in the dead-letter queue",
            todo=f"Read `sluice logs {LOGS.get(queue.name, 'poll')}`, mend the cause, then run "
            f"`sluice redrive --queue {queue.name}`.",
        )
        for queue in queues
        if queue.dead_letters and queue.waiting
    ]


def _running(lake: Lake, dataset: DatasetName | None, lines: Iterable[BatchLine]) -> list[Run]:
    found = runs(lake, status="RUNNING", limit=RUNNING_SHOWN)
    if dataset is None:
        return found
    # Executions of Stage A are named after the dataset, those of Stage B after the batch.
    prefix, mine = str(dataset).replace("/", "-") + "-", {line.batch.id for line in lines}
    return [run for run in found if run.name in mine or run.name.startswith(prefix)]


def queues_of(lake: Lake, registrations: Iterable[Registration]) -> list[Queue]:
    """The queues of the lake and of these datasets, dead-letter queues too."""
    return [queue for url, dead, name in queue_urls(lake, registrations) if (queue := _queue(url, dead, name))]


def queue_urls(lake: Lake, registrations: Iterable[Registration]) -> list[tuple[str, bool, str]]:
    """The URL of each queue, whether it holds dead letters, and its name as `Queue` has it."""
    shared = [
        (lake.settings[Setting.RAW_QUEUE_URL], False, RAW),
        (lake.settings[Setting.RAW_DEAD_LETTER_QUEUE_URL], True, RAW),
        *((lake.settings[dead], True, name) for name, (dead, _) in FAILURES.items()),
    ]
    own = [
        (url, dead, str(r.dataset.name))
        for r in registrations
        if not r.is_closed
        for url, dead in ((r.queue_url, False), (r.dead_letter_queue_url, True))
    ]
    return shared + own


def _queue(url: str, dead_letters: bool, name: str) -> Queue | None:
    """The queue's depth; None if there is no such queue (a dataset that is being deployed)."""
    sqs = client("sqs")
    wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    try:
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"]
    except sqs.exceptions.QueueDoesNotExist:
        return None
    return Queue(name, dead_letters, *(int(found.get(attribute, 0)) for attribute in wanted))
