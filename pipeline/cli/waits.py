"""Wait until a lake is settled, saying what happens meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable

from pipeline.cli.embedded import hurry_schedules
from pipeline.lake.catalog import Status
from pipeline.lake.datasets import DatasetName
from pipeline.operate.connection import Connected
from pipeline.operate.progress import Progress, look

HURRY_EVERY_S = 0.5
HURRY_LATER_S = 5.0
"""While objects are still on their way through Stage A, so that they come into one batch."""
QUICK_S = 0.25
SLOW_S = 5.0
REST = 10
"""How many times as long as a look took there is none: one that has much to count would hold up what it waits for."""


def wait(
    connected: Connected,
    timeout_s: float,
    report: Callable[[Progress], None],
    *,
    only: DatasetName | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Progress:
    """Look again and again until the lake is settled or time is up; `report` gets every look.

    An embedded lake's schedules are hurried while staged objects wait; those of AWS never are. Settled means so
    twice in a row: an object that moves from one place to the next may be in neither for a moment.
    """
    give_up = clock() + timeout_s
    hurried = clock() - HURRY_EVERY_S
    settled_before = False
    while True:
        began = clock()
        progress = look(connected.lake, only)
        took = clock() - began
        report(progress)
        if progress.is_settled and settled_before:
            return progress
        if clock() >= give_up:
            return progress
        settled_before = progress.is_settled
        arriving = progress.messages or progress.count(Status.REGISTERED)
        patience = HURRY_LATER_S if arriving else HURRY_EVERY_S
        if connected.endpoint and (staged := progress.datasets(Status.STAGED)) and clock() - hurried > patience:
            hurry_schedules(connected.endpoint, staged)
            hurried = clock()
        sleep(max(QUICK_S if connected.is_embedded else SLOW_S, min(SLOW_S, REST * took)))
