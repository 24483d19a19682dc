"""What needs attention: what is missing from a table, or stays behind, until somebody acts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pipeline.core.clock import parse_iso
from pipeline.lake import datasets
from pipeline.lake.catalog import ObjectRow, Status
from pipeline.lake.datasets import DatasetName
from pipeline.lake.datasets.registry import Registration, Tables
from pipeline.lake.services import Lake
from pipeline.operate.advice import advice, dead_letters, doubled, mending_rows
from pipeline.operate.catalog_state import Standing, standing
from pipeline.operate.flows import DeadLetters, flows_of
from pipeline.operate.formatting import counted
from pipeline.operate.missing_rows import TROUBLED, missing, needs_attention
from pipeline.operate.object_filter import Flaw
from pipeline.operate.open_issues import STUCK_S, to_look_at
from pipeline.operate.queues import Queue, queues_of

if TYPE_CHECKING:
    from pipeline.lake.datasets.model import Table


@dataclass(frozen=True, slots=True)
class Issue:
    """Objects of one dataset that need attention for one reason. `example` is the URI of one; by `filters`
    (`ObjectFilter`) all are listed, None where they are no objects."""

    dataset: str | None
    status: str
    objects: int
    example: str | None
    reason: str
    todo: str
    filters: dict[str, str] | None = None


def attention(lake: Lake, dataset: DatasetName | None = None) -> list[Issue]:
    """What needs attention, of the lake or of one dataset."""
    registrations = lake.registry.all()
    found = standing(lake, dataset, [r.name for r in registrations])
    mine = [r for r in registrations if dataset in (None, r.name)]
    return troubles(lake, found, mine, queues_of(lake, mine))


def troubles(
    lake: Lake, found: Standing, registrations: Iterable[Registration], queues: Iterable[Queue]
) -> list[Issue]:
    """`attention` for one who has these already: what the indexes say, the datasets and their queues."""
    tables = Tables(registrations)
    rows = to_look_at(lake, found, tables)
    return [*of_objects(rows, tables, lake.clock()), *_dead_letters(queues, flows_of(lake).dead_letters)]


def of_objects(rows: Iterable[ObjectRow], tables: Mapping[str, Table], now: datetime) -> list[Issue]:
    """What needs attention of objects. Pure; `rows` are the whole catalog, or what `to_look_at` found in it."""
    left = missing(rows, tables)
    needing = [row for row in left if needs_attention(row)]
    return [
        *_troubles(needing, tables),
        *_bad_rows(needing, tables),
        *_repeated(needing),
        *_stuck(left, now),
    ]


def _troubles(rows: list[ObjectRow], tables: Mapping[str, Table]) -> list[Issue]:
    """One for each dataset, status and reason."""
    groups: dict[tuple[str, str, str], list[ObjectRow]] = defaultdict(list)
    for row in rows:
        if row.status in TROUBLED:
            groups[row.dataset or "", row.status, _kind(row)].append(row)
    return [
        Issue(
            dataset=name or None,
            status=status,
            objects=len(group),
            example=group[0].object.uri,
            reason=group[0].reason or "no reason was recorded",
            todo=advice(group[0], tables.get(name, datasets.Table())),
            filters=_filters(name, status, reason='"' + (group[0].reason or "") + '"')
            if status != Status.UNROUTED
            else _filters(None, status, name=kind),
        )
        for (name, status, kind), group in sorted(groups.items())
    ]


def _filters(dataset: str | None, status: str, **more: str) -> dict[str, str]:
    return {**({"dataset": dataset} if dataset else {}), "status": str(status), "attention": "yes", **more}


def _kind(row: ObjectRow) -> str:
    """Rows that fail for the same cause share it. What is unrouted shares its first two key segments."""
    if row.status is Status.UNROUTED:
        return "/".join(row.object.key.split("/")[:2])
    return row.reason or ""


def _bad_rows(rows: list[ObjectRow], tables: Mapping[str, Table]) -> list[Issue]:
    """Rows that were set aside from objects whose other rows went on; apart those of which a batch set some aside."""
    groups: dict[tuple[str, bool], list[ObjectRow]] = defaultdict(list)
    for row in rows:
        if row.bad and row.dataset and row.status not in TROUBLED:
            groups[row.dataset, bool(row.rows_set_aside)].append(row)
    return [
        Issue(
            dataset=name,
            status="BAD_ROWS",
            objects=len(group),
            example=group[0].object.uri,
            reason=f"{counted(sum(r.bad for r in group), 'row')} of {counted(len(group), 'object')} "
            f"{_NOT_LOADED if by_batch else _NOT_READ}, and went to the quarantine bucket",
            todo=mending_rows(group[0], tables.get(name, datasets.Table())),
            filters=_filters(name, Flaw.BAD_ROWS, stage="b" if by_batch else "a"),
        )
        for (name, by_batch), group in sorted(groups.items())
    ]


_NOT_READ = "could not be read as the dataset says"
_NOT_LOADED = "could not be loaded: a key column is null, or a value does not fit its column of the table"


def _repeated(rows: list[ObjectRow]) -> list[Issue]:
    """Rows that a delivery brought to a table which had them."""
    groups: dict[str, list[ObjectRow]] = defaultdict(list)
    for row in rows:
        if row.rows_repeated and row.dataset and row.status is Status.COMMITTED:
            groups[row.dataset].append(row)
    return [
        Issue(
            dataset=name,
            status="REPEATED_ROWS",
            objects=len(group),
            example=group[0].object.uri,
            reason=f"{counted(sum(r.rows_repeated or 0 for r in group), 'row')} of {counted(len(group), 'object')} "
            "repeat rows of an earlier version of the same key: the table has them twice",
            todo=doubled(group[0]),
            filters=_filters(name, Flaw.REPEATED_ROWS),
        )
        for name, group in sorted(groups.items())
    ]


def _stuck(rows: list[ObjectRow], now: datetime) -> list[Issue]:
    old = [r for r in rows if r.status is Status.REGISTERED and (now - parse_iso(r.since)).total_seconds() > STUCK_S]
    groups: dict[str | None, list[ObjectRow]] = defaultdict(list)
    for row in old:
        groups[row.dataset].append(row)
    reason = "Stage A has not staged it"
    return [
        Issue(
            dataset=name,
            status=Status.REGISTERED,
            objects=len(group),
            example=group[0].object.uri,
            reason=reason,
            todo=advice(group[0], datasets.Table()),
            filters=_filters(name, Status.REGISTERED),
        )
        for name, group in sorted(groups.items(), key=lambda each: each[0] or "")
    ]


def _dead_letters(queues: Iterable[Queue], published: Mapping[str, DeadLetters]) -> list[Issue]:
    return [
        Issue(
            dataset=None if queue.name in published else queue.name,
            status="DEAD_LETTERS",
            objects=queue.waiting,
            example=None,
            reason="they could not be handled, at once or after many tries, and wait in the dead-letter queue",
            todo=dead_letters(queue.name, published[queue.name].function if queue.name in published else "poll"),
        )
        for queue in queues
        if queue.dead_letters and queue.waiting
    ]
