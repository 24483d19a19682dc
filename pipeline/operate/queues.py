"""The queues of a lake, and how many messages each holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.core.clients import client
from pipeline.core.settings import Setting
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.services import Lake

RAW = "raw"
FAILURES = {
    "stage-a-failures": (
        Setting.MARK_STAGE_A_FAILED_DEAD_LETTER_QUEUE_URL,
        Setting.MARK_STAGE_A_FAILED_FUNCTION,
    ),
    "stage-b-failures": (
        Setting.MARK_STAGE_B_FAILED_DEAD_LETTER_QUEUE_URL,
        Setting.MARK_STAGE_B_FAILED_FUNCTION,
    ),
}
"""Queues of what the functions could not handle that mark what a failed execution left: the queue and the function."""
LOGS = {RAW: "route", "stage-a-failures": "mark-stage-a-failed", "stage-b-failures": "mark-stage-b-failed"}


@dataclass(frozen=True, slots=True)
class Queue:
    """How many messages a queue holds, approximately, as SQS counts. `name` is that which `redrive` takes: `raw`, a
    dataset, whose dead-letter queue has the same, or one of FAILURES."""

    name: str
    dead_letters: bool
    waiting: int
    in_flight: int


def queues_of(lake: Lake, registrations: Iterable[Registration]) -> list[Queue]:
    """The queues of the lake and of these datasets, dead-letter queues too."""
    return [queue for url, dead, name in queue_urls(lake, registrations) if (queue := _queue(url, dead, name))]


def queue_urls(lake: Lake, registrations: Iterable[Registration]) -> list[tuple[str, bool, str]]:
    """The URL of each queue, whether it holds dead letters, and its name as `Queue` has it."""
    shared = [
        (lake.settings[Setting.RAW_QUEUE_URL], False, RAW),
        (lake.settings[Setting.RAW_DEAD_LETTER_QUEUE_URL], True, RAW),
        *((lake.settings[dead], True, name) for name, (dead, _) in FAILURES.items()),
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
