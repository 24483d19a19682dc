"""Queues: what waits in each, and dead letters with what is known of why they are dead."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from pipeline.console.console import Asked
from pipeline.console.pages import Document, Done, action, link, page
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
"""How long a message is held while the others are looked at."""
BODY = 4000


def build_list(asked: Asked) -> Document:
    """Parameters: `page` of the datasets, from 1."""
    every = asked.lake.registry.all()
    number = asked.number("page", 1, most=10_000)
    registrations = every[(number - 1) * ROWS : number * ROWS]
    shown, ages = queues_of(asked.lake, registrations), ages_of(asked.lake, registrations)
    dead, flows = [queue for queue in shown if queue.dead_letters], flows_of(asked.lake)
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


def build(asked: Asked) -> Document:
    """The dead letters of one queue. Looking at them counts as receiving them, which changes nothing for these."""
    name = asked.path["name"]
    dead = dead_letter_queue(asked.lake, name)
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
    """At most `PEEKED` messages of a queue without a dead-letter queue of its own; they are given back."""
    sqs = client("sqs")
    found: dict[str, dict[str, Any]] = {}
    try:
        while len(found) < PEEKED:
            answer = sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=BATCH,
                VisibilityTimeout=HOLD_S,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=[REASON],
            )
            if not (messages := answer.get("Messages")):
                break
            found |= {message["MessageId"]: message for message in messages}
    finally:
        for message in found.values():
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    return [_message(message) for message in found.values()]


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
    """Why a message was put aside at once; None for one that came here otherwise."""
    value: str | None = message.get("MessageAttributes", {}).get(REASON, {}).get("StringValue")
    return value


def _reason(body: str) -> str | None:
    """What a function said that could not handle it; None where the message does not tell."""
    try:
        answer = json.loads(body)["responsePayload"]
        return f"{answer['errorType']}: {answer['errorMessage']}"
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def redrive(asked: Asked, fields: Mapping[str, str]) -> Done:
    """Send chosen dead letters back, or all of them."""
    name = asked.path["name"]
    chosen = {field.removeprefix("message-") for field in fields if field.startswith("message-")}
    if not chosen and fields.get("which") != "all":
        raise BadInput("no message is chosen", hint="Choose some, or send all of them back.")
    sent = redrive_messages(asked.lake, name, None if fields.get("which") == "all" else chosen)
    return Done(link(f"/queues/{name}"), f"{counted(sent, 'message')} sent back.", good=bool(sent))


ROUTES = [
    action("/queues/{name:path}/redrive", redrive),
    *page("/queues/{name:path}", "queue.html", build),
    *page("/queues", "queues.html", build_list, live=True),
]
