"""Sends the log events of one invocation to the endpoint."""

from __future__ import annotations

import logging
import time
from typing import Any

from pipeline.log_forwarding.events import batch_of, line, requests
from pipeline.log_forwarding.services import LogForwarding, handler

SECONDS = 100.0
"""How long one call tries: ForwardFunction of log_forwarding.yaml has 120 seconds."""

log = logging.getLogger(__name__)


@handler
def forward_log_events(event: dict[str, Any], forwarding: LogForwarding) -> dict[str, int]:
    """All events of the batch, or an error: Lambda calls again, and then keeps the batch in the on-failure queue."""
    batch = batch_of(event)
    # A subscriber of its own log would make an event of every event: not even that is logged here.
    if batch is None or not forwarding.is_on or batch.group in forwarding.own_groups:
        return {"events": 0}
    until = time.monotonic() + SECONDS
    content, sender = forwarding.content_of(batch.group), forwarding.sender()
    for body in requests(line(batch, each, content) for each in batch.events):
        sender.send(body, until)
    log.info("forwarded", extra={"events": len(batch.events), "log_group": batch.group})
    return {"events": len(batch.events)}
