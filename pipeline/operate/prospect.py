"""When a backlog will be loaded, at the rate at which its dataset is loaded. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import mean
from typing import Any

from pipeline.core.clock import iso, parse_iso
from pipeline.core.events.schedule_expressions import Rate, parse
from pipeline.lake.batches.records import Batch, BatchStatus
from pipeline.lake.datasets import Dataset


@dataclass(frozen=True, slots=True)
class Prospect:
    """`at` is when the last of the objects that wait now is in the table, `seconds` from now, if nothing fails and each
    batch takes as long as the last ones did; `batches` is how many that takes."""

    at: datetime
    seconds: float
    batches: int

    def to_json(self) -> dict[str, Any]:
        """As programs get it."""
        return {"at": iso(self.at), "seconds": self.seconds, "batches": self.batches}


def prospect(
    dataset: Dataset, waiting: int, oldest: str | None, batches: Sequence[Batch], now: datetime
) -> Prospect | None:
    """None where nothing waits, where a delivery waits for its files, and before any batch told how long one takes."""
    stage_b = dataset.stage_b
    took = [seconds for batch in batches if (seconds := _seconds(batch)) is not None]
    turn = turn_of(dataset, now)
    if not waiting or not took or turn is None or stage_b.by_delivery:
        return None
    needed = math.ceil(waiting / stage_b.max_objects)
    # The poller opens a batch at a turn at which no other is being loaded.
    each = turn * max(math.ceil(timedelta(seconds=mean(took)) / turn), 1)
    first = turn
    if waiting < stage_b.opens_at and oldest:
        first = max(parse_iso(oldest) + stage_b.max_wait - now, turn)
    left = first + (needed - 1) * each + timedelta(seconds=mean(took))
    return Prospect(now + left, left.total_seconds(), needed)


def turn_of(dataset: Dataset, now: datetime) -> timedelta | None:
    """How long it is from one run of the schedule to the next; None where it runs once more at most."""
    expression = parse(dataset.stage_b.schedule)
    if isinstance(expression, Rate):
        return expression.every
    first = expression.after(now, now)
    second = expression.after(first, now) if first else None
    return second - first if first and second else None


def _seconds(batch: Batch) -> float | None:
    if batch.status is not BatchStatus.COMMITTED or not batch.ended:
        return None
    return (parse_iso(batch.ended) - parse_iso(batch.opened)).total_seconds()
