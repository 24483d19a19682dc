"""What may happen to an object, done to a catalog as the functions and jobs do it. What may not be changes nothing."""

from __future__ import annotations

from typing import Any

from pipeline.core.clients import client
from pipeline.core.dynamo import transact
from pipeline.core.events.s3 import SendAgain
from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog import Catalog, Staging, Status
from pipeline.lake.datasets import DatasetName
from pipeline.lake.messages.stage_a import StageAWork

BATCH = "b"
_MOVES = {"fail": Status.FAILED, "quarantine": Status.QUARANTINED, "gone": Status.GONE, "claim": Status.CLAIMED}
_STAGED = {"stage": (5, 0), "stage with bad rows": (2, 3), "stage without rows": (0, 0)}
_ENDS: dict[str, tuple[Status, dict[str, int]]] = {
    "commit": (Status.COMMITTED, {}),
    "set rows aside": (Status.COMMITTED, {"rows_set_aside": 2}),
    "repeat rows": (Status.COMMITTED, {"rows_repeated": 4}),
    "supersede": (Status.SUPERSEDED, {"rows_repeated": 0}),
}
SINGLE = (*_MOVES, *_STAGED, *_ENDS, "unclaim", "send again", "restage", "dismiss")
TOGETHER = {
    "load": ("stage", "claim", "commit"),
    "load with bad rows": ("stage with bad rows", "claim", "commit"),
    "load with rows set aside": ("stage", "claim", "set rows aside"),
    "load without rows": ("stage without rows", "claim", "commit"),
    "load again": ("send again", "stage", "claim", "commit"),
    "quarantine in a batch": ("stage", "claim", "quarantine"),
}
STEPS = (*SINGLE, *TOGETHER)


def do(catalog: Catalog, obj: ObjectVersion, dataset: DatasetName, step: str, *, checksum: str, once: bool) -> None:
    """One step, or several; `checksum` and `once` as of `Staging`."""
    for each in TOGETHER.get(step, (step,)):
        _do(catalog, obj, dataset, each, checksum, once)


def _do(catalog: Catalog, obj: ObjectVersion, dataset: DatasetName, step: str, checksum: str, once: bool) -> None:
    name, row = str(dataset), catalog.get(obj)
    assert row
    if step in _STAGED:
        good, bad = _STAGED[step]
        facts: dict[str, Any] = {"rows_in": good + bad, "rows_out": good, "rows_bad": bad, "staged": "s3://staging/x"}
        catalog.stage(Staging(StageAWork(obj, row.generation, 1), checksum, once, facts), name)
    elif step in _MOVES:
        batch = {"batch": BATCH} if step == "claim" else {}
        catalog.move(obj, _MOVES[step], name, reason="as told", **batch)
    elif step in _ENDS:
        status, found = _ENDS[step]
        transact(client("dynamodb"), [catalog.moving(obj, status, name, facts=found)])
    elif step == "unclaim":
        transact(client("dynamodb"), [catalog.unclaiming(obj, name, BATCH)])
    elif step == "send again":
        catalog.release_content(row)
        catalog.send_again(SendAgain(obj, row.generation + 1), dataset)
    elif step == "restage":
        catalog.restage(row, name, once=once)
    elif step == "dismiss":
        catalog.dismiss(row, "who", "why")
    else:
        raise ValueError(step)


def emptied(table: str) -> None:
    """No row is left of the history before."""
    for row in client("dynamodb").scan(TableName=table)["Items"]:
        key = {name: row[name] for name in ("path", "version_id")}
        client("dynamodb").delete_item(TableName=table, Key=key)
