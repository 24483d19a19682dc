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
from pipeline.operate.executions import MACHINES, STATUSES, Run, page_of

NEWEST = 1000
"""How many executions are counted: as many as one call of ListExecutions returns."""
FAILED = ("FAILED", "TIMED_OUT", "ABORTED")
SHOWN = 5


def build(request: PageRequest) -> Document:
    """The page of the machine `letter`, a or b; `NotThere` for another."""
    letter = request.path["letter"]
    if letter not in MACHINES:
        raise NotThere(f"{letter!r} is not a machine of the lake", hint="Give a (Stage A) or b (Stage B).")
    described = client("stepfunctions").describe_state_machine(stateMachineArn=request.lake.settings[MACHINES[letter]])
    newest, more = page_of(request.lake, letter, limit=NEWEST)
    met = Counter(run.status for run in newest)
    failed = [run for run in newest if run.status in FAILED]
    return {
        "title": f"Stage {letter.upper()}",
        "machine": letter,
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


ROUTES = page("/machines/{letter}", "machine.html", build, live=True)
