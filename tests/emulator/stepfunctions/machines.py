"""State machines of a front, for tests: created, started, waited for."""

from __future__ import annotations

import json
import uuid

from tests.patience import PATIENCE_S, until

ROLE = "arn:aws:iam::123456789012:role/r"


class Machines:
    def __init__(self, client):
        self.client = client

    def create(self, states, name=None):
        definition = json.dumps({"StartAt": next(iter(states)), "States": states})
        name = name or f"m{uuid.uuid4().hex}"
        return self.client.create_state_machine(name=name, definition=definition, roleArn=ROLE)["stateMachineArn"]

    def start(self, arn, **more):
        return self.client.start_execution(stateMachineArn=arn, **more)["executionArn"]

    def ended(self, execution, seconds=PATIENCE_S):
        def described():
            found = self.client.describe_execution(executionArn=execution)
            return found if found["status"] != "RUNNING" else None

        return until(described, seconds)

    def run(self, states, value=None):
        return self.ended(self.start(self.create(states), input=json.dumps(value if value is not None else {})))

    def history(self, execution, **more):
        return self.client.get_execution_history(executionArn=execution, maxResults=1000, **more)["events"]

    def listed(self, machine, **more):
        answer = self.client.list_executions(stateMachineArn=machine, **more)
        return [execution["executionArn"] for execution in answer["executions"]]


def refused(error):
    """The code of a refused call."""
    return error.value.response["Error"]["Code"]


def message(error):
    return error.value.response["Error"]["Message"]
