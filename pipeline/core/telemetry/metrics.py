"""Metrics in CloudWatch's embedded metric format: lines of the log, so that no call is needed.

Source: "Specification: Embedded metric format" of the CloudWatch user guide. A job has no library of Lambda's.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from pipeline.core.settings import metrics_namespace
from pipeline.core.telemetry.names import DIMENSION, NEEDS_ATTENTION, Metric


def emit(dataset: str, values: Mapping[Metric, float], correlation_id: str) -> None:
    """Print the metrics that are not zero; nothing in a process without a namespace."""
    nonzero = {metric: value for metric, value in values.items() if value}
    if not_loaded := sum(nonzero.get(metric, 0) for metric in NEEDS_ATTENTION):
        nonzero[Metric.NOT_LOADED] = not_loaded
    namespace = metrics_namespace()
    if not nonzero or not namespace:
        return
    told = {
        "Timestamp": time.time_ns() // 1_000_000,
        "CloudWatchMetrics": [
            {
                "Namespace": namespace,
                "Dimensions": [[DIMENSION]],
                "Metrics": [{"Name": metric.value, "Unit": metric.unit} for metric in nonzero],
            }
        ],
    }
    # Each value stands in a list, as some that read these lines expect it.
    values_told = {metric.value: [float(value)] for metric, value in nonzero.items()}
    line = {"_aws": told, DIMENSION: dataset, "correlation_id": correlation_id, **values_told}
    print(json.dumps(line, separators=(",", ":")), flush=True)
