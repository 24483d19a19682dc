"""Say again what was heard."""

from __future__ import annotations

import logging
from typing import Any

from pipeline.echo.services import Echo, handler

log = logging.getLogger(__name__)


@handler
def say_again(event: dict[str, Any], echo: Echo) -> dict[str, str]:
    said = f"{event['said']}, {event['said']}"
    log.info("said again", extra={"characters": len(said)})
    return {"said": said}
