"""Batches as programs get them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pipeline.core.clock import parse_iso
from pipeline.lake.batches.records import Batch


def batch_json(batch: Batch) -> dict[str, Any]:
    """A batch with its verdict; `seconds` it took, None while it goes on."""
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
        "bad_rows": batch.bad_rows,
        "rebases": batch.rebases,
        "error": batch.error,
        "release": batch.release,
        "verdict": verdict_json(batch),
    }


def verdict_json(batch: Batch) -> dict[str, Any] | None:
    """The verdict on a batch as programs get it; None before there is one."""
    if batch.verdict is None:
        return None
    return {**asdict(batch.verdict), "snapshot": str(batch.verdict.snapshot)}
