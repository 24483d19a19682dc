"""Deliver EventBridge events to the targets of the rules that match: queues, topics, functions, state machines."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from pipeline.local.moto_fixes import event_rules
from pipeline.local.outbox import Outbox

Invoke = Callable[[str, str], None]


class EventRules:
    """Delivery behind the caller's back, with retries, between `start` and `stop`."""

    def __init__(self, invoke: Invoke) -> None:
        self._invoke = invoke
        self._outbox = Outbox("event-rules")

    def start(self) -> None:
        self._outbox.start()
        event_rules.deliver = self._deliver

    def stop(self) -> None:
        event_rules.deliver = None
        self._outbox.stop()

    def publish(self, event: dict[str, Any]) -> None:
        """Put an event on the default bus of the account and region that it names."""
        event_rules.publish(event)

    def _deliver(self, target: dict[str, Any], event: dict[str, Any]) -> None:
        body = target_input(target, event)
        self._outbox.put(f"{event['detail-type']} to {target['Arn']}", lambda: self._send(target, body))

    def _send(self, target: dict[str, Any], body: str) -> None:
        arn = target["Arn"]
        service, region, account, name = arn.split(":", 5)[2:]
        if service == "lambda":
            self._invoke(arn, body)
        elif service == "sqs":
            from moto.sqs.models import sqs_backends

            group = target.get("SqsParameters", {}).get("MessageGroupId")
            sqs_backends[account][region].send_message(queue_name=name, message_body=body, group_id=group)
        elif service == "sns":
            from moto.sns.models import sns_backends

            sns_backends[account][region].publish(arn=arn, message=body)
        elif service == "states":
            from moto.stepfunctions.parser.models import stepfunctions_parser_backends

            stepfunctions_parser_backends[account][region].start_execution(arn, execution_input=body)
        else:
            raise NotImplementedError(f"the embedded AWS does not deliver events to {arn}")


def target_input(target: dict[str, Any], event: dict[str, Any]) -> str:
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
