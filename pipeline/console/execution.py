"""One execution: its machine drawn with each state's outcome, a timeline of its steps, and its first errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipeline.console.console import PageRequest
from pipeline.console.drawings import drawn
from pipeline.console.pages import ActionResult, Document, action, link, page
from pipeline.console.states import panel_in
from pipeline.console.steps import step_of
from pipeline.core.clients import client
from pipeline.core.errors import NotThere, Refused
from pipeline.lake.causes import cause_of
from pipeline.operate.aftermath import of_run
from pipeline.operate.execution_search import outcome_of
from pipeline.operate.execution_starts import can_redrive, can_run_again
from pipeline.operate.execution_starts import redrive as resume_execution
from pipeline.operate.executions import Run, about, find, parsed, redriven
from pipeline.operate.flows import STAGE_B, flows_of, log_name, title_of
from pipeline.operate.formatting import counted
from pipeline.operate.logs import functions_of
from pipeline.operate.redrive import redrive_execution
from pipeline.state_machines.calls import functions

STEPS = 20
"""Steps on one page."""
OBJECTS = 10
FAILURES = 5


def build(request: PageRequest) -> Document:
    """The page of an execution.

    Parameters: `step`, the first step that is listed (from 0); `only=failed`; `state`, the one that the panel beside
    the graph is about, and `visit`, the number of a step of it.
    """
    run, described = find(request.lake, request.path["name"])
    history = request.console.histories.of(run)
    seen = history.visits
    definition = client("stepfunctions").describe_state_machine_for_execution(executionArn=run.arn)["definition"]
    machine = json.loads(definition)
    chosen = [(n, v) for n, v in enumerate(seen) if request.query.get("only") != "failed" or v.errors]
    first = min(request.number("step", 0, least=0, most=100_000), max(len(chosen) - 1, 0))
    total = run.seconds(request.now)
    carried = _carried(run, described)
    since = of_run(request.lake, run, described)
    return {
        **run.to_json(),
        "outcome": outcome_of(request.lake, run, carried["dataset"]),
        "title": run.name,
        "is_running": run.status == "RUNNING",
        "ended": run.status != "RUNNING" and history.is_whole,
        "events": history.events,
        "is_whole": history.is_whole,
        "seconds": round(total, 1),
        "about": about(run, described),
        "problem": _problem(described),
        "error": described.get("error"),
        "cause": described.get("cause"),
        "input": described.get("input"),
        "output": described.get("output"),
        "carried": carried,
        "since": since.to_json(),
        "again": can_run_again(request.lake, run).to_json(),
        "resume": can_redrive(request.lake, run, described).to_json(),
        "can_redrive": since.left > 0 and (run.status not in ("RUNNING", "SUCCEEDED") or any(v.errors for v in seen)),
        "panel": panel_in(machine, request.query.get("state", ""), seen, request.query.get("visit", ""), run, total),
        "ticks": [round(total * quarter / 4, 3) for quarter in range(5)],
        "failures": [step_of(n, v, run, total) for n, v in history.failed[:FAILURES]],
        "graph": drawn(definition, seen, run.status),
        "steps": [step_of(n, visit, run, total) for n, visit in chosen[first : first + STEPS]],
        "logs": {
            state: source for state, called in functions(machine).items() if (source := log_name(request.env, called))
        },
        "first": first,
        "number": len(chosen),
        "page": STEPS,
        "only": request.query.get("only", ""),
        "functions": functions_of(request.lake, request.env, run),
        "is_of_lake": run.is_of_lake,
        "machine_title": title_of(run.machine),
        "is_published": run.machine in flows_of(request.lake).machines,
        "definition": definition,
    }


def build_step(request: PageRequest) -> Document:
    """One step with its whole input and output. `NotThere` if the execution has no such step."""
    run, _ = find(request.lake, request.path["name"])
    seen = request.console.histories.of(run, patience=None).visits
    number = request.path["number"]
    if not number.isdecimal() or int(number) >= len(seen):
        raise NotThere(f"execution {run.name} has no step {number}", hint=f"It has {counted(len(seen), 'step')}.")
    visit = seen[int(number)]
    step = step_of(int(number), visit, run, run.seconds(request.now), whole=True)
    return {**step, "title": f"{visit.state}, step {int(number) + 1} of {run.name}", "name": run.name}


def _problem(described: Mapping[str, Any]) -> str | None:
    if not described.get("error"):
        return None
    return cause_of({"Error": described["error"], "Cause": described.get("cause") or ""})


def _carried(run: Run, described: Mapping[str, Any]) -> dict[str, Any]:
    """The batch or the objects that the execution works on."""
    document = parsed(described.get("input"))
    carried: dict[str, Any] = {"dataset": None, "batch": None, "objects": [], "more": 0}
    if not isinstance(document, dict) or not run.is_of_lake:
        return carried
    carried["dataset"] = document.get("dataset") if isinstance(document.get("dataset"), str) else None
    if run.machine == STAGE_B:
        carried["batch"] = run.name
        return carried
    items = document.get("objects")
    objects = [each for each in items if isinstance(each, dict)] if isinstance(items, list) else []
    carried["objects"] = [
        {"uri": f"s3://{each.get('bucket')}/{each.get('key')}", "version": each.get("version_id")}
        for each in objects[:OBJECTS]
    ]
    carried["more"] = max(len(objects) - OBJECTS, 0)
    return carried


def redrive(request: PageRequest, fields: Mapping[str, str]) -> ActionResult:
    """Redrive what the execution worked on: its batch, or its objects."""
    name = request.path["name"]
    done = redrive_execution(request.lake, name)
    message, good = redriven(done)
    to = link(f"/executions/{done.batch}") if done.batch else link(f"/executions/{name}")
    return ActionResult(to, message, good=good)


def resume(request: PageRequest, fields: Mapping[str, str]) -> ActionResult:
    """Let Step Functions go on with an execution from the state in which it failed."""
    run, described = find(request.lake, request.path["name"])
    if can_redrive(request.lake, run, described).publishes and fields.get("sure") != "yes":
        raise Refused("its run publishes data: confirm that it is meant", hint="Use the button on its page.")
    resume_execution(request.lake, run, described)
    return ActionResult(link(f"/executions/{run.name}"), "It goes on from where it failed.")


def stop(request: PageRequest, fields: Mapping[str, str]) -> ActionResult:
    """Stop a running execution. Its batch or objects are marked as failed, and can be redriven."""
    run, _ = find(request.lake, request.path["name"])
    client("stepfunctions").stop_execution(executionArn=run.arn, error="Stopped", cause="stopped in the console")
    consequence = " Its batch or objects are marked as failed: redrive sends them back." if run.is_of_lake else ""
    return ActionResult(link(f"/executions/{run.name}"), f"Stopped.{consequence}")


ROUTES = [
    action("/executions/{name}/redrive", redrive),
    action("/executions/{name}/resume", resume),
    action("/executions/{name}/stop", stop),
    *page("/executions/{name}/steps/{number}", "step.html", build_step),
    *page("/executions/{name}", "execution.html", build, live=True),
]
