"""Deliver EventBridge events to the targets of the rules that match."""

from __future__ import annotations

import json
import re
from typing import Any

from pipeline.emulator.eventbridge.patches import rules
from pipeline.emulator.eventbridge.targets import Invoke, Target, Targets


class EventRules:
    """Delivery behind the caller's back, with retries, between `start` and `stop`."""

    def __init__(self, invoke: Invoke) -> None:
        self._targets = Targets("event-rules", invoke)

    def start(self) -> None:
        """Begin to deliver what rules match."""
        self._targets.start()
        rules.deliver = self._deliver

    def stop(self) -> None:
        """End, and leave what is not delivered."""
        rules.deliver = None
        self._targets.stop()

    def publish(self, event: dict[str, Any]) -> None:
        """Put an event on the default bus of the account and region that it names."""
        rules.publish(event)

    def _deliver(self, rule: str, target: dict[str, Any], event: dict[str, Any]) -> None:
        self._targets.put(rule, target, target_input(target, event))


def target_input(target: Target, event: dict[str, Any]) -> str:
    """What the target gets: the event, or what its Input, InputPath or InputTransformer make of it."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return json.dumps(_at(target["InputPath"], event))
    if transformer := target.get("InputTransformer"):
        values = {name: _at(path, event) for name, path in transformer.get("InputPathsMap", {}).items()}
        return _fill(transformer["InputTemplate"], values | {"aws.events.event": event, "aws.events.event.json": event})
    return json.dumps(event)


def _at(path: str, event: dict[str, Any]) -> Any:
    from jsonpath_ng.ext.parser import parse

    found = parse(path).find(event)
    return found[0].value if found else None


def _fill(template: str, values: dict[str, Any]) -> str:
    """`<name>` inside quotes is text, elsewhere JSON; a string alone is put in quotes, as AWS does."""

    def value(match: re.Match[str]) -> str:
        found = values.get(match[1])
        quoted = template[: match.start()].count('"') % 2 == 1
        if not quoted:
            return json.dumps(found)
        return json.dumps(found)[1:-1] if isinstance(found, str) else json.dumps(json.dumps(found))[1:-1]

    return re.sub(r"<([^<>]+)>", value, template)
