"""A scan of the table itself, beside its live stream. It repairs, too: what the stream's records that were given up
would have said, and columns that rows which stand do not have yet."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict, replace

from pipeline.feeds import history
from pipeline.feeds.imports import runs
from pipeline.feeds.imports.comparison import Comparison, compare
from pipeline.feeds.imports.jobs import Job, pages_of
from pipeline.feeds.imports.live import check_live
from pipeline.feeds.imports.progress import Estimate, Progress
from pipeline.feeds.imports.removal import Removal, remove
from pipeline.feeds.writer import Writer

log = logging.getLogger(__name__)

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
        if runs.way_of(job.connection, job.feed) is None:
            Writer(job.feed).number(job.connection)
        run = runs.begin(job.connection, job.feed, _WAY)
        if not all(segment.is_done for segment in history.segments_of(job.connection, job.feed)):
            pages = history.import_history(
                job.connection,
                job.client("dynamodb"),
                job.feed,
                job.decoder,
                units=job.units,
                token=run.token,
                sleep=job.sleep,
            )
            for _ in pages:
                yield progress(job, "reading the table")
        removal = Removal()
        if run.reading is not None:
            removal = remove(job.connection, job.feed, run.reading, however_many=job.remove_surplus)
            log.info("history imported", extra={"feed": job.feed.feed, **asdict(removal)})
        runs.finish(job.connection, job.feed, run.token)
        # Whoever wants them removed reads the source again: by then it may have them.
        yield replace(progress(job, "read the table"), surplus=removal.kept)

    def forget(self) -> None:
        """See `ways.Way`."""
        runs.forget(self._job.connection, self._job.feed)

    def compare(self) -> Comparison:
        """See `ways.Way`."""
        job = self._job
        pages = pages_of(job, job.feed.source.table)
        return compare(job.connection, job.feed, job.decoder, pages, sleep=job.sleep)


def progress(job: Job, step: str) -> Progress:
    """How far the parts are that the target keeps."""
    parts = history.segments_of(job.connection, job.feed)
    return Progress(step, sum(part.items for part in parts), sum(part.is_done for part in parts), len(parts))
