"""A state machine: its graph, the statuses of its newest executions, and a form that starts one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from pipeline.console.console import PageRequest
from pipeline.console.drawings import drawn
from pipeline.console.pages import ActionResult, Document, action, link, page
from pipeline.console.states import panel_of
from pipeline.core.clients import client
from pipeline.core.clock import iso
from pipeline.core.errors import NotThere, Refused
from pipeline.lake.services import Lake
from pipeline.operate.execution_starts import can_run_again, can_start, start
from pipeline.operate.executions import STATUSES, Run, find, others, page_of
from pipeline.operate.flows import flows_of, title_of

NEWEST = 1000
"""How many executions are counted: as many as one call of ListExecutions returns."""
FAILED = ("FAILED", "TIMED_OUT", "ABORTED")
SHOWN = 5


def build(request: PageRequest) -> Document:
    """The page of the machine `name`; `NotThere` if there is none.

    `from`: an execution whose input the form has. `state`: the one that the panel beside the graph is about.
    """
    name = request.path["name"]
    described = client("stepfunctions").describe_state_machine(stateMachineArn=_arn(request.lake, name))
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
        "panel": panel_of(json.loads(described["definition"]), request.query.get("state", "")),
        "graph": drawn(described["definition"]),
        "definition": described["definition"],
        "start": can_start(request.lake, name).to_json(),
        **_again(request),
    }


def _arn(lake: Lake, name: str) -> str:
    machines = flows_of(lake).machines
    if name in machines:
        return machines[name].arn
    own = others(lake)
    if name not in own:
        there = [each if title_of(each) == each else f"{each} ({title_of(each)})" for each in machines]
        raise NotThere(f"{name!r} is not a machine", hint=f"There are: {', '.join([*there, *sorted(own)])}.")
    return own[name]


def _again(request: PageRequest) -> dict[str, Any]:
    """What the form begins with: the input of the execution that is to run again, or nothing."""
    if not (name := request.query.get("from")):
        return {"input": "{}", "again": None}
    run, described = find(request.lake, name)
    can = can_run_again(request.lake, run).to_json()
    return {"input": described.get("input", "{}"), "again": run.name, **({"start": can} if can["why_not"] else {})}


def start_execution(request: PageRequest, fields: Mapping[str, str]) -> ActionResult:
    """Start an execution with the input of the form; `NotThere` for no machine. What publishes has to be confirmed."""
    machine = request.path["name"]
    _arn(request.lake, machine)
    if can_start(request.lake, machine).publishes and fields.get("sure") != "yes":
        raise Refused("its run publishes data: confirm that it is meant", hint="Go back and tick the box, too.")
    # A browser sends the ends of lines as of a mail.
    text = fields.get("input", "").replace("\r\n", "\n")
    name = start(request.lake, machine, text, fields.get("name"))
    return ActionResult(link(f"/executions/{name}"), f"Started {name}.")


def _row(run: Run) -> dict[str, Any]:
    return {"name": run.name, "status": run.status, "started": iso(run.started)}


ROUTES = [
    action("/machines/{name}/start", start_execution),
    *page("/machines/{name}", "machine.html", build, live=True),
]
