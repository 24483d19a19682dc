"""A dataset's Iceberg table: its columns, partitions, snapshots, and the first of its rows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pipeline.core.clock import iso
from pipeline.lake.datasets.model import ORDER_COLUMN
from pipeline.lake.tables.iceberg import IcebergTables
from pipeline.lake.tables.names import MARKER
from pipeline.operate.parquet_rows import ParquetRows
from pipeline.operate.partitions import Partition, Partitions, partitions
from pipeline.operate.query import plain
from pipeline.operate.tables import Snapshot

if TYPE_CHECKING:
    from pyiceberg.table import Table

ROWS = 10
SNAPSHOTS = 10
PARTS = 25
"""Partitions of a table of Parquet files that are shown: the ends of their files are read for each look."""
KEPT = 64
"""How many states of tables have their first rows and partitions cached."""

_kept: OrderedDict[str, tuple[list[list[Any]], Partitions | None]] = OrderedDict()
_lock = threading.Lock()


def table_facts(tables: IcebergTables, identifier: str, first_snapshot: int = 0) -> dict[str, Any] | None:
    """Columns, partitions, ten snapshots from `first_snapshot` on and first rows of a table; None if there is none."""
    from pyiceberg.exceptions import NoSuchTableError

    try:
        table: Table = tables.catalog.load_table(identifier)
    except NoSuchTableError:
        return None
    rows, parts = _read(table)
    fields = [field for field in table.schema().fields if field.name != ORDER_COLUMN]
    snapshots = sorted(table.metadata.snapshots, key=lambda each: each.timestamp_ms, reverse=True)
    current = table.current_snapshot()
    return {
        "table": identifier,
        "columns": [{"name": f.name, "type": str(f.field_type), "required": f.required} for f in fields],
        "partitions": parts.to_json() if parts else None,
        "current": str(current.snapshot_id) if current else None,
        "total_rows": _total(current),
        "last_batch": table.properties.get(MARKER),
        "has_snapshots": True,
        "snapshots": [_snapshot(s, current) for s in snapshots[first_snapshot : first_snapshot + SNAPSHOTS]],
        "first_snapshot": first_snapshot,
        "number_of_snapshots": len(snapshots),
        "rows": rows,
    }


def parquet_facts(found: ParquetRows, identifier: str) -> dict[str, Any]:
    """The same of a table of Parquet files, whose partitions that were made last are shown."""
    newest = sorted(found.parts, key=lambda part: part.made, reverse=True)[:PARTS]
    counted = [Partition(tuple(part.values.values()), *found.rows_of(part)) for part in newest]
    columns = found.partition_columns
    parts = Partitions(columns, tuple(counted), len(found.parts), len(newest) == len(found.parts)) if columns else None
    batch, _ = found.last_batch
    return {
        "table": identifier,
        "columns": [{"name": name, "type": kind, "required": False} for name, kind in found.columns],
        "partitions": parts.to_json() if parts else None,
        "current": None,
        "total_rows": sum(part.rows for part in counted) if parts is None or parts.is_all else None,
        "last_batch": batch,
        "has_snapshots": False,
        "snapshots": [],
        "first_snapshot": 0,
        "number_of_snapshots": 0,
        "rows": [[plain(row[name]) for name in row] for row in found.head(ROWS)],
    }


def _total(snapshot: Any) -> int | None:
    """The number of rows; None if there are delete files, because then only a read can count them."""
    summary = snapshot.summary if snapshot else None
    if summary is None or summary["total-delete-files"] not in (None, "0"):
        return None
    return int(summary["total-records"] or 0)


def _snapshot(snapshot: Any, current: Any) -> dict[str, Any]:
    summary = snapshot.summary
    return {
        "snapshot": str(snapshot.snapshot_id),
        "at": iso(datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC)),
        "operation": summary.operation.value if summary else None,
        "added": int(summary["added-records"] or 0) if summary else None,
        "is_current": current is not None and snapshot.snapshot_id == current.snapshot_id,
    }


def _read(table: Table) -> tuple[list[list[Any]], Partitions | None]:
    """The first rows as text and JSON values, and the partitions; read once for each state of a table."""
    state = table.metadata_location
    with _lock:
        if state in _kept:
            _kept.move_to_end(state)
            return _kept[state]
    content = [[plain(row[name]) for name in row] for row in Snapshot(table).head(ROWS)], partitions(table)
    with _lock:
        _kept[state] = content
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return content
