"""Complete a group: one message for each staged object to its dataset's Stage B queue."""

from __future__ import annotations

import json
import logging
from typing import Any

from pipeline.core.clients import client
from pipeline.core.objects import ObjectVersion
from pipeline.core.queues import send_all
from pipeline.lake.catalog import Status
from pipeline.lake.services import Lake, handler

log = logging.getLogger(__name__)


@handler
def complete_group(event: dict[str, Any], lake: Lake) -> dict[str, int]:
    """Results stand in the order of the bundles, the statuses of one in that of its objects. Messages are hints: a lost
    or doubled one harms nothing."""
    objects = [obj for bundle in event["bundles"] for obj in bundle]
    statuses = [status for result in event["results"] for status in result["statuses"]]
    staged = [
        ObjectVersion(obj["bucket"], obj["key"], obj["version_id"])
        for obj, status in zip(objects, statuses, strict=True)
        if status == Status.STAGED
    ]
    bodies = [
        json.dumps({"id": o.digest, "bucket": o.bucket, "key": o.key, "version_id": o.version_id}, sort_keys=True)
        for o in staged
    ]
    send_all(client("sqs"), event["queue_url"], bodies)
    facts = {name: event[name] for name in ("dataset", "execution")}
    log.info("group completed", extra={**facts, "objects": [obj.digest for obj in staged]})
    return {"staged": len(bodies), "objects": len(objects)}
