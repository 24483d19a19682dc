"""The console's pages that `console` measures, the bare calls of AWS that some of them cannot do without, and batches
as they stand in their table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from ulid import ULID

from pipeline.core.clients import client
from pipeline.core.clock import iso, system_clock
from pipeline.core.dynamo import encode
from pipeline.lake.batches.records import BatchStatus, batch_item
from pipeline.lake.settings import Setting
from pipeline.operate.connection import Connected
from tests.benchmarks.catalog_rows import AT_ONCE

FIRST = "demo-orders-first"
"""The name of an execution."""
BATCHES = 50
"""Of each dataset."""
OBJECTS = 100
"""Of a batch."""


def pages_of(connected: Connected, dataset: str, batch: str) -> list[str]:
    """Every page of the console that a lake of the main flow has something for, and the lists of the others."""
    raw = connected.lake.settings[Setting.RAW_BUCKET]
    return [
        "/",
        "/datasets",
        f"/datasets/{dataset}",
        f"/datasets/{dataset}/days",
        f"/definition?dataset={dataset}",
        f"/batches/{batch}?dataset={dataset}",
        f"/browse?at={quote(f's3://{raw}/{dataset}/')}",
        f"/object?uri={quote(f's3://{raw}/{dataset}/0.csv')}",
        "/objects",
        f"/objects?dataset={dataset}",
        f"/objects?dataset={dataset}&status=FAILED",
        f"/objects?dataset={dataset}&attention=yes",
        f"/objects?dataset={dataset}&name=99.csv",
        "/objects?reason=somebody",
        "/search?q=99.csv",
        "/executions",
        "/executions?status=SUCCEEDED",
        "/executions?name=-99",
        f"/executions/{FIRST}",
        f"/executions/{FIRST}/steps/0",
        "/machines/a",
        "/schedules",
        "/queues",
        "/query",
        "/logs",
        "/feeds",
        "/forecasts",
        "/docs/console.md",
        "/glossary",
    ]


def bare_calls(connected: Connected, dataset: str) -> dict[str, Callable[[], object]]:
    """By page, the calls that somebody with boto3 alone would make for the same lines, one after another."""
    dynamodb, settings = client("dynamodb"), connected.lake.settings
    table, machine = settings[Setting.OBJECTS_TABLE], settings[Setting.STAGE_A_MACHINE]

    def rows(partition: str) -> None:
        found = dynamodb.query(
            TableName=table,
            IndexName="open" if partition.endswith("FAILED") else "outcomes",
            KeyConditionExpression=f"{'open' if partition.endswith('FAILED') else 'outcome'}_pk = :p",
            ExpressionAttributeValues={":p": {"S": partition}},
            ScanIndexForward=False,
            Limit=51,
        )["Items"]
        keys = [{name: item[name] for name in ("path", "version_id")} for item in found[:50]]
        dynamodb.batch_get_item(RequestItems={table: {"Keys": keys, "ConsistentRead": True}})

    def named() -> None:
        pages = dynamodb.get_paginator("scan").paginate(
            TableName=table,
            IndexName="outcomes",
            FilterExpression="contains(#p, :n)",
            ExpressionAttributeNames={"#p": "path"},
            ExpressionAttributeValues={":n": {"S": "99.csv"}},
        )
        sum(page["Count"] for page in pages)

    def executions() -> None:
        client("stepfunctions").list_executions(stateMachineArn=machine, maxResults=26)

    return {
        "/objects": lambda: rows(f"{dataset}#COMMITTED"),
        f"/objects?dataset={dataset}": lambda: rows(f"{dataset}#COMMITTED"),
        f"/objects?dataset={dataset}&status=FAILED": lambda: rows(f"{dataset}#FAILED"),
        "/search?q=99.csv": named,
        "/executions": executions,
    }


def fill_batches(connected: Connected, datasets: Sequence[str]) -> str:
    """Give each dataset batches that have ended, and return the id of one of the first dataset."""
    lake, now, ids = connected.lake, iso(system_clock()), []
    raw, table = lake.settings[Setting.RAW_BUCKET], lake.settings[Setting.BATCHES_TABLE]
    for dataset in datasets:
        rows = [_batch(dataset, str(ULID()), f"{raw}/{datasets[0]}", now, n) for n in range(BATCHES)]
        ids.append(rows[-1]["item"].removeprefix(batch_item("")))
        for first in range(0, BATCHES, AT_ONCE):
            puts = [{"PutRequest": {"Item": encode(row)}} for row in rows[first : first + AT_ONCE]]
            client("dynamodb").batch_write_item(RequestItems={table: puts})
    return ids[0]


def _batch(dataset: str, name: str, folder: str, now: str, n: int) -> dict[str, Any]:
    return {
        "dataset": dataset,
        "item": batch_item(name),
        "status": (BatchStatus.FAILED if n % 25 == 0 else BatchStatus.COMMITTED).value,
        "candidates": [[f"{folder}/{2 * each}.csv", f"v{2 * each}"] for each in range(OBJECTS)],
        "opened": now,
        "ended": now,
        "objects": OBJECTS,
        "staged_bad_rows": n % 3,
    }
