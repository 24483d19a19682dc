"""Run state machines on the front and read their histories."""

from __future__ import annotations

import json
import uuid
from typing import Any

from tests.emulator.stepfunctions import machines
from tests.emulator.stepfunctions.machines import ROLE
from tests.patience import PATIENCE_S, until

PASS = {"Type": "Pass", "End": True}


def task(resource: str, parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Parameters": parameters, "End": True, **more}


class Machines(machines.Machines):
    """State machines by their states: `run` answers the ended execution with its `events`."""

    def create(self, states: dict[str, Any], **top: Any) -> str:
        """`states` begin with their first; `top` are other fields of the definition."""
        definition = json.dumps({"StartAt": next(iter(states)), "States": states, **top})
        name = f"m{uuid.uuid4().hex}"
        answer = self.client.create_state_machine(name=name, definition=definition, roleArn=ROLE)
        return str(answer["stateMachineArn"])

    def start(self, states: dict[str, Any], value: Any = None, **top: Any) -> str:
        text = json.dumps({} if value is None else value)
        return str(super().start(self.create(states, **top), input=text))

    def ended(self, execution: str, seconds: float = PATIENCE_S) -> dict[str, Any]:
        found = super().ended(execution, seconds)
        pages = self.client.get_paginator("get_execution_history").paginate(executionArn=execution)
        return {**found, "events": [event for page in pages for event in page["events"]]}

    def run(self, states: dict[str, Any], value: Any = None, **top: Any) -> dict[str, Any]:
        return self.ended(self.start(states, value, **top))

    def until_told(self, execution: str, event: str) -> None:
        """Wait until the history has an event of this type."""
        until(lambda: event in types(self.client.get_execution_history(executionArn=execution, maxResults=1000)))

    def output(self, states: dict[str, Any], value: Any = None, **top: Any) -> Any:
        found = self.run(states, value, **top)
        assert found["status"] == "SUCCEEDED", (found.get("error"), found.get("cause"))
        return json.loads(found["output"])


def types(found: dict[str, Any]) -> list[str]:
    return [event["type"] for event in found["events"]]


def details(found: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """The details of each event of a type, without those that say that nothing was cut off."""
    events = [event for event in found["events"] if event["type"] == kind]
    return [next((value for key, value in event.items() if key.endswith("EventDetails")), {}) for event in events]
