"""Functions for tests, and shorthands to use Lambda as a client of AWS does."""

from __future__ import annotations

import atexit
import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.emulator.awslambda.async_invocations import AsyncInvocations
from pipeline.emulator.awslambda.event_sources.mappings import EventSources, Poller
from pipeline.emulator.awslambda.functions import Answer, Function
from pipeline.emulator.awslambda.worker_pool import LambdaWorkers, new_interpreter
from pipeline.emulator.gateway.server import AwsServer
from pipeline.emulator.interpreter import Interpreter
from pipeline.emulator.logs.output import LogSink
from tests.patience import until

ACCOUNT = "123456789012"
REGION = "eu-west-1"


@cache
def interpreter() -> Interpreter:
    """What the session's workers are forked from; it and its folder, which nobody else can write to, end with the
    process of the tests."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return new_interpreter(folder)


def package(code: str, **files: str) -> bytes:
    """A function's zip: `code` is app.py, the others are modules."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in {"app": code, **files}.items():
            archive.writestr(f"{name}.py", text)
    return buffer.getvalue()


def waits_for(file: Path, then: str = "return 1") -> str:
    """The code of a function that ends once the file is there."""
    return f"""
import os, time
def handler(event, context):
    while not os.path.exists({str(file)!r}):
        time.sleep(0.02)
    {then}
"""


@dataclass
class Parts:
    """The parts around Lambda, started, and shorthands to use them as a client of AWS does."""

    front: AwsServer
    aws: Callable[[str], Any]
    workers: LambdaWorkers
    later: AsyncInvocations
    sources: EventSources
    logs: LogSink

    def create(self, name: str, code: str, **settings: Any) -> str:
        """Create a function whose handler is app.handler; returns its ARN."""
        answer = self.aws("lambda").create_function(
            **{
                "FunctionName": name,
                "Role": f"arn:aws:iam::{ACCOUNT}:role/lambda",
                "Runtime": "python3.12",
                "Handler": "app.handler",
                "Code": {"ZipFile": package(code)},
                **settings,
            }
        )
        return str(answer["FunctionArn"])

    def invoke(self, name: str, event: Any = None, **settings: Any) -> tuple[Any, Any]:
        """The response and the payload."""
        response = self.aws("lambda").invoke(FunctionName=name, Payload=json.dumps(event), **settings)
        text = response["Payload"].read()
        return response, json.loads(text) if text else None

    def queue(self, name: str, **attributes: str) -> str:
        return str(self.aws("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])

    def map(self, queue: str, function: str, **settings: Any) -> str:
        """Create an event source mapping; returns its UUID."""
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"
        answer = self.aws("lambda").create_event_source_mapping(EventSourceArn=arn, FunctionName=function, **settings)
        return str(answer["UUID"])

    def poller(self, mapping: str) -> Poller:
        """Who polls for an event source mapping, once there is somebody."""
        return until(lambda: self.sources._pollers.get(mapping))

    def received(self, url: str) -> Any:
        """The next message of a queue, which leaves it."""
        ask = {"QueueUrl": url, "WaitTimeSeconds": 20, "MessageAttributeNames": ["All"]}
        [message] = until(lambda: self.aws("sqs").receive_message(**ask).get("Messages"))
        self.aws("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return message

    def log_lines(self, group: str) -> list[str]:
        """Everything in a log group, in order; nothing if nobody has written to it."""
        self.logs.flush()
        logs = self.aws("logs")
        if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            return []
        return [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]


def function(source: str, **settings: Any) -> Function:
    """A function whose handler is app.handler, not known to any Lambda."""
    zipped = package(source, **settings.pop("files", {}))
    return Function(
        **{
            "account": ACCOUNT,
            "region": REGION,
            "name": "probe",
            "version": "$LATEST",
            "arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:probe",
            "handler": "app.handler",
            "runtime": "python3.12",
            "code_sha": str(hash(zipped)),
            "log_group": "/aws/lambda/probe",
            "code": zipped,
            **settings,
        }
    )


def answer_of(answer: Answer) -> Any:
    return json.loads(answer.payload)
