"""EventBridge rules tell one listener which of their targets an event is for; `pipeline.local.event_rules` delivers.

moto delivers to a few kinds of target, within the caller's request, and fails on functions and state machines.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pipeline.local.moto_fixes.guard import replace

Deliver = Callable[[dict[str, Any], dict[str, Any]], None]

deliver: Deliver | None = None
"""Called with a target, as PutTargets got it, and the event."""


def install() -> None:
    from moto.events.models import Rule

    def send_to_targets(self: Any, original_event: dict[str, Any], transform_input: bool = True) -> None:
        offer(self, original_event)

    replace(Rule, "send_to_targets", send_to_targets, source="472e002e2dab")


def publish(event: dict[str, Any]) -> None:
    """Put an event of AWS's own on the default bus of its account and region."""
    from moto.events.models import events_backends

    bus = events_backends[event["account"]][event["region"]].event_buses["default"]
    for rule in list(bus.rules.values()):
        offer(rule, event)


def offer(rule: Any, event: dict[str, Any]) -> None:
    """Deliver to the rule's targets if it is enabled and its pattern matches; one with only a schedule does not."""
    if deliver is None or rule.state == "DISABLED" or not rule.event_pattern.get_pattern():
        return
    event = {key: value for key, value in event.items() if key != "ingestion-time"} | {"time": _time(event.get("time"))}
    if rule.event_pattern.matches_event(event):
        for target in list(rule.targets):
            deliver(target, event)


def _time(value: Any) -> str:
    """Events carry text; moto's PutEvents leaves seconds since 1970 there."""
    if isinstance(value, str) and not value.replace(".", "", 1).isdigit():
        return value
    return datetime.fromtimestamp(float(value or time.time()), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
