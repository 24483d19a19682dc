"""The ways of an import under one roof: each estimates, runs and goes on where it was stopped, and is compared."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from psycopg import Connection

from pipeline.core.clients import client
from pipeline.feeds import history
from pipeline.feeds.changes import Decoder
from pipeline.feeds.definition import Feed
from pipeline.feeds.imports.comparison import Comparison, Page, compare
from pipeline.feeds.imports.progress import Estimate, Progress


@dataclass(frozen=True)
class Job:
    """What is imported: a feed into the target that `connection` leads to, at most `units` read units a second."""

    feed: Feed
    connection: Connection[Any]
    decoder: Callable[[Mapping[str, int]], Decoder]
    units: float
    client: Callable[[str], Any] = client
    sleep: Callable[[float], None] = time.sleep


class Way(Protocol):
    """One way of an import."""

    def estimate(self) -> Estimate:
        """How much there is, and how long it takes at most. Changes nothing."""
        ...

    def run(self) -> Iterator[Progress]:
        """Import, and say how far it is after each step. Stopped anywhere, the next run goes on where it was.

        `Refused` where it is done already (`forget` it first), or another way is under way.
        """
        ...

    def forget(self) -> None:
        """Forget how far it is, so that the next run begins anew. Rows stay."""
        ...

    def compare(self) -> Comparison:
        """Counts and checksums by day of the source and of the target."""
        ...


class InPlace:
    """A scan of the table itself, beside its live stream."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def estimate(self) -> Estimate:
        """See `Way`."""
        job = self._job
        return history.estimate(job.client("dynamodb"), job.feed, job.units)

    def run(self) -> Iterator[Progress]:
        """See `Way`."""
        job = self._job
        pages = history.import_history(
            job.connection, job.client("dynamodb"), job.feed, job.decoder, units=job.units, sleep=job.sleep
        )
        for _ in pages:
            parts = history.segments_of(job.connection, job.feed)
            yield Progress("reading the table", sum(p.items for p in parts), sum(p.is_done for p in parts), len(parts))

    def forget(self) -> None:
        """See `Way`."""
        history.forget(self._job.connection, self._job.feed)

    def compare(self) -> Comparison:
        """See `Way`."""
        return compare(self._job.connection, self._job.feed, self._job.decoder, pages_of(self._job))


def pages_of(job: Job) -> Iterator[Page]:
    """The table's items, read at the job's rate; what was written before the call began is there."""
    position: Mapping[str, Any] | None = None
    while True:
        began = time.monotonic()
        start = {"ExclusiveStartKey": position} if position else {}
        page = job.client("dynamodb").scan(
            TableName=job.feed.source.table, ConsistentRead=True, ReturnConsumedCapacity="TOTAL", **start
        )
        yield page["Items"]
        position = page.get("LastEvaluatedKey")
        if position is None:
            return
        spent = float(page.get("ConsumedCapacity", {}).get("CapacityUnits", 0)) / job.units
        if (left := spent - (time.monotonic() - began)) > 0:
            job.sleep(left)
