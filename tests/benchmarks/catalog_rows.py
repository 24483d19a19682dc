"""Rows of the catalog as they stand in its table, for measurements: no objects stand behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pipeline.core.clients import client
from pipeline.core.clock import iso, system_clock
from pipeline.core.dynamo import encode
from pipeline.core.objects import ObjectVersion, order_of
from pipeline.lake.catalog import Status
from pipeline.lake.catalog.index_keys import placing
from pipeline.lake.settings import Setting
from pipeline.operate.connection import Connected

THREADS = 4
AT_ONCE = 25
"""Items of one BatchWriteItem (AWS quota)."""

Row = dict[str, Any]


def fill(connected: Connected, numbers: range, row: Callable[[str, int], Row]) -> None:
    """Write `row(raw bucket, n)` for each number."""
    table, raw = connected.lake.settings[Setting.OBJECTS_TABLE], connected.lake.settings[Setting.RAW_BUCKET]

    def put(start: int) -> None:
        items = [row(raw, n) for n in range(start, min(start + AT_ONCE, numbers.stop))]
        requests = [{"PutRequest": {"Item": encode(item)}} for item in items]
        client("dynamodb").batch_write_item(RequestItems={table: requests})

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(put, range(numbers.start, numbers.stop, AT_ONCE)))


def row_of(obj: ObjectVersion, dataset: str, event_ms: int, passed: Iterable[Status], **facts: Any) -> Row:
    """An object that has `passed` through these statuses, of which the last is its own, with its places in indexes."""
    now = iso(system_clock())
    history = [[status.value, now] for status in passed]
    return {
        "path": obj.path,
        "version_id": obj.version_id,
        "status": history[-1][0],
        "dataset": dataset,
        "generation": 1,
        "size": 1000,
        "etag": obj.digest,
        "event_ms": event_ms,
        "order": order_of(event_ms, None, obj),
        "since": now,
        "history": history,
        **facts,
        **placing(obj, Status(history[-1][0]), dataset, facts, now).set,
    }
