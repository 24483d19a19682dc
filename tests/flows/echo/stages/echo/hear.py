"""Hear messages: start an execution for each, and send back those for which there is none."""

from __future__ import annotations

import logging
from typing import Any

from pipeline.echo.services import Echo, handler

from pipeline.core.errors import BadInput
from pipeline.core.events.records import Answer, Record, process
from pipeline.core.executions import canonical, name_for

log = logging.getLogger(__name__)


@handler
def hear_messages(event: dict[str, Any], echo: Echo) -> Answer:
    """An empty message comes back alone, until it is dead."""

    def hear(message: Record) -> None:
        if not message.body.strip():
            raise BadInput("there is nothing to say again")
        document = canonical({"said": message.body})
        started = echo.executions.start(echo.machine, name_for("echo", document), document)
        log.info("heard", extra={"execution": started.name})

    return process(event, hear)
