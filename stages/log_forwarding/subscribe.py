"""Gives the lake's log groups their subscription filter, and takes it away where nothing is forwarded."""

from __future__ import annotations

import logging
from typing import Any

from pipeline.core.errors import Refused
from pipeline.log_forwarding.services import LogForwarding, handler
from pipeline.log_forwarding.subscriptions import plan

log = logging.getLogger(__name__)


@handler
def subscribe_log_groups(event: dict[str, Any], forwarding: LogForwarding) -> dict[str, int]:
    """Every group of the lake, also of stacks that came later; `Refused` at the end if one has no room."""
    # It runs where that has just changed, and then not for a while.
    is_on = forwarding.destination(afresh=True).endpoint is not None
    found = plan(forwarding.groups(), forwarding.wanted, is_on=is_on, own=forwarding.own_groups)
    for group, name in found.remove:
        forwarding.unsubscribe(group, name)
    for group in found.put:
        forwarding.subscribe(group)
    changed = {"subscribed": len(found.put), "unsubscribed": len(found.remove)}
    log.info("log groups subscribed", extra=changed)
    if found.full:
        raise Refused(
            f"these log groups have two subscription filters of others, which is all that one may have: "
            f"{', '.join(found.full)}",
            hint="Take one away, or leave these groups to who has them.",
        )
    return changed
