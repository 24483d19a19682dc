"""What rules measured on batches that are in the table: what later batches are compared with (PROTOCOL, Catalog).

A row a batch, in a partition of the dataset's own, so that whoever reads its batches does not read these. It is written
once, by the very transaction that makes the batch COMMITTED.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pipeline.core.dynamo import Change, query
from pipeline.lake.quality.dynamic_rules import History, Past
from pipeline.lake.quality.expressions import MOST

KEPT = timedelta(days=400)
"""A year and a month: a dataset of monthly batches still has the last twelve."""

COUNTED = ("PASSED", "RELEASED")
"""Verdicts on batches that later ones are compared with: the rules held, or somebody said that all is as it should."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A committed batch with what was measured on it, by the metrics' names (`quality.metrics.metric_of`).

    `said` is who decided since whether it counts, when, and why; one that is `left_out` does not.
    """

    batch: str
    scope: str
    metrics: Mapping[str, float]
    left_out: bool = False
    said: Mapping[str, str] = field(default_factory=dict)


def remembering(dataset: str, found: Measured, now: datetime) -> Change:
    """The change, beside those that commit a batch, by which its metrics are remembered.

    Numbers are kept as text: DynamoDB's have another precision and range.
    """
    said = {"said": dict(found.said)} if found.said else {}
    return Change(
        key={"dataset": _partition(dataset), "item": found.batch},
        set={
            "metrics": {name: repr(value) for name, value in found.metrics.items()},
            "scope": found.scope,
            "expires": int((now + KEPT).timestamp()),
            **said,
        },
        condition="attribute_not_exists(#metrics)",
        values={},
    )


def deciding(dataset: str, batch: str, *, counts: bool, said: Mapping[str, str]) -> Change:
    """The change by which a person lets a batch that is remembered count, or leaves it out."""
    return Change(
        key={"dataset": _partition(dataset), "item": batch},
        set={"left_out": not counts, "said": dict(said)},
        condition="attribute_exists(#metrics)",
        values={},
    )


def measured(dynamodb: Any, table: str, dataset: str, *, before: str | None = None, most: int = MOST) -> list[Measured]:
    """The dataset's newest committed batches that have metrics, newest first; only those opened before `before`.

    One Query, read consistently. The lock lets batches of a dataset be committed one after the other, in the order of
    their ids, whatever clocks they were opened by: a batch sees the same history however often it is judged.
    """
    condition, values = "dataset = :d", {":d": {"S": _partition(dataset)}}
    if before is not None:
        condition, values = f"{condition} AND #i < :b", {**values, ":b": {"S": before}}
    rows = query(
        dynamodb,
        most,
        TableName=table,
        KeyConditionExpression=condition,
        ExpressionAttributeValues=values,
        **({"ExpressionAttributeNames": {"#i": "item"}} if before is not None else {}),
        ScanIndexForward=False,
        ConsistentRead=True,
    )
    return [
        Measured(
            row["item"],
            row["scope"],
            {name: float(value) for name, value in row["metrics"].items()},
            row.get("left_out", False),
            row.get("said", {}),
        )
        for row in rows
    ]


def history_of(batches: Sequence[Measured], scope: str) -> History:
    """Each metric's values in `batches` that count, newest first. Those of a batch say nothing of a whole table."""
    history: dict[str, list[Past]] = {}
    for each in batches:
        for name, value in each.metrics.items() if each.scope == scope and not each.left_out else ():
            history.setdefault(name, []).append(Past(each.batch, value))
    return history


def _partition(dataset: str) -> str:
    return f"{dataset}#METRICS"
