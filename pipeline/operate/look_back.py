"""Tables as they were at a time or after a batch, and which rows a batch added, changed and removed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self

from pipeline.core.clock import iso
from pipeline.core.errors import BadInput, NotThere, WrongUsage
from pipeline.lake.batches.records import Batch, BatchStatus
from pipeline.lake.datasets import DatasetName
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.datasets.system_columns import BATCH_COLUMN
from pipeline.lake.services import Lake
from pipeline.lake.tables.cherry_picks import SOURCE
from pipeline.lake.tables.iceberg import IcebergTables
from pipeline.operate.arguments import time_of
from pipeline.operate.batches import find_batch
from pipeline.operate.query import plain
from pipeline.operate.query_types import quoted
from pipeline.operate.tables import Snapshot, load_table

if TYPE_CHECKING:
    from pyiceberg.table import Table

_EXPIRED = "Snapshots are kept for `table.upkeep.keep_snapshots` of the dataset's definition."
_KEPT = frozenset({BatchStatus.COMMITTED, BatchStatus.QUARANTINED})
"""Batches whose rows are in a snapshot: on `main`, or on the branch that waits for `sluice release`."""


@dataclass(frozen=True, slots=True)
class AsOf:
    """A moment of the lake: every table as it was then. Of a batch, its own table right after it."""

    at: datetime
    dataset: str | None = None
    snapshot: int | None = None

    def snapshot_of(self, name: DatasetName, table: Table) -> int:
        """The snapshot that readers of a table saw then. `BadInput` where there was none yet, or it has expired."""
        if self.snapshot is not None and self.dataset == str(name):
            return self.snapshot
        at_ms = self.at.timestamp() * 1000
        log = table.metadata.snapshot_log
        then = [entry.snapshot_id for entry in log if entry.timestamp_ms <= at_ms]
        if not then:
            first = table.metadata.snapshot_by_id(log[0].snapshot_id) if log else None
            began = first is None or first.parent_snapshot_id is None
            why = "was not there yet" if began else "has no snapshot of that time any more"
            raise BadInput(f"{name} {why} at {iso(self.at)}", hint=None if began else _EXPIRED)
        _check(table, then[-1], f"{name} as of {iso(self.at)}")
        return then[-1]


def as_of(lake: Lake, text: str) -> AsOf:
    """Read a batch's id or an ISO time (UTC where it names no zone); `BadInput` says what is wrong with it."""
    try:
        found = find_batch(lake, text)
    except NotThere:
        return _moment(text)
    return _after(*found, lake.tables)


def _moment(text: str) -> AsOf:
    try:
        return AsOf(time_of(text))
    except WrongUsage:
        raise WrongUsage(
            f"{text!r} is neither a batch of this lake nor a time",
            hint="Write a batch's id, as `sluice status` shows it, or a time such as 2026-01-31T12:00:00Z.",
        ) from None


def _after(batch: Batch, registration: Registration, tables: IcebergTables) -> AsOf:
    if batch.status is not BatchStatus.COMMITTED or not batch.ended:
        raise BadInput(
            f"batch {batch.id} is {batch.status}: readers have not seen its rows",
            hint="Name one that is COMMITTED; `sluice diff` shows what a quarantined one would change.",
        )
    at = datetime.fromisoformat(batch.ended)
    if batch.write is None or batch.write.snapshot is None:
        return AsOf(at)
    table = _table(registration, tables)
    _check(table, batch.write.snapshot, f"batch {batch.id}")
    moment = next(
        (each.timestamp_ms for each in table.metadata.snapshot_log if each.snapshot_id == batch.write.snapshot), None
    )
    at = datetime.fromtimestamp(moment / 1000, UTC) if moment else at
    return AsOf(at, batch.dataset, batch.write.snapshot)


def _table(registration: Registration, tables: IcebergTables) -> Table:
    if registration.dataset.table.format == "parquet":
        name = f"{registration.name.team}.{registration.name.dataset}"
        raise BadInput(
            f"{registration.name} is a table of Parquet files, which have no earlier state to compare with",
            hint=f"Where batches are added, `select * from {name} where {BATCH_COLUMN} = 'BATCH'` has what one added.",
        )
    found = load_table(registration, tables)
    if found is None:
        raise NotThere(f"{registration.name} has no table any more")
    return found


def _check(table: Table, snapshot: int, what: str) -> None:
    if table.metadata.snapshot_by_id(snapshot) is None:
        raise BadInput(f"the snapshot of {what} has expired", hint=_EXPIRED)


@dataclass(frozen=True, slots=True)
class Differences:
    """Rows that a batch added, changed and removed: how many, and the first of each as `columns` has them.

    Only with a key a row can be changed; a changed one is a pair, as it was and as it is.
    """

    batch: Batch
    columns: tuple[str, ...]
    key: tuple[str, ...]
    counts: dict[str, int]
    added: list[tuple[Any, ...]] = field(repr=False)
    changed: list[tuple[tuple[Any, ...], tuple[Any, ...]]] = field(repr=False)
    removed: list[tuple[Any, ...]] = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """As programs get it."""
        return {
            "batch": self.batch.id,
            "dataset": self.batch.dataset,
            "status": self.batch.status.value,
            "key": list(self.key),
            **{name: {"count": self.counts[name]} for name in ("added", "changed", "removed")},
            "rows": {
                "added": [self._document(row) for row in self.added],
                "changed": [{"before": self._document(old), "after": self._document(new)} for old, new in self.changed],
                "removed": [self._document(row) for row in self.removed],
            },
        }

    def _document(self, row: Sequence[Any]) -> dict[str, Any]:
        return dict(zip(self.columns, map(plain, row), strict=True))


