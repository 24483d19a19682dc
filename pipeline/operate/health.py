"""The health of each dataset: whether it keeps its promise, what its last batches brought, how long what waits will."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.core.clock import parse_iso
from pipeline.lake.batches.pauses import Pause, Paused
from pipeline.lake.batches.records import Batch, BatchStatus
from pipeline.lake.catalog import Status
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.services import Lake
from pipeline.lake.tables.iceberg import IcebergTables
from pipeline.operate.attention import Issue, attention
from pipeline.operate.catalog_state import each
from pipeline.operate.datasets import Backlog, backlog, next_run
from pipeline.operate.prospect import Prospect, prospect

BATCHES = 12
"""Batches of a dataset that are shown."""
COUNTED = 2
"""Waiting objects that are read of a dataset, for the oldest; how many there are is counted for all at once."""
STATES = (
    "QUARANTINED",
    "FAILED",
    "LATE",
    "BEHIND",
    "DEAD_LETTERS",
    "PAUSED",
    "REGISTERED",
    "BAD_ROWS",
    "REPEATED_ROWS",
    "EMPTY",
    "OK",
    "RETIRED",
)
"""What a dataset is in, the worst first: what needs attention, then what is late; EMPTY before anything was loaded."""
_BAD = {BatchStatus.QUARANTINED, BatchStatus.FAILED}


@dataclass(frozen=True, slots=True)
class Size:
    """What a table holds: rows, and bytes of its data files."""

    rows: int
    size: int


@dataclass(frozen=True, slots=True)
class Health:
    """One dataset. `batches` are its last, newest first; `late_by` is since when, in seconds, an object should have
    been in the table by the dataset's `freshness`. Of a `paused` schedule no run is next, and nothing tells when what
    waits will be loaded."""

    registration: Registration
    batches: tuple[Batch, ...]
    issues: tuple[Issue, ...]
    backlog: Backlog
    prospect: Prospect | None
    next_run: str | None
    paused: Pause | None
    late_by: float | None
    table: Size | None

    @property
    def name(self) -> str:
        """Of the dataset."""
        return str(self.registration.name)

    @property
    def committed(self) -> Batch | None:
        """The last of the batches that is in the table."""
        return next((batch for batch in self.batches if batch.status is BatchStatus.COMMITTED), None)

    @property
    def state(self) -> str:
        """The worst of `STATES` that holds."""
        met = {issue.status for issue in self.issues}
        ended = next((batch for batch in self.batches if batch.ended), None)
        met |= {ended.status.value} if ended and ended.status in _BAD else set()
        met |= {"LATE"} if self.late_by else set()
        met |= {"BEHIND"} if self.backlog.is_behind else set()
        met |= {"PAUSED"} if self.paused else set()
        rest = "RETIRED" if self.registration.retired else "OK" if self.batches else "EMPTY"
        return next((state for state in STATES if state in met), rest)

    @property
    def rank(self) -> tuple[int, int, str]:
        """By which those in trouble come first, and among them those with most objects in it."""
        return STATES.index(self.state), -sum(issue.objects for issue in self.issues), self.name

    def to_json(self) -> dict[str, Any]:
        """As programs get it."""
        committed = self.committed
        freshness = self.registration.dataset.stage_b.freshness
        return {
            "name": self.name,
            "state": self.state,
            "fresh": committed.ended if committed else None,
            "freshness_s": freshness.total_seconds(),
            "late_by_s": self.late_by,
            "backlog": self.backlog.to_json(),
            "prospect": self.prospect.to_json() if self.prospect else None,
            "next_run": self.next_run,
            "paused": self.paused.to_json() if self.paused else None,
            "rows": self.table.rows if self.table else None,
            "size": self.table.size if self.table else None,
            "bad_rows": sum(batch.bad_rows for batch in self.batches),
            "quarantined": sum(batch.status is BatchStatus.QUARANTINED for batch in self.batches),
        }


class HealthReader:
    """Reads the health of all datasets. A table's size is read once for each batch that it was given."""

    def __init__(self) -> None:
        self._sizes: dict[str, tuple[str, Size | None]] = {}
        self._lock = threading.Lock()

    def read(self, lake: Lake) -> list[Health]:
        """Those in trouble first. Three Queries a dataset at most, a call for a hundred pauses, and what `attention`
        reads."""
        registrations, now = lake.registry.all(), lake.clock()
        waiting = Counter({name: n for (name, s), n in lake.catalog.count_open().items() if s is Status.STAGED})
        issues, pauses = attention(lake), lake.pauses.of([str(each.name) for each in registrations])

        def of(registration: Registration) -> Health:
            name = str(registration.name)
            mine = tuple(issue for issue in issues if issue.dataset == name)
            paused = pauses.get(name, {}).get(Paused.SCHEDULE)
            return self._health(lake, registration, mine, waiting[name], paused, now)

        return sorted(each(registrations, of), key=lambda health: health.rank)

    def _health(
        self,
        lake: Lake,
        registration: Registration,
        issues: Sequence[Issue],
        waiting: int,
        paused: Pause | None,
        now: datetime,
    ) -> Health:
        dataset = registration.dataset
        batches = tuple(lake.batches.newest(str(registration.name), BATCHES, outlined=True))
        found = backlog(lake, dataset, COUNTED) if waiting else Backlog(0, False, None, False)
        number = max(waiting, found.waiting) if found.waiting else 0
        backlog_ = Backlog(number, False, found.oldest, found.is_behind)
        late = (now - parse_iso(found.oldest) - dataset.stage_b.freshness).total_seconds() if found.oldest else 0
        committed = next((batch for batch in batches if batch.status is BatchStatus.COMMITTED), None)
        runs = not registration.is_closed and paused is None
        return Health(
            registration=registration,
            batches=batches,
            issues=tuple(issues),
            backlog=backlog_,
            prospect=prospect(dataset, number, found.oldest, batches, now) if runs else None,
            next_run=next_run(dataset, now) if runs else None,
            paused=paused,
            late_by=late if late > 0 else None,
            table=self._size(lake, registration, committed.id) if committed else None,
        )

    def _size(self, lake: Lake, registration: Registration, batch: str) -> Size | None:
        if registration.dataset.table.format != "iceberg":
            return None
        with self._lock:
            known = self._sizes.get(registration.table)
        if known is None or known[0] != batch:
            known = batch, _size_of(lake.tables, registration.table)
            with self._lock:
                self._sizes[registration.table] = known
        return known[1]


def _size_of(tables: IcebergTables, identifier: str) -> Size | None:
    from pyiceberg.exceptions import NoSuchTableError

    try:
        snapshot = tables.looking.load_table(identifier).current_snapshot()
    except NoSuchTableError:
        return None
    summary = snapshot.summary if snapshot else None
    rows, size = (summary[name] if summary else None for name in ("total-records", "total-files-size"))
    return Size(int(rows), int(size)) if rows is not None and size is not None else None
