"""Record that an object could not be staged for a reason that lies outside it. Its neighbours go on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipeline.lake.catalog import Registered, Status
from pipeline.lake.services import Lake, handler
from stages.stage_a.failure import fail_object


@handler
def record_failure(event: dict[str, Any], lake: Lake) -> dict[str, str]:
    """Mark the object as FAILED, with the cause that the state machine caught.

    What lies in the file, `BadObject` or `Gone`, the transform records itself.
    """
    work = Registered.from_input(event["object"])
    # An execution of the definition before this one does not say which it is.
    execution = event.get("execution")
    return fail_object(lake, work, event["dataset"], Status.FAILED, cause_of(event["error"]), execution=execution)


def cause_of(error: Mapping[str, str]) -> str:
    """A caught error as text; a function's cause is JSON, of which the message is enough."""
    cause = error.get("Cause", "")
    try:
        message = json.loads(cause)["errorMessage"]
    except (ValueError, KeyError, TypeError):
        message = cause
    return f"{error.get('Error', '')}: {message}"
