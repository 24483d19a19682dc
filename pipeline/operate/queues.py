"""The queues of a lake, and how many messages each holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.core.clients import client
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.services import Lake
from pipeline.operate.flows import flows_of


@dataclass(frozen=True, slots=True)
class Queue:
    """How many messages a queue holds, approximately, as SQS counts. `name` is that which `redrive` takes: a
    dataset, whose dead-letter queue has the same, or one that a flow publishes."""

    name: str
    dead_letters: bool
    waiting: int
    in_flight: int


def queues_of(lake: Lake, registrations: Iterable[Registration]) -> list[Queue]:
    """The queues of all flows and of these datasets, dead-letter queues too."""
    return [queue for url, dead, name in queue_urls(lake, registrations) if (queue := _queue(url, dead, name))]


def queue_urls(lake: Lake, registrations: Iterable[Registration]) -> list[tuple[str, bool, str]]:
    """The URL of each queue, whether it holds dead letters, and its name as `Queue` has it."""
    flows = flows_of(lake)
    shared = [
        *((url, False, name) for name, url in flows.queues.items()),
        *((dead.url, True, name) for name, dead in flows.dead_letters.items()),
    ]
    own = [
        (url, dead, str(r.name))
        for r in registrations
        if not r.is_closed
        for url, dead in ((r.queue_url, False), (r.dead_letter_queue_url, True))
    ]
    return shared + own


def _queue(url: str, dead_letters: bool, name: str) -> Queue | None:
    """The queue's depth; None if there is no such queue (a dataset that is being deployed)."""
    sqs = client("sqs")
    wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    try:
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"]
    except sqs.exceptions.QueueDoesNotExist:
        return None
    return Queue(name, dead_letters, *(int(found.get(attribute, 0)) for attribute in wanted))