def differences(batch: Batch, registration: Registration, tables: IcebergTables, limit: int) -> Differences:
    """What a committed batch changed in its table, or a quarantined one would. `limit` rows of each kind.

    `BadInput` for a batch that has written nothing that is kept, or whose snapshots have expired.
    """
    if batch.status not in _KEPT:
        raise BadInput(
            f"batch {batch.id} is {batch.status}: it has no rows to compare",
            hint="Only a COMMITTED batch changed its table, and a QUARANTINED one may.",
        )
    table, key = _table(registration, tables), registration.dataset.table.key
    if batch.write is None or batch.write.snapshot is None:
        return Differences(batch, (), key, dict.fromkeys(("added", "changed", "removed"), 0), [], [], [])
    after = batch.write.snapshot
    _check(table, after, f"batch {batch.id}")
    before = _before(table, after, batch.write.base)
    _check(table, before, f"what was there before batch {batch.id}")
    with _Comparison(Snapshot(table, before), Snapshot(table, after), key) as comparison:
        return Differences(
            batch,
            comparison.columns,
            comparison.key,
            comparison.counts(),
            comparison.rows("added", limit),
            list(comparison.pairs(limit)),
            comparison.rows("removed", limit),
        )


def _before(table: Table, after: int, base: int) -> int:
    """What `main` was before the batch: one that was picked onto others' commits has another base than it wrote on."""
    snapshot = table.metadata.snapshot_by_id(after)
    assert snapshot is not None
    picked = snapshot.summary is not None and SOURCE in snapshot.summary.additional_properties
    return snapshot.parent_snapshot_id or base if picked else base


class _Comparison:
    """Two snapshots in a DuckDB of its own: rows of either that the other has not, as often as it has not.

    Columns that only one of the two has are null in the other.
    """

    def __init__(self, before: Snapshot, after: Snapshot, key: tuple[str, ...]) -> None:
        import duckdb

        # What does not fit into memory. DuckDB's own choice is a folder of the directory that one happens to be in.
        self._folder = TemporaryDirectory(prefix="diff-")
        config: dict[str, str | bool | int | float | list[str]] = {
            "autoinstall_known_extensions": "false",
            "temp_directory": self._folder.name,
        }
        self._db = duckdb.connect(":memory:", config=config)
        before.leave_out_files_of(after)
        was, has = before.schema.names, after.schema.names
        self.columns = (*has, *(name for name in was if name not in has))
        self.key = key if set(key) <= set(was) & set(has) else ()
        self._db.execute("SET TimeZone = 'UTC'")
        self._db.register("then_rows", before)
        self._db.register("now_rows", after)
        then, now = self._aligned("then_rows", was, has), self._aligned("now_rows", has, was)
        self._db.execute(f"CREATE TEMP TABLE then_only AS {then} EXCEPT ALL {now}")
        self._db.execute(f"CREATE TEMP TABLE now_only AS {now} EXCEPT ALL {then}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()
        self._folder.cleanup()

    def counts(self) -> dict[str, int]:
        added, changed, removed = (self._number(sql) for sql in (self._added(), self._changed(), self._removed()))
        return {"added": added, "changed": changed, "removed": removed}

    def rows(self, what: str, limit: int) -> list[tuple[Any, ...]]:
        source = self._added() if what == "added" else self._removed()
        return self._db.execute(f"SELECT {self._selected('r')} FROM ({source}) r LIMIT {limit}").fetchall()

    def pairs(self, limit: int) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        if not self.key:
            return
        sql = f"SELECT {self._selected('t')}, {self._selected('n')} FROM then_only t JOIN now_only n ON {self._same()}"
        width = len(self.columns)
        for row in self._db.execute(f"{sql} LIMIT {limit}").fetchall():
            yield row[:width], row[width:]

    def _aligned(self, view: str, own: Sequence[str], other: Sequence[str]) -> str:
        parts = [quoted(name) if name in own else f"NULL AS {quoted(name)}" for name in self.columns]
        return f"SELECT {', '.join(parts)} FROM {view}"

    def _selected(self, of: str) -> str:
        return ", ".join(f"{of}.{quoted(name)}" for name in self.columns)

    def _same(self) -> str:
        return " AND ".join(f"t.{quoted(name)} IS NOT DISTINCT FROM n.{quoted(name)}" for name in self.key)

    def _added(self) -> str:
        return self._unpaired("now_only n", "then_only t", "n")

    def _removed(self) -> str:
        return self._unpaired("then_only t", "now_only n", "t")

    def _unpaired(self, of: str, other: str, alias: str) -> str:
        without = f" WHERE NOT EXISTS (SELECT 1 FROM {other} WHERE {self._same()})" if self.key else ""
        return f"SELECT {alias}.* FROM {of}{without}"

    def _changed(self) -> str:
        return f"SELECT 1 FROM then_only t JOIN now_only n ON {self._same()}" if self.key else "SELECT 1 WHERE false"

    def _number(self, sql: str) -> int:
        [(count,)] = self._db.execute(f"SELECT count(*) FROM ({sql})").fetchall()
        return int(count)
