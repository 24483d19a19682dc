"""Mark the objects of a Stage A execution that ended without running its own handlers."""

from __future__ import annotations

import json
from typing import Any

from pipeline.core.clients import client
from pipeline.lake.catalog import Status
from pipeline.lake.messages.stage_a import works_in
from pipeline.lake.services import Lake, handler
from stages.stage_a.failure import fail_object


@handler
def mark_failed(event: dict[str, Any], lake: Lake) -> dict[str, int]:
    """An execution that FAILED, TIMED_OUT or was ABORTED runs no Catch: its REGISTERED objects become FAILED."""
    detail = event["detail"]
    found = client("stepfunctions").describe_execution(executionArn=detail["executionArn"])
    begun = json.loads(found["input"])
    works = works_in(begun)
    reason = f"Stage A execution {found['name']} {found['status']}: {found.get('error', '')} {found.get('cause', '')}"
    rows = lake.catalog.get_many([work.object for work in works])
    left = {row.object for row in rows if row.status is Status.REGISTERED}
    for work in works:
        if work.object in left:
            fail_object(lake, work, begun["dataset"], Status.FAILED, reason.strip(), execution=found["name"])
    return {"failed": len(left)}
