"""What is told of a batch that has ended: a line of the log, metrics, a message for its team. No reasons: they may
quote the data, and stand on the batch's row."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from pipeline.core.clock import epoch_ms
from pipeline.core.telemetry.metrics import emit
from pipeline.core.telemetry.names import Metric
from pipeline.lake.batches.records import Batch, BatchStatus

log = logging.getLogger(__name__)

_FAILED_RULES = ("FAILED", "WARNED")


def committed(batch: Batch, table: str, snapshot: int | None, now: datetime) -> None:
    """Tell of a batch that its table shows, by which snapshot."""
    write = batch.write
    facts = {
        "table": table,
        "snapshot": None if snapshot is None else str(snapshot),
        "rows": write.rows if write else 0,
    }
    log.info("batch committed", extra={**_about(batch), **facts})
    values = {
        Metric.BATCHES_COMMITTED: 1,
        Metric.ROWS_COMMITTED: write.rows if write else 0,
        Metric.ROWS_QUARANTINED: write.bad_rows if write else 0,
        Metric.QUALITY_FAILURES: _quality_failures(batch),
        Metric.FRESHNESS: (epoch_ms(now) - batch.oldest_ms) / 1000 if batch.oldest_ms is not None else 0,
    }
    emit(batch.dataset, values, batch.id)


def abandoned(batch: Batch, to: BatchStatus) -> None:
    """Tell of a batch that nobody sees in the table."""
    log.warning("batch not loaded", extra={**_about(batch), "status": to})
    failed = to is BatchStatus.FAILED
    emit(batch.dataset, {Metric.BATCHES_FAILED: failed, Metric.QUALITY_FAILURES: _quality_failures(batch)}, batch.id)


def for_team(batch: Batch) -> dict[str, Any]:
    """What a team is told of such a batch: which, the rules that do not hold, and how to look."""
    rules = [rule.rule for rule in batch.verdict.rules if rule.outcome != "Passed"] if batch.verdict else []
    return {"batch": batch.id, "objects": batch.objects, "rules": rules, "look": f"sluice execution {batch.id}"}


def _quality_failures(batch: Batch) -> int:
    return int(batch.verdict is not None and batch.verdict.outcome in _FAILED_RULES)


def _about(batch: Batch) -> dict[str, str]:
    return {"correlation_id": batch.id, "dataset": batch.dataset}
