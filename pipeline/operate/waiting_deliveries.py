"""Deliveries that wait for the rest of their files, as people look at them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pipeline.lake.catalog import ObjectRow, Status
from pipeline.lake.manifested.assembly import Pending
from pipeline.lake.manifested.deliveries import overdue_at

if TYPE_CHECKING:
    from pipeline.lake.datasets.model import Dataset, StartWhen
    from pipeline.lake.datasets.registry import Registration
    from pipeline.lake.services import Lake

LACKING_SHOWN = 20


@dataclass(frozen=True, slots=True)
class WaitingDelivery:
    """A delivery of a dataset. `uri` is that of the marker or manifest (`kind`); its team is told at `until`.

    `lacking` names the first files that it waits for, and says why.
    """

    dataset: str
    uri: str
    version_id: str
    kind: str
    since: str
    until: str
    files: int
    there: int
    lacking: tuple[tuple[str, str], ...]
    summary: str

    def to_json(self) -> dict[str, Any]:
        """As programs get it."""
        return asdict(self)


def waiting_deliveries(lake: Lake, registrations: Iterable[Registration]) -> list[WaitingDelivery]:
    """All that wait, oldest first in each dataset. Datasets that count objects cost nothing."""
    return [
        _told(str(registration.name), start, pending)
        for registration in registrations
        # Of most datasets the text alone says that there are none, without the time that reading it takes.
        if '"start_when"' in registration.definition and (start := registration.dataset.stage_b.by_delivery)
        for pending in _pending(lake, registration.dataset)
    ]


def what_it_waits_for(lake: Lake, row: ObjectRow, dataset: Dataset | None) -> str | None:
    """For what a staged object of a dataset waits whose batches are deliveries; None of any other."""
    start = dataset.stage_b.by_delivery if dataset else None
    if dataset is None or start is None or row.status is not Status.STAGED:
        return None
    if row.control is None and not row.object.is_part and (kind := start.control_of(row.object.key)):
        return f"It was read as data, and is a {kind} since start_when says so: the next poll has it read anew."
    for pending in _pending(lake, dataset):
        until = overdue_at(pending, start)
        if row.object in {control.object for control in pending.controls}:
            return f"{pending}. Its team is told at {until} if it is not whole by then."
        if row.object in pending.candidates:
            return f"It is of the delivery of {pending.control.object.uri}: {pending}."
    awaited = f"the marker {start.marker} in its folder" if start.marker else f"a manifest {start.manifest} to name it"
    return f"No delivery has it yet: it waits for {awaited}."


def _pending(lake: Lake, dataset: Dataset) -> list[Pending]:
    start = dataset.stage_b.by_delivery
    waiting = lake.catalog.waiting(str(dataset.name), Status.STAGED, None)
    return lake.deliveries.pending(start, waiting) if start and waiting else []


def _told(dataset: str, start: StartWhen, pending: Pending) -> WaitingDelivery:
    control, lacking = pending.control, pending.lacking
    return WaitingDelivery(
        dataset=dataset,
        uri=control.object.uri,
        version_id=control.object.version_id,
        kind=control.control or "",
        since=control.since,
        until=overdue_at(pending, start),
        files=len(pending.found),
        there=len(pending.found) - len(lacking),
        lacking=tuple((each.name, each.why or "") for each in lacking[:LACKING_SHOWN]),
        summary=str(pending),
    )
