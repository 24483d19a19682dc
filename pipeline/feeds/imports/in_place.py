"""A scan of the table itself, beside its live stream."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.feeds import history
from pipeline.feeds.imports import runs
from pipeline.feeds.imports.comparison import Comparison, compare
from pipeline.feeds.imports.jobs import Job, pages_of
from pipeline.feeds.imports.live import check_live
from pipeline.feeds.imports.progress import Estimate, Progress

_WAY = "in-place"


class InPlace:
    """See `ways.Way`. Needs no second table; takes read units of the first."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def estimate(self) -> Estimate:
        """See `ways.Way`."""
        return history.estimate(self._job.client("dynamodb"), self._job.feed, self._job.units)

    def run(self) -> Iterator[Progress]:
        """See `ways.Way`."""
        job = self._job
        check_live(job, job.clock())
        runs.begin(job.connection, job.feed, _WAY)
        if not all(segment.is_done for segment in history.segments_of(job.connection, job.feed)):
            pages = history.import_history(
                job.connection, job.client("dynamodb"), job.feed, job.decoder, units=job.units, sleep=job.sleep
            )
            for _ in pages:
                yield progress(job, "reading the table")
        runs.finish(job.connection, job.feed)

    def forget(self) -> None:
        """See `ways.Way`."""
        runs.forget(self._job.connection, self._job.feed)

    def compare(self) -> Comparison:
        """See `ways.Way`."""
        job = self._job
        return compare(job.connection, job.feed, job.decoder, pages_of(job, job.feed.source.table))


def progress(job: Job, step: str) -> Progress:
    """How far the parts are that the target keeps."""
    parts = history.segments_of(job.connection, job.feed)
    return Progress(step, sum(part.items for part in parts), sum(part.is_done for part in parts), len(parts))
