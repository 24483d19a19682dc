"""Metrics in CloudWatch's embedded format: a line of the log, so that they cost no call."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.core.settings import metrics_namespace
from pipeline.core.telemetry.names import DIMENSION, NEEDS_ATTENTION, Metric


def emit(dataset: str, values: Mapping[Metric, float], correlation_id: str) -> None:
    """Print the metrics that are not zero; nothing in a process that was given no namespace."""
    told = {metric: value for metric, value in values.items() if value}
    if not_loaded := sum(told.get(metric, 0) for metric in NEEDS_ATTENTION):
        told[Metric.NOT_LOADED] = not_loaded
    namespace = metrics_namespace()
    if not told or not namespace:
        return
    from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

    provider = AmazonCloudWatchEMFProvider(namespace=namespace)
    provider.add_dimension(DIMENSION, dataset)
    provider.add_metadata("correlation_id", correlation_id)
    for metric, value in told.items():
        provider.add_metric(metric.value, metric.unit, value)
    provider.flush_metrics()
