"""Whether a lake is settled: nothing waits, nothing runs. The same questions on a laptop and on AWS."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.catalog import Status
from pipeline.clients import client
from pipeline.datasets import DatasetName
from pipeline.settings import Setting
from pipeline.wiring import Lake

LIMIT = 1000
"""Objects of one dataset and status are counted up to here."""


@dataclass(frozen=True)
class Progress:
    """What there is to wait for, and what went wrong. Objects are counted by dataset and status, up to `LIMIT`."""

    messages: int
    """Raw events that are queued or with the routing Lambda."""
    dead: int
    """Raw events in the dead-letter queue."""
    objects: dict[str, dict[Status, int]] = field(default_factory=dict)
    batches: dict[str, str] = field(default_factory=dict)
    """Active batch by dataset."""
    executions: int = 0

    def count(self, *statuses: Status) -> int:
        return sum(n for found in self.objects.values() for status, n in found.items() if status in statuses)

    @property
    def is_settled(self) -> bool:
        moving = self.count(Status.REGISTERED, Status.STAGED, Status.CLAIMED)
        return not (self.messages or moving or self.batches or self.executions)

    @property
    def needs_attention(self) -> int:
        """Objects that are quarantined or failed, and events that could not be routed."""
        return self.count(Status.QUARANTINED, Status.FAILED) + self.dead

    def describe(self) -> str:
        """One line: what is where on its way."""
        parts = [
            (self.messages, "events"),
            (self.count(Status.REGISTERED), "in Stage A"),
            (self.count(Status.STAGED), "staged and waiting"),
            (self.count(Status.CLAIMED), "in Stage B"),
            (self.executions, "executions running"),
            (self.count(Status.QUARANTINED), "quarantined"),
            (self.count(Status.FAILED), "failed"),
            (self.dead, "dead-lettered"),
        ]
        return ", ".join(f"{n} {what}" for n, what in parts if n) or "nothing waits"


def look(lake: Lake, only: DatasetName | None = None) -> Progress:
    """Ask once, about the objects and batches of all datasets or of one.

    Counts come from queues and from the open index: they may lag a moment behind.
    """
    settings = lake.settings
    objects: dict[str, dict[Status, int]] = {}
    batches: dict[str, str] = {}
    for registration in lake.registry.all():
        if only not in (None, registration.dataset.name):
            continue
        name = str(registration.dataset.name)
        statuses = (Status.REGISTERED, Status.STAGED, Status.CLAIMED, Status.QUARANTINED, Status.FAILED)
        counts = {status: len(lake.catalog.waiting(name, status, LIMIT)) for status in statuses}
        objects[name] = {status: n for status, n in counts.items() if n}
        if active := lake.batches.active(name):
            batches[name] = active
    machines = (settings[Setting.STAGE_A_MACHINE], settings[Setting.STAGE_B_MACHINE])
    # Queues last: what leaves one while we look is in the catalog by then, and the other way round it would be missed.
    return Progress(
        messages=depth(settings[Setting.RAW_QUEUE_URL]),
        dead=depth(settings[Setting.RAW_DEAD_LETTER_QUEUE_URL]),
        objects=objects,
        batches=batches,
        executions=sum(_running(machine) for machine in machines),
    )


def depth(queue_url: str) -> int:
    """Messages of a queue that wait or are being worked on."""
    names = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    ]
    found = client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
    return sum(int(found.get(name, 0)) for name in names)


def _running(machine: str) -> int:
    found = client("stepfunctions").list_executions(stateMachineArn=machine, statusFilter="RUNNING", maxResults=100)
    return len(found["executions"])
