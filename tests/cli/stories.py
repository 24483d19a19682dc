"""A lake in which something of everything has happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from pipeline.core.events.s3 import ObjectCreated
from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog import Status
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting

from .conftest import Actor

BAD = [{"line": 3, "reason": "price: it is not a number", "raw": "7,[bold]x[/],\x1b[2J"}] + [
    {"line": n, "reason": "too few fields", "raw": "1"} for n in range(4, 10)
]


def rows(*ids: int) -> pa.Table:
    at = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    return pa.table({"id": list(ids), "price": [Decimal("1.10")] * len(ids), "at": [at] * len(ids)})


@dataclass
class Story:
    committed: ObjectVersion
    duplicate: ObjectVersion
    quarantined: ObjectVersion
    failed: ObjectVersion
    staged: ObjectVersion
    unrouted: ObjectVersion
    good_batch: str
    bad_batch: str


@pytest.fixture(scope="module")
def story(lake: Lake, orders: Actor) -> Story:
    committed = orders.stage("a [bold].csv", bad=BAD, content="same", execution="shop-orders-1")
    duplicate = orders.stage("a [bold].csv", content="same")
    good = orders.open(committed)
    orders.write(good, rows(1, 2, 3))
    orders.commit(good)
    quarantined = orders.stage("nulls.csv")
    bad = orders.open(quarantined)
    orders.write(bad, rows(4), "FAILED", reason="it holds for 50% of the rows; wanted: all")
    lake.finisher.quarantine(orders.name, bad, orders.work.table)
    failed = orders.register(orders.drop("broken.csv"))
    lake.catalog.move(failed, Status.FAILED, orders.name, reason="Runtime.ExitError: killed", hint="Give it memory.")
    unrouted = ObjectVersion(lake.settings[Setting.RAW_BUCKET], "lost/things/x.csv", "v1")
    event = ObjectCreated(unrouted, 5, "e", 1_700_000_000_000, "0A")
    lake.catalog.leave_unrouted(event, "no dataset lost/things is registered")
    return Story(committed, duplicate, quarantined, failed, orders.stage("waits.csv"), unrouted, good, bad)
