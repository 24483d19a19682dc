"""Fetches the files that a batch of messages announces, and indexes their times."""

from __future__ import annotations

import logging
from typing import Any

from pipeline.core.clients import client
from pipeline.core.errors import BadInput, Gone
from pipeline.core.events import records
from pipeline.core.events.records import Record
from pipeline.core.queues import put_aside
from pipeline.forecasts.ingest import announced, ingest
from pipeline.forecasts.services import Forecasts, handler
from pipeline.forecasts.settings import Setting

log = logging.getLogger(__name__)


@handler
def ingest_announced_files(event: dict[str, Any], forecasts: Forecasts) -> records.Answer:
    """One bad message fails alone: only the ids in the answer come back to the queue.

    One that no repetition would mend does not come back: it is put aside at once, with its reason.
    """
    return records.process(event, lambda message: _ingest(message, forecasts))


def _ingest(message: Record, forecasts: Forecasts) -> None:
    try:
        for announcement in announced(message.body, forecasts):
            done = ingest(announcement, forecasts)
            log.info(
                "indexed",
                extra={
                    "key": done.copy.object.key,
                    "announced": announcement.uri,
                    "times": done.times,
                    "written": done.written,
                    "requests": done.requests,
                    "bytes_read": done.bytes_read,
                    "findable_after_ms": done.findable_after_ms,
                },
            )
    except (BadInput, Gone) as error:
        queue = forecasts.settings[Setting.FORECAST_DEAD_LETTERS]
        put_aside(client("sqs"), queue, message.body, error.message)
        log.error("message put aside", extra={"sqs_message": message.id, "reason": error.message})
