"""Poll one dataset: open, adopt or leave its batch."""

from __future__ import annotations

import logging
from typing import Any

from pydantic import ValidationError

from pipeline.core.errors import BadInput, Inconsistent, Refused
from pipeline.core.telemetry.metrics import emit
from pipeline.core.telemetry.names import Metric
from pipeline.lake.batches.poller import Order, Outcome
from pipeline.lake.datasets.model import Batching
from pipeline.lake.services import Lake, handler

log = logging.getLogger(__name__)

OF_THE_DATASET = (BadInput, Inconsistent, Refused, ValidationError)
"""What a dataset's definition, registration or rows can be wrong with."""


@handler
def poll_dataset(event: dict[str, Any], lake: Lake) -> dict[str, str | None]:
    """The schedule's input carries the dataset's settings, so that an idle poll costs two calls.

    What is wrong with one dataset is told by its own alarm, and is no error of the function: that would take back a
    version that is rolled out.
    """
    try:
        order = Order(event["dataset"], event["queue_url"], Batching.model_validate(event["stage_b"]))
        outcome, batch = lake.poller.poll(order)
    except OF_THE_DATASET:
        log.exception("a dataset cannot be polled", extra={"dataset": event["dataset"]})
        emit(event["dataset"], {Metric.BATCHES_FAILED: 1}, event["dataset"])
        return {"outcome": "FAILED", "batch": None}
    if outcome is not Outcome.IDLE:
        # Here a batch's id is also its execution's name.
        log.info("polled", extra={"correlation_id": batch, "dataset": order.name, "outcome": outcome})
    return {"outcome": outcome, "batch": batch}
