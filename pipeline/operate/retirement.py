"""What keeps a retired dataset's stack: what waits, runs, or lies in its dead-letter queue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from pipeline.core.clients import client
from pipeline.core.clock import parse_iso
from pipeline.lake.catalog import Status
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from pipeline.operate.executions import runs
from pipeline.operate.formatting import counted
from pipeline.operate.progress import depth

COUNTED = 100
"""Objects that are counted at most."""
ROUTED_AFTER = timedelta(minutes=2)
"""After this long, twice the routing function's time-out, no call of it holds the registration from before the mark."""

_WAITING = {
    Status.REGISTERED: "in Stage A",
    Status.STAGED: "staged and waiting for a batch",
    Status.CLAIMED: "in a batch",
}


def what_keeps(lake: Lake, registration: Registration) -> tuple[str, ...]:
    """What of a dataset still waits or runs, in words; nothing if its stack may go.

    Counts come from queues and from the open index, which may lag a moment behind. What they miss is not lost: it
    waits in the catalog, and the next apply finds it there.
    """
    return tuple(_what_keeps(lake, registration))


def _what_keeps(lake: Lake, registration: Registration) -> Iterator[str]:
    name = str(registration.name)
    if _may_be_on_its_way(lake, registration) and (events := depth(lake.settings[Setting.RAW_QUEUE_URL])):
        yield f"{counted(events, 'raw event')} of any dataset may name its objects"
    # A batch that is given up lets its objects wait again; else in the direction of the flow, so that what leaves one
    # place while we look is seen in the next.
    if batch := lake.batches.active(name):
        yield f"batch {batch} is being loaded"
    for status, where in _WAITING.items():
        if waiting := len(lake.catalog.waiting(name, status, COUNTED)):
            yield f"{counted(waiting, 'object')}{' or more' if waiting == COUNTED else ''} {where}"
    # Executions of Stage A are named after the dataset. One that runs has still to tell the dataset's queue.
    prefix = name.replace("/", "-") + "-"
    if running := sum(run.name.startswith(prefix) for run in runs(lake, "a", "RUNNING", COUNTED)):
        yield f"{counted(running, 'execution')} of Stage A"
    if dead := _dead_letters(registration):
        yield f"{counted(dead, 'message')} in its dead-letter queue"


def _may_be_on_its_way(lake: Lake, registration: Registration) -> bool:
    """Whether a call of the routing function may hold the registration as it was before the mark."""
    if registration.is_closed:
        return False
    return registration.retired is None or lake.clock() - parse_iso(registration.retired) < ROUTED_AFTER


def _dead_letters(registration: Registration) -> int:
    sqs = client("sqs")
    try:
        return 0 if registration.is_closed else depth(registration.dead_letter_queue_url)
    except sqs.exceptions.QueueDoesNotExist:
        # An apply broke off between deleting the stack and recording it.
        return 0
