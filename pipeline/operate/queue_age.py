"""How old the oldest message of a queue is, by SQS's own metric: to receive it would count against the message."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from datetime import timedelta

from botocore.exceptions import ClientError

from pipeline.core.clients import client
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.services import Lake
from pipeline.operate.queues import queue_urls

log = logging.getLogger(__name__)

METRIC = "ApproximateAgeOfOldestMessage"
PERIOD_S = 60
WINDOW = timedelta(minutes=15)
"""How far back a value is looked for: SQS sends one a minute, some minutes late, and none of a queue long idle."""
KEPT_S = 60.0
"""Each metric that is asked for costs money, and there is a new value only once a minute."""
MOST = 500
"""Metrics of one call (CloudWatch, GetMetricData)."""

Ages = dict[tuple[str, bool], float]
_kept: dict[tuple[str, ...], tuple[float, Ages]] = {}
_lock = threading.Lock()


def ages_of(lake: Lake, registrations: Iterable[Registration]) -> Ages:
    """Seconds, by a queue's name and whether it holds dead letters, of queues with a value; at most `KEPT_S` old.

    Nothing where CloudWatch has none, as in an embedded AWS, or may not be read.
    """
    every = queue_urls(lake, registrations)[:MOST]
    asked_for = tuple(url for url, _, _ in every)
    with _lock:
        at, found = _kept.get(asked_for, (0.0, {}))
        if at and time.monotonic() - at < KEPT_S:
            return found
    values = _values(lake, asked_for)
    found = {(name, dead): values[place] for place, (_, dead, name) in enumerate(every) if place in values}
    with _lock:
        for old in [key for key, (since, _) in _kept.items() if time.monotonic() - since >= KEPT_S]:
            del _kept[old]
        _kept[asked_for] = (time.monotonic(), found)
    return found


def _values(lake: Lake, urls: tuple[str, ...]) -> dict[int, float]:
    """The newest value of each, by its place."""
    queries = [
        {
            "Id": f"q{place}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/SQS",
                    "MetricName": METRIC,
                    "Dimensions": [{"Name": "QueueName", "Value": url.rpartition("/")[2]}],
                },
                "Period": PERIOD_S,
                "Stat": "Maximum",
            },
        }
        for place, url in enumerate(urls)
    ]
    now = lake.clock()
    try:
        answer = client("cloudwatch").get_metric_data(
            MetricDataQueries=queries, StartTime=now - WINDOW, EndTime=now, ScanBy="TimestampDescending"
        )
    except ClientError as error:
        log.warning("ages of queues are not known: %s", error)
        return {}
    return {int(each["Id"][1:]): each["Values"][0] for each in answer["MetricDataResults"] if each["Values"]}
