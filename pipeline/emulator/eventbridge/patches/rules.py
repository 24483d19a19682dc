"""EventBridge rules tell one listener which of their targets an event is for, and `eventbridge.rules` delivers.

moto delivers to a few kinds of target, within the caller's request, and fails on functions and state machines. Its
patterns take an operator that they do not know for a match, True for 1, and look into no list of objects.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pipeline.core.errors import BadDefinition
from pipeline.emulator.eventbridge.patterns import Pattern
from pipeline.emulator.eventbridge.targets import check_target
from pipeline.emulator.moto.patch import patch

Deliver = Callable[[str, dict[str, Any], dict[str, Any]], None]

deliver: Deliver | None = None
"""Called with a rule's ARN, a target, as PutTargets got it, and the event."""


@patch(
    "moto.events.models:Rule.send_to_targets", "472e002e2dab", "moto delivers within the call, to a few kinds of target"
)
def _send_to_targets(self: Any, original_event: dict[str, Any], transform_input: bool = True) -> None:
    offer(self, original_event)


@patch(
    "moto.events.models:EventsBackend.put_targets", "5c3742b61a68", "moto takes targets that nothing here delivers to"
)
def _put_targets(self: Any, name: str, event_bus_arn: str | None, targets: list[dict[str, Any]]) -> Any:
    from moto.core.exceptions import JsonRESTError

    for target in targets:
        try:
            check_target(target)
        except BadDefinition as error:
            raise JsonRESTError("ValidationException", error.message) from error
    return _put_targets.original(self, name, event_bus_arn, targets)


@patch("moto.events.models:EventsBackend.put_events", "c56f6ac1f932", "moto fails the whole call for one event's bus")
def _put_events(self: Any, events: list[dict[str, Any]]) -> Any:
    there = [_bus_is_there(self, event) for event in events]
    known = [_with_object(event) for event, is_there in zip(events, there, strict=True) if is_there]
    told = iter(_put_events.original(self, known))
    return [
        next(told) if is_there else _no_bus(event["EventBusName"])
        for event, is_there in zip(events, there, strict=True)
    ]


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


@patch("moto.events.models:EventPattern.load", "e4a8830e37d1", "moto takes an unknown operator for a match")
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


@patch("moto.events.models:EventPattern.matches_event", "3e71eb7ff590", "for moto True is 1, and lists hold no objects")
def _matches_event(self: Any, event: dict[str, Any]) -> bool:
    return self.compiled is None or self.compiled.matches(json.loads(json.dumps(event)))


@patch("moto.events.responses:EventsHandler.test_event_pattern", "945d9dc74b3a", "moto has an empty method")
def _test_event_pattern(self: Any) -> str:
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
