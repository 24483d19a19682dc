"""Poll one dataset: open, adopt or leave its batch."""

from __future__ import annotations

import logging
from typing import Any

from pipeline.batches.opening import Order, Outcome
from pipeline.datasets.model import Batching
from pipeline.wiring import Lake, handler

log = logging.getLogger(__name__)


@handler
def poll_dataset(event: dict[str, Any], lake: Lake) -> dict[str, str | None]:
    """The schedule's input carries the dataset's settings, so that an idle poll costs two calls."""
    order = Order(event["dataset"], event["queue_url"], Batching.model_validate(event["stage_b"]))
    outcome, batch = lake.poller.poll(order)
    if outcome is not Outcome.IDLE:
        # Here a batch's id is also its execution's name.
        log.info("polled", extra={"correlation_id": batch, "dataset": order.name, "outcome": outcome})
    return {"outcome": outcome, "batch": batch}
