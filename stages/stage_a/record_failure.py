"""Record that an object could not be staged for a reason that lies outside it. Its neighbours go on."""

from __future__ import annotations

from typing import Any

from pipeline.lake.catalog import Status
from pipeline.lake.causes import cause_of
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
