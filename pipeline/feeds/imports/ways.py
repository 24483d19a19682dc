"""The ways of an import under one roof: each estimates, runs and goes on where it was stopped, and is compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from pipeline.feeds.imports.comparison import Comparison
from pipeline.feeds.imports.copy_table import CopyTable
from pipeline.feeds.imports.export import Export
from pipeline.feeds.imports.in_place import InPlace
from pipeline.feeds.imports.jobs import Job
from pipeline.feeds.imports.progress import Estimate, Progress


class Way(Protocol):
    """One way of an import."""

    def __init__(self, job: Job) -> None: ...

    def estimate(self) -> Estimate:
        """How much there is, and how long it takes at most. Changes nothing."""
        ...

    def run(self) -> Iterator[Progress]:
        """Import, and say how far it is after each step. Stopped anywhere, the next run goes on where it was.

        `Refused` where it is done already (`forget` it first), another way is under way, or the stream is not read.
        """
        ...

    def forget(self) -> None:
        """Forget how far it is, and take away what it made, so that the next run begins anew. Rows stay."""
        ...

    def compare(self) -> Comparison:
        """Counts and checksums by day of the source and of the target."""
        ...


WAYS: Mapping[str, type[Way]] = {"in-place": InPlace, "copy": CopyTable, "export": Export}
"""By the name that is asked for."""
