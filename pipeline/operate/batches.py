"""Batches as programs get them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pipeline.core.clock import parse_iso
from pipeline.lake.batches.records import Batch, unknown
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.messages.written import Written
from pipeline.lake.services import Lake


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
        "values_nulled": batch.staged_nulled,
        "transform": transform_json(batch),
        "rebases": batch.rebases,
        "error": batch.error,
        "release": batch.release,
        "verdict": verdict_json(batch),
    }


def transform_json(batch: Batch) -> dict[str, Any] | None:
    """What went into the team's own transform of a batch and came out; None where there is none."""
    if batch.write is None or batch.write.given is None:
        return None
    return {"rows_in": batch.write.given, "rows_out": batch.write.made, "read": dict(batch.write.read)}


def in_and_out(write: Written) -> str | None:
    """The same in words."""
    if write.given is None:
        return None
    read = [f"{dataset} at snapshot {snapshot}" for dataset, snapshot in write.read.items()]
    return f"{write.given:,} rows in, {write.made or 0:,} out" + (f"; read {', '.join(read)}" if read else "")


def find_batch(lake: Lake, batch: str) -> tuple[Batch, Registration]:
    """A batch by its id, with the dataset that it is of; `NotThere` if no dataset of the lake has it."""
    registrations = {str(registration.name): registration for registration in lake.registry.all()}
    found = lake.batches.find(registrations, batch)
    if found is None:
        raise unknown(batch)
    return found, registrations[found.dataset]


def verdict_json(batch: Batch) -> dict[str, Any] | None:
    """The verdict on a batch as programs get it; None before there is one."""
    if batch.verdict is None:
        return None
    return {**asdict(batch.verdict), "snapshot": str(batch.verdict.snapshot)}
