"""Whether a lake is settled: nothing waits, nothing runs. The same questions on a laptop and on AWS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pipeline.core.clients import client
from pipeline.lake.batches.pauses import Pause, Paused
from pipeline.lake.catalog import Status
from pipeline.lake.datasets import DatasetName
from pipeline.lake.services import Lake
from pipeline.operate.flows import RAW, flows_of


@dataclass(frozen=True)
class Progress:
    """What there is to wait for, and what went wrong."""

    messages: int
    """Raw events, and messages of other flows' queues, that are queued or with their function."""
    dead: int
    """Those in the dead-letter queues."""
    objects: Counter[tuple[str, Status]] = field(default_factory=Counter)
    """Objects that are not finished, by dataset and status."""
    executions: int = 0
    """That run; asked for once nothing else waits."""
    paused: Mapping[str, Pause] = field(default_factory=dict)
    """Pauses of the schedules of datasets that have staged objects: those wait until somebody resumes them."""

    def count(self, *statuses: Status) -> int:
        """How many unfinished objects have one of these statuses."""
        return sum(n for (_, status), n in self.objects.items() if status in statuses)

    def datasets(self, status: Status) -> list[str]:
        """Those that have objects of it."""
        return sorted(name for (name, found), n in self.objects.items() if found is status and n)

    @property
    def is_settled(self) -> bool:
        """Whether nothing waits and nothing runs."""
        moving = self.count(Status.REGISTERED, Status.STAGED, Status.CLAIMED)
        return not (self.messages or moving or self.executions)

    def describe(self) -> str:
        """One line: what is where on its way."""
        parts = [
            (self.messages, "event" if self.messages == 1 else "events"),
            (self.count(Status.REGISTERED), "in Stage A"),
            (self.count(Status.STAGED), "staged and waiting"),
            (self.count(Status.CLAIMED), "in Stage B"),
            (self.executions, "execution running" if self.executions == 1 else "executions running"),
            (self.count(Status.QUARANTINED), "quarantined"),
            (self.count(Status.FAILED), "failed"),
            (self.dead, "dead-lettered"),
        ]
        return ", ".join(f"{n} {what}" for n, what in parts if n) or "nothing waits"


def look(lake: Lake, only: DatasetName | None = None) -> Progress:
    """Ask once, about the objects of all datasets or of one.

    Counts come from queues and from the open index: they may lag a moment behind.
    """
    flows = flows_of(lake)
    queues = {name: url for name, url in flows.queues.items() if only is None or name == RAW}
    dead_letters = [each.url for each in flows.dead_letters.values() if each.queue in queues.values()]
    # In the direction of the flow: what leaves one place while we look is seen in the next.
    messages = sum(depth(url) for url in queues.values())
    objects = lake.catalog.count_open(only)
    found = Progress(messages, dead=sum(map(depth, dead_letters)), objects=objects)
    if staged := found.datasets(Status.STAGED):
        pauses = {name: each.get(Paused.SCHEDULE) for name, each in lake.pauses.of(staged).items()}
        found = replace(found, paused={name: pause for name, pause in pauses.items() if pause})
    # What waits is not settled, whatever runs.
    return replace(found, executions=_running(lake, only)) if found.is_settled else found


def depth(queue_url: str) -> int:
    """Messages of a queue that wait or are being worked on."""
    names = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    ]
    found = client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
    return sum(int(found.get(name, 0)) for name in names)


def _running(lake: Lake, only: DatasetName | None) -> int:
    """Executions that run, at most 100 of a machine. Of one dataset, its open batch: Stage A's show in its objects."""
    if only:
        return 1 if lake.batches.active(str(only)) else 0
    machines = client("stepfunctions")
    arns = [machine.arn for machine in flows_of(lake).machines.values()]
    found = (machines.list_executions(stateMachineArn=arn, statusFilter="RUNNING", maxResults=100) for arn in arns)
    return sum(len(page["executions"]) for page in found)
