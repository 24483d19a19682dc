"""The list of executions: of all machines in one, or of one, by time, part of a name, dataset and outcome."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pipeline.console.console import PageRequest
from pipeline.console.pages import Document, link, page
from pipeline.core.clients import client
from pipeline.core.clock import iso
from pipeline.operate.execution_search import FIELDS, OUTCOMES, ExecutionFilter, Listed, search
from pipeline.operate.executions import others, parsed
from pipeline.operate.flows import STAGE_B, flows_of, title_of
from pipeline.operate.kept_executions import LOOKED
from pipeline.operate.recent_executions import Tally

ROWS = 25


def build(request: PageRequest) -> Document:
    """Parameters: `FIELDS` of an `ExecutionFilter`, and `after`, where a later page begins."""
    wanted = ExecutionFilter.of(request.lake, request.query)
    recent = request.console.executions.newest(request.lake)
    after = request.after()
    batches = recent.batches if recent else None
    kept = recent.kept if recent else None
    found = search(request.lake, wanted, ROWS, after=after, batches=batches, kept=kept)
    filters = {name: request.query.get(name, "").strip() for name in FIELDS}
    return {
        "title": "Executions",
        "machines": {name: title_of(name) for name in flows_of(request.lake).machines},
        "others": sorted(others(request.lake)),
        "statuses": list(OUTCOMES),
        "filters": filters,
        "executions": [_row(listed, request) for listed in found.executions],
        "looked_at": iso(found.at) if found.at else None,
        "is_behind": found.at is not None and request.console.executions.is_behind,
        "totals": _totals(recent.tally) if recent else None,
        "next": found.after,
        "is_first": after is None,
        "is_cut": found.is_cut,
        "looked": LOOKED,
        "ended": after is not None or wanted.is_narrow,
    }


def _totals(tally: Tally) -> dict[str, Any]:
    outcomes = [
        {"outcome": each, "executions": tally.outcomes[each], "to": link("/executions", status=each)}
        for each in OUTCOMES
        if tally.outcomes[each]
    ]
    return {"outcomes": outcomes, "executions": tally.outcomes.total(), "is_all": tally.is_all}


def _row(listed: Listed, request: PageRequest) -> dict[str, Any]:
    run = listed.run
    dataset = listed.dataset or (_loaded_by(run.arn) if run.machine == STAGE_B else None)
    return {**listed.to_json(), "seconds": round(run.seconds(request.now), 1), "dataset": dataset}


@lru_cache(maxsize=4096)
def _loaded_by(arn: str) -> str | None:
    """The dataset that an execution of Stage B loads, as its input says; one call for each execution. None for one that
    is gone since it was listed."""
    stepfunctions = client("stepfunctions")
    try:
        document = parsed(stepfunctions.describe_execution(executionArn=arn).get("input"))
    except stepfunctions.exceptions.ExecutionDoesNotExist:
        return None
    dataset = document.get("dataset") if isinstance(document, dict) else None
    return dataset if isinstance(dataset, str) else None


ROUTES = page("/executions", "executions.html", build, live=True)
