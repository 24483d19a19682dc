"""Waits until a lake is settled, and reports the progress."""

from __future__ import annotations

import time
from collections.abc import Callable

from pipeline.cli.embedded import run_schedules_now
from pipeline.lake.catalog import Status
from pipeline.lake.datasets import DatasetName
from pipeline.operate.connection import Connected
from pipeline.operate.progress import Progress, look

RUN_SCHEDULES_S = 0.5
RUN_SCHEDULES_LATER_S = 5.0
"""The interval while objects are still in Stage A, so that they come into one batch."""
QUICK_S = 0.25
SLOW_S = 5.0
FEW_S = 1.0
"""The longest rest of an embedded lake where few objects are open: counting them costs little, and a look that takes
long then does so because the machine is busy. A batch that waits for the schedule to be run would wait with it."""
FEW = 1000
REST = 10
"""The pause after a look, as a multiple of its duration: counting many objects would slow down the lake itself."""
SURE = 3
"""The same before the look that only makes sure."""


def wait(
    connected: Connected,
    timeout_s: float,
    report: Callable[[Progress], None],
    *,
    only: DatasetName | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Progress:
    """Poll the lake until it is settled or `timeout_s` seconds have passed; `report` is called with every progress.

    An embedded lake's schedules are run early while staged objects wait; those of AWS are not. The lake counts as
    settled after two such looks in a row: an object that moves on may be in neither place for a moment.
    """
    give_up = clock() + timeout_s
    ran = clock() - RUN_SCHEDULES_S
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
        patience = RUN_SCHEDULES_LATER_S if arriving else RUN_SCHEDULES_S
        if connected.endpoint and (staged := progress.datasets(Status.STAGED)) and clock() - ran > patience:
            run_schedules_now(connected.endpoint, staged)
            ran = clock()
        least = QUICK_S if connected.is_embedded else SLOW_S
        # Where nothing moves, one more look is the last. A busy machine takes longer to deliver an event, too.
        rest = SURE if progress.is_settled else REST
        is_small = connected.is_embedded and progress.objects.total() <= FEW
        sleep(max(least, min(FEW_S if is_small else SLOW_S, rest * took)))
