"""Batches as people and programs are told of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pipeline.batches.records import Batch
from pipeline.clock import parse_iso


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
