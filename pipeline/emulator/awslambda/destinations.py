"""Where Lambda sends what became of an invocation or a batch: queues, topics, functions and event buses."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from pipeline.core.errors import BadDefinition
from pipeline.emulator.clients import own_client

OF_INVOCATIONS = ("sqs", "sns", "lambda", "events")
OF_STREAMS = ("sqs", "sns")
DEAD_LETTERS = ("sqs", "sns")

_CALLER = "lambda-destination"


def check_destination(arn: str, services: Collection[str]) -> None:
    """BadDefinition for a destination that would get nothing here: to be asked when it is set."""
    service = (arn.split(":") + [""] * 3)[2]
    if service not in services:
        raise BadDefinition(f"the embedded AWS sends these records to {', '.join(services)} only, not to {arn}")
    if arn.endswith(".fifo"):
        raise BadDefinition(f"a FIFO queue or topic cannot be a destination: {arn}")


class Destinations:
    """Sends through the API at `endpoint`, as Lambda does."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    def send(self, target: str, record: Mapping[str, Any], *, succeeded: bool, function_arn: str) -> None:
        """Send a record of `function_arn`'s; raises what the other service answers."""
        text = json.dumps(record)
        service = target.split(":")[2]
        if service == "lambda":
            self._client(target).invoke(FunctionName=target, InvocationType="Event", Payload=text.encode())
        elif service == "events":
            entry = {
                "EventBusName": target,
                "Source": "lambda",
                "DetailType": f"Lambda Function Invocation Result - {'Success' if succeeded else 'Failure'}",
                "Resources": [target, function_arn],
                "Detail": text,
            }
            self._client(target).put_events(Entries=[entry])
        else:
            self.send_text(target, text, {})

    def send_text(self, target: str, text: str, attributes: Mapping[str, Any]) -> None:
        """Send a message to a queue or topic."""
        client = self._client(target)
        if target.split(":")[2] == "sqs":
            account, name = target.split(":")[4:6]
            url = f"{self._endpoint}/{account}/{name}"
            client.send_message(QueueUrl=url, MessageBody=text, MessageAttributes=attributes)
        else:
            client.publish(TopicArn=target, Message=text, MessageAttributes=attributes)

    def _client(self, target: str) -> Any:
        _, _, service, region, *_ = target.split(":")
        return own_client(service, region, self._endpoint, _CALLER)
