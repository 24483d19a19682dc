"""Fetches the files that a batch of messages announces, and indexes their times."""

from __future__ import annotations

import logging
from typing import Any

from pipeline.core.clients import client
from pipeline.core.errors import BadInput, Gone
from pipeline.core.events import records
from pipeline.core.events.records import Record
from pipeline.core.queues import put_aside
from pipeline.forecasts.announcements import Announcement
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
        told = [_reason(each, forecasts) for each in announced(message.body, forecasts)]
    except (BadInput, Gone) as error:
        told = [error.message]
    if reason := "; ".join(filter(None, told)):
        put_aside(client("sqs"), forecasts.settings[Setting.FORECAST_DEAD_LETTERS], message.body, reason)
        log.error("message put aside", extra={"sqs_message": message.id, "reason": reason})


def _reason(announcement: Announcement, forecasts: Forecasts) -> str | None:
    """Why a file is not found, with its name, for a message may announce several; None: it was ingested."""
    try:
        done = ingest(announcement, forecasts)
    except (BadInput, Gone) as error:
        return f"{error.message} ({announcement.uri})"
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
    return None
