"""The metrics that the lake emits. Templates and the dashboard use the same names, which a test checks."""

from __future__ import annotations

from enum import StrEnum

DIMENSION = "Dataset"
"""The only dimension, `team/dataset`: CloudWatch charges for every combination that has data."""


class Metric(StrEnum):
    """One metric in the namespace `<lake>/<env>`. Objects are counted by Stage A, batches and rows by Stage B.

    `VALUES_NULLED` counts values of staged rows that are null because their column cannot hold them and the dataset
    says `on_bad_value: null`.
    `NOT_LOADED` is the sum of the three in `NEEDS_ATTENTION`, so that a dataset needs only one alarm.
    `QUALITY_FAILURES` counts batches whose rules failed, including rules that only warn. `FRESHNESS` is the time from
    the arrival of a batch's oldest object in the raw bucket to the commit of the batch.
    """

    OBJECTS_STAGED = "ObjectsStaged"
    OBJECTS_QUARANTINED = "ObjectsQuarantined"
    OBJECTS_FAILED = "ObjectsFailed"
    ROWS_STAGED = "RowsStaged"
    ROWS_QUARANTINED = "RowsQuarantined"
    VALUES_NULLED = "ValuesNulled"
    BATCHES_COMMITTED = "BatchesCommitted"
    BATCHES_FAILED = "BatchesFailed"
    ROWS_COMMITTED = "RowsCommitted"
    QUALITY_FAILURES = "QualityFailures"
    NOT_LOADED = "NotLoaded"
    FRESHNESS = "SecondsFromRawToTable"

    @property
    def unit(self) -> str:
        """Its unit in CloudWatch."""
        return "Seconds" if self is Metric.FRESHNESS else "Count"


NEEDS_ATTENTION = (Metric.OBJECTS_FAILED, Metric.BATCHES_FAILED, Metric.QUALITY_FAILURES)
"""The metrics that `NOT_LOADED` sums up."""
