"""Record why an object could not be staged. Its neighbours go on."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from pipeline.catalog import Registered, Status
from pipeline.catalog.rows import shorten
from pipeline.wiring import Lake, handler

log = logging.getLogger(__name__)

_HINTS = {
    Status.QUARANTINED: "Mend the file and drop it again, or mend the dataset's definition and run `sluice redrive`.",
    Status.FAILED: "Mend the cause and run `sluice redrive`.",
    Status.GONE: "Nothing to do, unless it should not have been deleted: drop the file again.",
}


@handler
def record_failure(event: dict[str, Any], lake: Lake) -> dict[str, str]:
    """Give the object the status that its error calls for: QUARANTINED, GONE, or FAILED."""
    status, reason = judge(event["error"])
    return fail_object(lake, Registered.from_input(event["object"]), event["dataset"], status, reason)


def judge(error: Mapping[str, str]) -> tuple[Status, str]:
    """The status and the reason that a caught error means. Its class decides: see `pipeline.errors`."""
    name = error.get("Error", "")
    cause = error.get("Cause", "")
    try:
        details = json.loads(cause)
        message = details["errorMessage"]
    except (ValueError, KeyError, TypeError):
        message = cause
    if name == "BadObject":
        return Status.QUARANTINED, message
    if name == "Gone":
        return Status.GONE, message
    return Status.FAILED, f"{name}: {message}"


def fail_object(lake: Lake, work: Registered, dataset: str, status: Status, reason: str) -> dict[str, str]:
    """Mark one object; what it is now."""
    log.warning("%s version %s is %s: %s", work.object.uri, work.object.version_id, status, reason)
    facts = {"reason": shorten(reason), "hint": _HINTS[status]}
    # Only from REGISTERED: the transform may have staged the object after all, and a batch may have claimed it.
    before = lake.catalog.move(
        work.object, status, dataset, generation=work.generation, only_from=Status.REGISTERED, **facts
    )
    if before is not None and before.status is not status:
        return {"status": before.status}
    return {"status": status}
