"""A state machine: its graph, and the statuses of its newest executions."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from pipeline.console.console import PageRequest
from pipeline.console.drawings import drawn
from pipeline.console.pages import Document, page
from pipeline.core.clients import client
from pipeline.core.clock import iso
from pipeline.core.errors import NotThere
from pipeline.operate.executions import STATUSES, Run, page_of
from pipeline.operate.flows import flows_of, title_of

NEWEST = 1000
"""How many executions are counted: as many as one call of ListExecutions returns."""
FAILED = ("FAILED", "TIMED_OUT", "ABORTED")
SHOWN = 5


def build(request: PageRequest) -> Document:
    """The page of the machine `name`; `NotThere` for one that no flow publishes."""
    name, machines = request.path["name"], flows_of(request.lake).machines
    if name not in machines:
        there = ", ".join(each if title_of(each) == each else f"{each} ({title_of(each)})" for each in machines)
        raise NotThere(f"{name!r} is not a machine of a flow", hint=f"There are: {there}.")
    described = client("stepfunctions").describe_state_machine(stateMachineArn=machines[name].arn)
    newest, more = page_of(request.lake, name, limit=NEWEST)
    met = Counter(run.status for run in newest)
    failed = [run for run in newest if run.status in FAILED]
    return {
        "title": title_of(name),
        "machine": name,
        "name": described["name"],
        "comment": json.loads(described["definition"]).get("Comment"),
        "executions": len(newest),
        "is_all": more is None,
        "since": iso(newest[-1].started) if newest else None,
        "statuses": {status: met[status] for status in STATUSES},
        "failed": [_row(run) for run in failed[:SHOWN]],
        "graph": drawn(json.loads(described["definition"])),
        "definition": described["definition"],
    }


def _row(run: Run) -> dict[str, Any]:
    return {"name": run.name, "status": run.status, "started": iso(run.started)}


ROUTES = page("/machines/{name}", "machine.html", build, live=True)
