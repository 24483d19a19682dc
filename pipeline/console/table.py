"""A dataset's Iceberg table: its columns, partitions, snapshots, and the first of its rows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pipeline.clock import iso
from pipeline.datasets.model import ORDER_COLUMN
from pipeline.tables.iceberg import IcebergTables
from pipeline.tables.names import MARKER
from pipeline.views.query import plain
from pipeline.views.tables import Snapshot

if TYPE_CHECKING:
    from pyiceberg.table import Table

ROWS = 10
SNAPSHOTS = 10
KEPT = 64
"""First rows that are kept, each of one state of a table."""

_rows: OrderedDict[str, list[list[Any]]] = OrderedDict()
_lock = threading.Lock()


def table_facts(identifier: str, first_snapshot: int = 0) -> dict[str, Any] | None:
    """What a reader sees of the table; None while there is none."""
    from pyiceberg.exceptions import NoSuchTableError

    try:
        table: Table = IcebergTables().catalog.load_table(identifier)
    except NoSuchTableError:
        return None
    fields = [field for field in table.schema().fields if field.name != ORDER_COLUMN]
    snapshots = sorted(table.metadata.snapshots, key=lambda each: each.timestamp_ms, reverse=True)
    current = table.current_snapshot()
    return {
        "table": identifier,
        "columns": [{"name": f.name, "type": str(f.field_type), "required": f.required} for f in fields],
        "partitions": [_partition(table, field) for field in table.spec().fields],
        "current": str(current.snapshot_id) if current else None,
        "total_rows": _total(current),
        "last_batch": table.properties.get(MARKER),
        "snapshots": [_snapshot(s, current) for s in snapshots[first_snapshot : first_snapshot + SNAPSHOTS]],
        "first_snapshot": first_snapshot,
        "number_of_snapshots": len(snapshots),
        "rows": _first_rows(table),
    }


def _partition(table: Table, field: Any) -> str:
    column = table.schema().find_column_name(field.source_id)
    return f"{field.transform}({column})" if str(field.transform) != "identity" else str(column)


def _total(snapshot: Any) -> int | None:
    """Rows of data files; None where some of them are deleted, which only reading tells."""
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


def _first_rows(table: Table) -> list[list[Any]]:
    """The first rows as text and JSON values; read once for each state of a table."""
    state = table.metadata_location
    with _lock:
        if state in _rows:
            _rows.move_to_end(state)
            return _rows[state]
    found = [[plain(row[name]) for name in row] for row in Snapshot(table).head(ROWS)]
    with _lock:
        _rows[state] = found
        while len(_rows) > KEPT:
            _rows.popitem(last=False)
    return found
