"""The list of executions: of one machine page by page, or the newest of all flows."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pipeline.console.console import PageRequest
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
SEARCHED = 1000
"""How many of the newest executions of Stage A are searched for those of a dataset: AWS has no such filter."""


def build(request: PageRequest) -> Document:
    """Parameters: `machine` (a, b or the name of another), `status`, `dataset`, `name` (the whole name), `token` of a
    later page of one machine."""
    query = request.query
    machine, status = query.get("machine") or None, (query.get("status") or "").upper() or None
    check(request.lake, machine, status)
    dataset = dataset_name(query["dataset"]) if query.get("dataset") else None
    following, note = None, None
    if query.get("name"):
        listed = _named(request.lake, query["name"].strip())
        note = None if listed else f"No execution is named {query['name']!r}: names are searched for whole."
    elif dataset:
        listed = _of_dataset(request.lake, dataset, machine, status)
        note = f"Of Stage A, among its newest {SEARCHED:,} executions."
    elif machine:
        listed, following = page_of(request.lake, machine, status, limit=ROWS, token=query.get("token"))
    else:
        listed = runs(request.lake, None, status, ROWS)
        note = "The newest of all flows; choose a machine to see all." if len(listed) == ROWS else None
    return {
        "title": "Executions",
        "machines": {name: title_of(name) for name in flows_of(request.lake).machines},
        "others": sorted(others(request.lake)),
        "statuses": list(STATUSES),
        "filters": {n: query.get(n, "") for n in ("machine", "status", "dataset", "name")},
        "executions": _rows(listed, request),
        "next": following,
        "is_first": not query.get("token"),
        "note": note,
    }


def _rows(listed: list[Run], request: PageRequest) -> list[dict[str, Any]]:
    names = [str(registration.name) for registration in request.lake.registry.all()]
    return [
        {
            **run.to_json(),
            "seconds": round(run.seconds(request.now), 1),
            "dataset": _dataset(run, names),
        }
        for run in listed
    ]


def _dataset(run: Run, names: list[str]) -> str | None:
    if not run.is_of_lake:
        return None
    return _named_after(run, names) if run.machine == STAGE_A else _loaded_by(run.arn)


def _named_after(run: Run, datasets: list[str]) -> str | None:
    """The dataset of an execution of Stage A: its name is the prefix of the execution's, before 32 hex digits."""
    return next((name for name in datasets if run.name.startswith(name_for(name, "")[:-32])), None)


@lru_cache(maxsize=4096)
def _loaded_by(arn: str) -> str | None:
    """The dataset that an execution of Stage B loads, as its input says; one call for each execution."""
    document = parsed(client("stepfunctions").describe_execution(executionArn=arn).get("input"))
    dataset = document.get("dataset") if isinstance(document, dict) else None
    return dataset if isinstance(dataset, str) else None


def _named(lake: Lake, name: str) -> list[Run]:
    try:
        return [find(lake, name)[0]]
    except NotThere:
        return []


def _of_dataset(lake: Lake, dataset: DatasetName, machine: str | None, status: str | None) -> list[Run]:
    """A dataset's executions: those of Stage A are named after the dataset, those of Stage B after a batch."""
    of_dataset: list[Run] = []
    if machine in (None, STAGE_A):
        prefix, token, seen = str(dataset).replace("/", "-") + "-", None, 0
        while len(of_dataset) < ROWS and seen < SEARCHED:
            newest, token = page_of(lake, STAGE_A, status, limit=SEARCHED, token=token)
            of_dataset += [run for run in newest if run.name.startswith(prefix)]
            seen += len(newest)
            if token is None:
                break
    if machine in (None, STAGE_B):
        batches = [batch.id for batch in lake.batches.newest(str(dataset), ROWS)]
        loads = [run for batch in batches for run in _named(lake, batch)]
        of_dataset += [run for run in loads if status in (None, run.status)]
    return sorted(of_dataset, key=lambda run: run.started, reverse=True)[:ROWS]


ROUTES = page("/executions", "executions.html", build, live=True)
