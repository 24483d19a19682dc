"""Complete a group: one message for each staged object to its dataset's Stage B queue."""

from __future__ import annotations

import json
import logging
from typing import Any

from pipeline.core.clients import client
from pipeline.core.queues import send_all
from pipeline.lake.catalog import Status
from pipeline.lake.messages.stage_a import GroupAnswer, TransformedGroup
from pipeline.lake.messages.staged_message import StagedMessage
from pipeline.lake.services import Lake, handler

log = logging.getLogger(__name__)


@handler
def complete_group(event: dict[str, Any], lake: Lake) -> GroupAnswer:
    """Results stand in the order of the bundles. Messages are hints: a lost or doubled one harms nothing."""
    group = TransformedGroup.from_json(event)
    objects = [work.object for bundle in group.bundles for work in bundle]
    statuses = [status for of_bundle in group.statuses for status in of_bundle]
    staged = [obj for obj, status in zip(objects, statuses, strict=True) if status == Status.STAGED]
    bodies = [json.dumps(StagedMessage(obj).to_json(), sort_keys=True) for obj in staged]
    send_all(client("sqs"), group.queue_url, bodies)
    facts = {"dataset": group.dataset, "execution": group.execution}
    log.info("group completed", extra={**facts, "objects": [obj.digest for obj in staged]})
    return {"staged": len(bodies), "objects": len(objects)}
