"""Queues: the messages in each, and dead letters with their reasons."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from pipeline.console.console import PageRequest
from pipeline.console.pages import ActionResult, Document, action, link, page
from pipeline.core.clients import client
from pipeline.core.clock import iso
from pipeline.core.errors import BadInput
from pipeline.core.queues import BATCH, REASON
from pipeline.operate.flows import Flows, flows_of
from pipeline.operate.formatting import counted
from pipeline.operate.queue_age import Ages, ages_of
from pipeline.operate.queues import Queue, queues_of
from pipeline.operate.redrive import dead_letter_queue, redrive_messages

ROWS = 25
"""Datasets on a page, each with two queues."""
PEEKED = 50
HOLD_S = 20
"""Seconds that a message stays invisible to others while it is looked at."""
BODY = 4000


def build_list(request: PageRequest) -> Document:
    """The list of queues. Parameters: `page` of the datasets, from 1."""
    every = request.lake.registry.all()
    number = request.number("page", 1, most=10_000)
    registrations = every[(number - 1) * ROWS : number * ROWS]
    shown, ages = queues_of(request.lake, registrations), ages_of(request.lake, registrations)
    dead, flows = [queue for queue in shown if queue.dead_letters], flows_of(request.lake)
    return {
        "title": "Queues",
        "dead": [_line(queue, ages, flows) for queue in sorted(dead, key=lambda q: -q.waiting)],
        "queues": [_line(queue, ages, flows) for queue in shown if not queue.dead_letters],
        "has_ages": bool(ages),
        "page": number,
        "pages": max(-(-len(every) // ROWS), 1),
    }


def _line(queue: Queue, ages: Ages, flows: Flows) -> dict[str, Any]:
    age = ages.get((queue.name, queue.dead_letters)) if queue.waiting + queue.in_flight else None
    published = queue.name in flows.queues or queue.name in flows.dead_letters
    return {**asdict(queue), "age_s": age, "is_dataset": not published}


def build(request: PageRequest) -> Document:
    """The dead letters of one queue. Showing them counts as receiving them, which has no effect on dead letters."""
    name = request.path["name"]
    dead = dead_letter_queue(request.lake, name)
    messages = _peek(dead.url)
    return {
        "title": f"Dead letters of {name}",
        "name": name,
        "from": dead.source.rpartition("/")[2],
        "log": dead.function,
        "messages": messages,
        "is_all": len(messages) < PEEKED,
    }


def _peek(url: str) -> list[dict[str, Any]]:
    """At most `PEEKED` messages of a queue that has no dead-letter queue itself; they become visible again."""
    sqs = client("sqs")
    received: dict[str, dict[str, Any]] = {}
    try:
        while len(received) < PEEKED:
            answer = sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=BATCH,
                VisibilityTimeout=HOLD_S,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=[REASON],
            )
            if not (messages := answer.get("Messages")):
                break
            received |= {message["MessageId"]: message for message in messages}
    finally:
        for message in received.values():
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    return [_message(message) for message in received.values()]


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    sent = int(message["Attributes"]["SentTimestamp"]) / 1000
    return {
        "id": message["MessageId"],
        "sent": iso(datetime.fromtimestamp(sent, UTC)),
        "received": int(message["Attributes"]["ApproximateReceiveCount"]),
        "body": message["Body"][:BODY],
        "is_cut": len(message["Body"]) > BODY,
        "reason": _put_aside(message) or _reason(message["Body"]),
    }


def _put_aside(message: Mapping[str, Any]) -> str | None:
    """The reason of a message that a function sent here itself; None for one that SQS moved here."""
    value: str | None = message.get("MessageAttributes", {}).get(REASON, {}).get("StringValue")
    return value


def _reason(body: str) -> str | None:
    """The error of the function that failed on the message; None if the message has none."""
    try:
        answer = json.loads(body)["responsePayload"]
        return f"{answer['errorType']}: {answer['errorMessage']}"
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def redrive(request: PageRequest, fields: Mapping[str, str]) -> ActionResult:
    """Send the chosen dead letters back to their queue, or all of them."""
    name = request.path["name"]
    chosen = {field.removeprefix("message-") for field in fields if field.startswith("message-")}
    if not chosen and fields.get("which") != "all":
        raise BadInput("no message is chosen", hint="Choose some, or send all of them back.")
    sent = redrive_messages(request.lake, name, None if fields.get("which") == "all" else chosen)
    return ActionResult(link(f"/queues/{name}"), f"{counted(sent, 'message')} sent back.", good=bool(sent))


ROUTES = [
    action("/queues/{name:path}/redrive", redrive),
    *page("/queues/{name:path}", "queue.html", build),
    *page("/queues", "queues.html", build_list, live=True),
]
