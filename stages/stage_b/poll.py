"""Poll one dataset: open, adopt or leave its batch."""

from __future__ import annotations

import logging
from typing import Any

from pydantic import ValidationError

# Every call reads settings with it: while the function starts, AWS gives it more processor.
import pipeline.lake.datasets.model  # noqa: F401
from pipeline.core.errors import BadInput, Inconsistent, Refused
from pipeline.core.telemetry.metrics import emit
from pipeline.core.telemetry.names import Metric
from pipeline.lake.batches.poller import PollOutcome
from pipeline.lake.messages.poll_order import PollOrder
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
        order = PollOrder.from_json(event)
        outcome, batch = lake.poller.poll(order)
    except OF_THE_DATASET:
        log.exception("a dataset cannot be polled", extra={"dataset": event["dataset"]})
        emit(event["dataset"], {Metric.BATCHES_FAILED: 1}, event["dataset"])
        return {"outcome": "FAILED", "batch": None}
    if outcome is not PollOutcome.IDLE:
        # Here a batch's id is also its execution's name.
        log.info("polled", extra={"correlation_id": batch, "dataset": order.dataset, "outcome": outcome})
    return {"outcome": outcome, "batch": batch}
