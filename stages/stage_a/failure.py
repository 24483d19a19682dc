"""Mark an object that could not be staged, tell its team where the file is to blame, and count it."""

from __future__ import annotations

import logging

from pipeline.core.telemetry.metrics import emit
from pipeline.core.telemetry.names import Metric
from pipeline.lake.catalog import Status
from pipeline.lake.catalog.rows import shorten
from pipeline.lake.messages.stage_a import ObjectAnswer, StageAWork
from stages.stage_a.staging_lake import StagingLake

log = logging.getLogger(__name__)

_COUNTED = {Status.QUARANTINED: Metric.OBJECTS_QUARANTINED, Status.FAILED: Metric.OBJECTS_FAILED}


def fail_object(
    lake: StagingLake,
    work: StageAWork,
    dataset: str,
    status: Status,
    reason: str,
    hint: str | None = None,
    *,
    execution: str | None,
) -> ObjectAnswer:
    """Mark one object; what it is now. The reason goes to the catalog, with what it says to do and the execution in
    which it was, where that is known; it is not logged."""
    obj = work.object
    facts = {"reason": shorten(reason)}
    facts |= {"hint": shorten(hint)} if hint else {}
    facts |= {"execution": execution} if execution else {}
    # Only from REGISTERED: the transform may have staged the object after all, and a batch may have claimed it.
    before = lake.catalog.move(obj, status, dataset, generation=work.generation, only_from=Status.REGISTERED, **facts)
    if before is not None and before.status is not status:
        return {"status": before.status}
    about = {"correlation_id": obj.digest, "dataset": dataset, "key": obj.key, "version": obj.version_id}
    log.warning("object not staged", extra={**about, "status": status})
    if before is None and status in _COUNTED:
        emit(dataset, {_COUNTED[status]: 1}, obj.digest)
    if status is Status.QUARANTINED:
        # Also where it was marked before: that attempt may have died before it told anybody.
        told = {"uri": obj.uri, "version_id": obj.version_id, "object": obj.digest, "look": f"sluice why {obj.uri}"}
        lake.tell_team("object quarantined", dataset, told)
    return {"status": status}
