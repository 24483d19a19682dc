"""The list of executions: pages as Step Functions gives them, of one machine or the newest of all flows."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pipeline.console.console import Asked
from pipeline.console.pages import Document, page
from pipeline.core.clients import client
from pipeline.core.errors import NotThere
from pipeline.core.executions import name_for
from pipeline.lake.datasets import DatasetName
from pipeline.lake.services import Lake
from pipeline.operate.arguments import dataset_name
from pipeline.operate.executions import STATUSES, Run, check, find, others, page_of, parsed, runs
from pipeline.operate.flows import STAGE_A, STAGE_B, flows_of, title_of

ROWS = 25
LOOKED_AT = 1000
"""Executions of Stage A, newest first, among which those of one dataset are looked for: AWS cannot be asked."""


def build(asked: Asked) -> Document:
    """Parameters: `machine` a, b or another's name, `status`, `dataset`, `name` (whole), `token` of a later page of
    one machine."""
    query = asked.query
    machine, status = query.get("machine") or None, (query.get("status") or "").upper() or None
    check(asked.lake, machine, status)
    dataset = dataset_name(query["dataset"]) if query.get("dataset") else None
    following, note = None, None
    if query.get("name"):
        found = _named(asked.lake, query["name"].strip())
        note = None if found else f"No execution is named {query['name']!r}: names are searched for whole."
    elif dataset:
        found = _of_dataset(asked.lake, dataset, machine, status)
        note = f"Of Stage A, among its newest {LOOKED_AT:,} executions."
    elif machine:
        found, following = page_of(asked.lake, machine, status, limit=ROWS, token=query.get("token"))
    else:
        found = runs(asked.lake, None, status, ROWS)
        note = "The newest of all flows; choose a machine to see all." if len(found) == ROWS else None
    return {
        "title": "Executions",
        "machines": {name: title_of(name) for name in flows_of(asked.lake).machines},
        "others": sorted(others(asked.lake)),
        "statuses": list(STATUSES),
        "filters": {n: query.get(n, "") for n in ("machine", "status", "dataset", "name")},
        "executions": _rows(found, asked),
        "next": following,
        "is_first": not query.get("token"),
        "note": note,
    }


def _rows(found: list[Run], asked: Asked) -> list[dict[str, Any]]:
    names = [str(registration.name) for registration in asked.lake.registry.all()]
    return [
        {
            **run.to_json(),
            "seconds": round(run.seconds(asked.now), 1),
            "dataset": _dataset(run, names),
        }
        for run in found
    ]


def _dataset(run: Run, names: list[str]) -> str | None:
    if not run.is_of_lake:
        return None
    return _named_after(run, names) if run.machine == STAGE_A else _loaded_by(run.arn)


def _named_after(run: Run, datasets: list[str]) -> str | None:
    """The dataset by whose name an execution of Stage A begins; what follows is a digest of 32 digits."""
    return next((name for name in datasets if run.name.startswith(name_for(name, "")[:-32])), None)


@lru_cache(maxsize=4096)
def _loaded_by(arn: str) -> str | None:
    """The dataset that an execution of Stage B loads, as its input says; one call for each execution."""
    document = parsed(client("stepfunctions").describe_execution(executionArn=arn).get("input"))
    found = document.get("dataset") if isinstance(document, dict) else None
    return found if isinstance(found, str) else None


def _named(lake: Lake, name: str) -> list[Run]:
    try:
        return [find(lake, name)[0]]
    except NotThere:
        return []


def _of_dataset(lake: Lake, dataset: DatasetName, machine: str | None, status: str | None) -> list[Run]:
    """Executions of Stage A are named after the dataset, those of Stage B after the batch."""
    found: list[Run] = []
    if machine in (None, STAGE_A):
        prefix, token, seen = str(dataset).replace("/", "-") + "-", None, 0
        while len(found) < ROWS and seen < LOOKED_AT:
            newest, token = page_of(lake, STAGE_A, status, limit=LOOKED_AT, token=token)
            found += [run for run in newest if run.name.startswith(prefix)]
            seen += len(newest)
            if token is None:
                break
    if machine in (None, STAGE_B):
        batches = [batch.id for batch in lake.batches.newest(str(dataset), ROWS)]
        loads = [run for batch in batches for run in _named(lake, batch)]
        found += [run for run in loads if status in (None, run.status)]
    return sorted(found, key=lambda run: run.started, reverse=True)[:ROWS]


ROUTES = page("/executions", "executions.html", build, live=True)
