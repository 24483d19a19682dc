"""Metrics in CloudWatch's embedded metric format: lines of the log, so that no call is needed."""

from __future__ import annotations

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
    from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

    provider = AmazonCloudWatchEMFProvider(namespace=namespace)
    provider.add_dimension(DIMENSION, dataset)
    provider.add_metadata("correlation_id", correlation_id)
    for metric, value in nonzero.items():
        provider.add_metric(metric.value, metric.unit, value)
    provider.flush_metrics()
