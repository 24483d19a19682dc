"""EventBridge rules tell one listener which of their targets an event is for, and `eventbridge.rules` delivers.

moto delivers to a few kinds of target, within the caller's request, and fails on functions and state machines. Its
patterns take an operator that they do not know for a match, True for 1, and look into no list of objects.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from pipeline.core.errors import BadDefinition
from pipeline.emulator.eventbridge.patterns import Pattern
from pipeline.emulator.eventbridge.targets import check_target
from pipeline.emulator.moto.guard import replace

Deliver = Callable[[str, dict[str, Any], dict[str, Any]], None]

deliver: Deliver | None = None
"""Called with a rule's ARN, a target, as PutTargets got it, and the event."""


def install() -> None:
    from moto.core.exceptions import JsonRESTError
    from moto.events.models import EventPattern, EventsBackend, Rule
    from moto.events.responses import EventsHandler

    def send_to_targets(self: Any, original_event: dict[str, Any], transform_input: bool = True) -> None:
        offer(self, original_event)

    @wraps(EventsBackend.put_targets)
    def put_targets(self: Any, name: str, event_bus_arn: str | None, targets: list[dict[str, Any]]) -> Any:
        for target in targets:
            try:
                check_target(target)
            except BadDefinition as error:
                raise JsonRESTError("ValidationException", error.message) from error
        return aim(self, name, event_bus_arn, targets)

    def put_events(self: Any, events: list[dict[str, Any]]) -> Any:
        there = [_bus_is_there(self, event) for event in events]
        told = iter(put(self, [_with_object(event) for event, is_there in zip(events, there, strict=True) if is_there]))
        return [
            next(told) if is_there else _no_bus(event["EventBusName"])
            for event, is_there in zip(events, there, strict=True)
        ]

    put = replace(EventsBackend, "put_events", put_events, source="c56f6ac1f932")
    replace(Rule, "send_to_targets", send_to_targets, source="472e002e2dab")
    replace(EventPattern, "load", classmethod(_load), source="e4a8830e37d1")
    replace(EventPattern, "matches_event", _matches_event, source="3e71eb7ff590")
    replace(EventsHandler, "test_event_pattern", _test_event_pattern, source="945d9dc74b3a")
    aim = replace(EventsBackend, "put_targets", put_targets, source="5c3742b61a68")


def _bus_is_there(backend: Any, event: dict[str, Any]) -> bool:
    """moto fails the whole call for an entry of a bus that is not there."""
    return backend._normalize_event_bus_arn(event.get("EventBusName")) in backend.event_buses


def _no_bus(name: str) -> dict[str, str]:
    return {"ErrorCode": "InvalidArgument", "ErrorMessage": f"EventBus not found: {name}"}


def _with_object(event: dict[str, Any]) -> dict[str, Any]:
    """A detail that is JSON but no object is malformed to AWS; moto calls so what is no JSON."""
    try:
        is_object = isinstance(json.loads(event.get("Detail") or "{}"), dict)
    except ValueError:
        is_object = False
    return event if is_object else {**event, "Detail": "no object"}


def _load(cls: Any, raw_pattern: str | None) -> Any:
    compiled = _compiled(raw_pattern) if raw_pattern else None
    found = cls(raw_pattern, json.loads(raw_pattern) if raw_pattern else {})
    found.compiled = compiled
    return found


def _compiled(text: str) -> Pattern:
    from moto.events.exceptions import InvalidEventPatternException

    try:
        return Pattern(text)
    except BadDefinition as error:
        raise InvalidEventPatternException(reason=error.message) from error


def _matches_event(self: Any, event: dict[str, Any]) -> bool:
    return self.compiled is None or self.compiled.matches(json.loads(json.dumps(event)))


def _test_event_pattern(self: Any) -> str:
    """moto has an empty method."""
    pattern = _compiled(self._get_param("EventPattern"))
    return json.dumps({"Result": pattern.matches(json.loads(self._get_param("Event")))})


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
            deliver(rule.arn, target, event)


def _time(value: Any) -> str:
    """Events carry text; moto's PutEvents leaves seconds since 1970 there."""
    if isinstance(value, str) and not value.replace(".", "", 1).isdigit():
        return value
    return datetime.fromtimestamp(float(value or time.time()), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
