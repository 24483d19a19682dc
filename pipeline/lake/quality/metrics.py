"""The metrics that rules are about, by the name under which batches remember them. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pipeline.lake.quality.model import Rule

METRIC_TYPES: Mapping[str, str] = {
    **{
        name: name
        for name in (
            *("ColumnCorrelation", "ColumnCount", "Completeness", "CustomSql", "DistinctValuesCount", "Entropy"),
            *("Mean", "RowCount", "StandardDeviation", "Sum", "Uniqueness", "UniqueValueRatio"),
            *("AggregateMatch", "RowCountMatch"),
        )
    },
    "IsComplete": "Completeness",
    "IsUnique": "Uniqueness",
}
"""Rule types that are about one number, whatever they compare it with, and the type that names it.

ColumnLength and ColumnValues are not: Deequ computes the least or the greatest, as their operator needs.
"""


def metric_of(rule: Rule) -> str | None:
    """The rule's metric, as the rule without its condition: `Mean "price" where "id > 0"`. None if it has none."""
    kind = METRIC_TYPES.get(rule.type)
    if kind is None:
        return None
    parameters = "".join(f' "{each}"' for each in rule.parameters)
    return f"{kind}{parameters}" + (f' where "{rule.where}"' if rule.where else "")


def value_of(metrics: Mapping[str, float]) -> float | None:
    """The number of a rule that has one, of what Deequ evaluated for it; None where there were no values."""
    [value] = metrics.values() if len(metrics) == 1 else [math.nan]
    return float(value) if math.isfinite(value) else None
