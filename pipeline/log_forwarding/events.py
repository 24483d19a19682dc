"""Log events as CloudWatch Logs hands them to a function, and as JSON lines. Nothing is sent here."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.core.clock import iso
from pipeline.core.errors import BadInput
from pipeline.core.json_constants import refuse_constant

REQUEST_BYTES = 1_000_000
"""The body of one request; a single line that is longer goes alone."""

Content = Callable[[str], dict[str, Any]]
"""What a line says of an event's message: the members that hold it."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `time` is in milliseconds since 1970; `id` is the same at each delivery."""

    id: str
    time: int
    message: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of one stream of a log group, in their order."""

    account: str
    group: str
    stream: str
    events: tuple[Event, ...]


def batch_of(invocation: Mapping[str, Any]) -> Batch | None:
    """The events of an invocation by CloudWatch Logs; None for its message that only asks whether somebody is there.

    `BadInput` for anything else, which is not quoted. Source of the form: "Subscription filters with AWS Lambda" in
    CloudWatch Logs' user guide.
    """
    try:
        found = json.loads(gzip.decompress(base64.b64decode(invocation["awslogs"]["data"], validate=True)))
        if found["messageType"] == "CONTROL_MESSAGE":
            return None
        if found["messageType"] != "DATA_MESSAGE":
            raise ValueError(found["messageType"])
        events = (Event(str(each["id"]), int(each["timestamp"]), str(each["message"])) for each in found["logEvents"])
        return Batch(str(found["owner"]), str(found["logGroup"]), str(found["logStream"]), tuple(events))
    except (KeyError, TypeError, ValueError, EOFError, OSError, RecursionError):
        raise BadInput("this is no document of CloudWatch Logs' subscription filters") from None


def line(batch: Batch, event: Event, content: Content) -> bytes:
    """One event as a line of JSON, with its end of line."""
    when = iso(datetime.fromtimestamp(event.time / 1000, UTC))
    whose = {"id": event.id, "time": when, "account": batch.account, "group": batch.group, "stream": batch.stream}
    text = json.dumps(whose)[:-1]
    for name, value in content(event.message).items():
        text += f", {json.dumps(name)}: {value.text if isinstance(value, Written) else json.dumps(value)}"
    # A lone surrogate has no UTF-8, and its escape is the same in JSON.
    return f"{text}}}\n".encode(errors="backslashreplace")


def requests(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Lines in their order, as few bodies as `REQUEST_BYTES` allows."""
    waiting: list[bytes] = []
    size = 0
    for each in lines:
        if waiting and size + len(each) > REQUEST_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
        waiting.append(each)
        size += len(each)
    if waiting:
        yield b"".join(waiting)


@dataclass(frozen=True, slots=True)
class Written:
    """A value that is JSON already, on one line: it goes on as it is written, with all digits of its numbers."""

    text: str


def everything(message: str) -> dict[str, Any]:
    """A message as it is: `record` where it is a JSON object, as our own lines are, `message` where it is text."""
    if as_object(message) is None:
        return {"message": message}
    # An end of line can only stand between its tokens.
    return {"record": Written(message.replace("\r", " ").replace("\n", " "))}


def as_object(message: str) -> dict[str, Any] | None:
    """The JSON object that a message is; None for any other."""
    if not message.startswith("{"):
        return None
    try:
        found = json.loads(message, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
