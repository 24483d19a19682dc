"""The metrics that the lake emits. Templates and the dashboard name them; a test compares."""

from __future__ import annotations

from enum import StrEnum

DIMENSION = "Dataset"
"""The only dimension, `team/dataset`: CloudWatch charges for every combination that has data."""


class Metric(StrEnum):
    """One metric in the namespace `<lake>/<env>`. Objects are counted by Stage A, batches and rows by Stage B.

    `NOT_LOADED` counts what a dataset's team is to look at: the three in `NEEDS_ATTENTION`, so that one alarm does.
    `QUALITY_FAILURES` counts batches whose rules failed, also where they only warn. `FRESHNESS` is how long ago the
    oldest object of a batch came into the raw bucket when its table showed it.
    """

    OBJECTS_STAGED = "ObjectsStaged"
    OBJECTS_QUARANTINED = "ObjectsQuarantined"
    OBJECTS_FAILED = "ObjectsFailed"
    ROWS_STAGED = "RowsStaged"
    ROWS_QUARANTINED = "RowsQuarantined"
    BATCHES_COMMITTED = "BatchesCommitted"
    BATCHES_FAILED = "BatchesFailed"
    ROWS_COMMITTED = "RowsCommitted"
    QUALITY_FAILURES = "QualityFailures"
    NOT_LOADED = "NotLoaded"
    FRESHNESS = "SecondsFromRawToTable"

    @property
    def unit(self) -> str:
        return "Seconds" if self is Metric.FRESHNESS else "Count"


NEEDS_ATTENTION = (Metric.OBJECTS_FAILED, Metric.BATCHES_FAILED, Metric.QUALITY_FAILURES)
"""What `NOT_LOADED` sums up."""
