"""What is imported, and by what means: the same for all ways."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from pipeline.core.clients import client
from pipeline.core.clock import Clock, system_clock
from pipeline.feeds.changes import Decoder
from pipeline.feeds.definition import Feed
from pipeline.feeds.imports.comparison import Page


@dataclass(frozen=True)
class Job:
    """A feed to be imported into the target that `connection` leads to, at most `units` read units a second.

    `function` is the name of the feed's function, which has to be reading the live stream; an export goes to `bucket`,
    under `prefix`. A copy and an export are encrypted with `key`, and with one of AWS's where there is none. With
    `remove_surplus` an import in place removes all rows that have no item, however many they are.
    """

    feed: Feed
    connection: Connection[Any]
    decoder: Callable[[Mapping[str, int]], Decoder]
    units: float
    function: str | None = None
    bucket: str | None = None
    prefix: str = ""
    key: str | None = None
    remove_surplus: bool = False
    client: Callable[[str], Any] = client
    sleep: Callable[[float], None] = time.sleep
    clock: Clock = system_clock

    def pace(self, answer: Mapping[str, Any], began: float) -> None:
        """Wait until what an answer took of the table's capacity is within the rate."""
        spent = float(answer.get("ConsumedCapacity", {}).get("CapacityUnits", 0)) / self.units
        if (left := spent - (time.monotonic() - began)) > 0:
            self.sleep(left)


def pages_of(job: Job, table: str) -> Iterator[Page]:
    """A table's items, read at the job's rate; what was written before the call began is there."""
    position: Mapping[str, Any] | None = None
    while True:
        began = time.monotonic()
        start = {"ExclusiveStartKey": position} if position else {}
        page = job.client("dynamodb").scan(
            TableName=table, ConsistentRead=True, ReturnConsumedCapacity="TOTAL", **start
        )
        yield page["Items"]
        position = page.get("LastEvaluatedKey")
        if position is None:
            return
        job.pace(page, began)
