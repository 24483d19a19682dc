"""Complete a group: one message for each staged object to its dataset's Stage B queue."""

from __future__ import annotations

import json
from typing import Any

from pipeline.catalog import Status
from pipeline.clients import client
from pipeline.queues import send_all
from pipeline.wiring import Lake, handler


@handler
def complete_group(event: dict[str, Any], lake: Lake) -> dict[str, int]:
    """Results stand in the order of the objects. Messages are hints: a lost or doubled one harms nothing."""
    bodies = [
        json.dumps({"bucket": obj["bucket"], "key": obj["key"], "version_id": obj["version_id"]}, sort_keys=True)
        for obj, result in zip(event["objects"], event["results"], strict=True)
        if result["status"] == Status.STAGED
    ]
    send_all(client("sqs"), event["queue_url"], bodies)
    return {"staged": len(bodies), "objects": len(event["objects"])}
