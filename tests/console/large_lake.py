"""A dataset of many objects as its catalog has them, without files: most are loaded, some failed in one night."""

from __future__ import annotations

import os
from typing import Any

from pipeline.core.clients import client
from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog import Status
from pipeline.lake.services import Lake
from pipeline.operate.connection import Connected
from tests.benchmarks.catalog_rows import Row, fill, row_of

OBJECTS = int(os.environ.get("SLUICE_TEST_OBJECTS", "1500"))
NIGHT = 1_700_000_000_000
BROKEN = "column price: the file has no such column"
ONE = "not UTF-8 at byte 7"


def fill_dataset(lake: Lake, dataset: str, endpoint: str) -> None:
    """Of `OBJECTS` objects 52 failed as `BROKEN`, one as `ONE`, 10 are quarantined, and of 7 rows were set aside."""

    def row(bucket: str, n: int) -> Row:
        obj = ObjectVersion(bucket, f"{dataset}/2026/Export-{n:04}.csv", f"v{n}")
        status, facts = _outcome(n)
        passed = (Status.REGISTERED, status)
        return row_of(
            obj, dataset, NIGHT + n * 1000, passed, rows_in=10, rows_out=10 - facts.get("rows_bad", 0), **facts
        )

    fill(Connected(lake, "local", endpoint), range(OBJECTS), row)


def _outcome(n: int) -> tuple[Status, dict[str, Any]]:
    if n == 333:
        return Status.FAILED, {"reason": ONE}
    if n < 1040 and n % 20 == 0:
        return Status.FAILED, {"reason": BROKEN}
    if n < 1000 and n % 100 == 1:
        return Status.QUARANTINED, {"reason": "its batch failed its rules"}
    return Status.COMMITTED, {"rows_bad": 3} if n in range(5, 12) else {}


class Calls:
    """Calls of AWS that were made while it was entered, by service and operation."""

    def __init__(self, *services: str) -> None:
        self.made: list[str] = []
        for service in services:
            client(service).meta.events.register("before-call", self._note, f"calls {id(self)}")

    def _note(self, model: Any, **_: Any) -> None:
        self.made.append(model.name)

    def take(self) -> list[str]:
        """Those that were made since it was asked last."""
        made, self.made = self.made, []
        return made
