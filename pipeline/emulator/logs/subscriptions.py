"""Events of log groups on their way to the functions that subscribe to them: gathered, then sent by a thread."""

from __future__ import annotations

import base64
import gzip
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.emulator.awslambda.functions import ASYNCHRONOUS_PAYLOAD_BYTES
from pipeline.emulator.outbox import Outbox

GATHER_S = 1.0
"""How long events wait for others of their stream. AWS gathers for some seconds, and does not say how many."""

Event = Mapping[str, Any]
"""An event as a subscriber gets it: `id`, `timestamp`, `message`."""


class Subscription(NamedTuple):
    """Whose events go where: one stream by one filter to one function."""

    account: str
    group: str
    stream: str
    filter: str
    function: str


Put = Callable[[Subscription, Sequence[Event]], None]
_put: Put | None = None


def sent_by(put: Put | None) -> None:
    """Hand events to this from now on; the latest call counts."""
    global _put
    _put = put


def send(subscription: Subscription, events: Sequence[Event]) -> None:
    """Send events soon; where nothing runs functions, as in a front alone, nobody gets them."""
    if _put is not None and events:
        _put(subscription, events)


class Subscriptions:
    """Sends between `start` and `stop`, by `invoke`, which takes a function's ARN and a document.

    A document that is not taken is sent again until `outbox.GIVE_UP_SECONDS` have passed; AWS tries for 24 hours. The
    order of documents is not kept where that happens, nor by those who run several invocations at once.
    """

    def __init__(self, invoke: Callable[[str, bytes], object], gather_s: float = GATHER_S) -> None:
        self._invoke = invoke
        self._gather_s = gather_s
        self._outbox = Outbox("subscriptions")
        self._lock = threading.Lock()
        self._waiting: dict[Subscription, list[Event]] = {}

    def start(self) -> None:
        """Begin to send what `send` gets."""
        self._outbox.start()
        sent_by(self.put)

    def stop(self) -> None:
        """End; what waits is lost, as all state is."""
        sent_by(None)
        self._outbox.stop()

    def put(self, subscription: Subscription, events: Sequence[Event]) -> None:
        """Take events of one stream."""
        with self._lock:
            is_first = subscription not in self._waiting
            self._waiting.setdefault(subscription, []).extend(events)
        if is_first:
            what = f"events of {subscription.group} to {subscription.function}"
            self._outbox.put(what, lambda: self._send(what, subscription), after_s=self._gather_s)

    def _send(self, what: str, subscription: Subscription) -> None:
        with self._lock:
            events = self._waiting.pop(subscription)
        for document in documents(subscription, events):
            self._outbox.put(what, lambda document=document: self._hand_on(subscription, document))  # type: ignore[misc]

    def _hand_on(self, subscription: Subscription, document: bytes) -> None:
        self._invoke(subscription.function, document)


def documents(subscription: Subscription, events: Sequence[Event]) -> Iterator[bytes]:
    """What the function gets: as few documents as Lambda's limit of an asynchronous payload allows.

    `ValueError` for a single event that is over it.
    """
    document = _document(subscription, events)
    if len(document) <= ASYNCHRONOUS_PAYLOAD_BYTES:
        yield document
    elif len(events) == 1:
        raise ValueError(f"an event of {subscription.group} is larger than a function can be given")
    else:
        half = len(events) // 2
        yield from documents(subscription, events[:half])
        yield from documents(subscription, events[half:])


def _document(subscription: Subscription, events: Sequence[Event]) -> bytes:
    """Source of the form: "Subscription filters with AWS Lambda" in CloudWatch Logs' user guide."""
    data = {
        "messageType": "DATA_MESSAGE",
        "owner": subscription.account,
        "logGroup": subscription.group,
        "logStream": subscription.stream,
        "subscriptionFilters": [subscription.filter],
        "logEvents": events,
    }
    packed = gzip.compress(json.dumps(data, separators=(",", ":")).encode(), compresslevel=6)
    return json.dumps({"awslogs": {"data": base64.b64encode(packed).decode()}}).encode()
