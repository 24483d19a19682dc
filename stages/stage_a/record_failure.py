"""Record that an object could not be staged for a reason that lies outside it. Its neighbours go on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipeline.lake.catalog import Status
from pipeline.lake.messages.stage_a import FailedTransform, ObjectAnswer
from pipeline.lake.services import Lake, handler
from stages.stage_a.failure import fail_object


@handler
def record_failure(event: dict[str, Any], lake: Lake) -> ObjectAnswer:
    """Mark the object as FAILED, with the cause that the state machine caught.

    What lies in the file, `BadObject` or `Gone`, the transform records itself.
    """
    failed = FailedTransform.from_json(event)
    reason = cause_of(failed.error)
    return fail_object(lake, failed.work, failed.dataset, Status.FAILED, reason, execution=failed.execution)


def cause_of(error: Mapping[str, str]) -> str:
    """A caught error as text; a function's cause is JSON, of which the message is enough."""
    cause = error.get("Cause", "")
    try:
        message = json.loads(cause)["errorMessage"]
    except (ValueError, KeyError, TypeError):
        message = cause
    return f"{error.get('Error', '')}: {message}"
