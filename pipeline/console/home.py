"""Home: what the lake is doing now, what waits, and what is wrong, each with a link to its cause."""

from __future__ import annotations

from typing import Any

from pipeline.console.console import PageRequest
from pipeline.console.counts import Arrivals
from pipeline.console.pages import Document, page
from pipeline.core.clock import iso
from pipeline.lake.catalog import Status
from pipeline.operate.attention import Issue
from pipeline.operate.executions import Run
from pipeline.operate.flows import title_of
from pipeline.operate.progress import Progress
from pipeline.operate.status import Summary

RECENT = 8

ZONES = (
    ("raw", "arrived", (Status.REGISTERED, Status.UNROUTED)),
    ("staging", "waits for a batch", (Status.STAGED,)),
    ("batch", "being loaded", (Status.CLAIMED,)),
)
"""Objects that are still being processed, by zone, in the order of the flow."""
ISSUES = 20
"""Issues that the page shows; its twin has all."""


def build(request: PageRequest) -> Document:
    """The home page: progress as of now, and a summary of the catalog, seconds old, or minutes in a large lake."""
    lake = request.lake
    progress = request.console.progress.newest(lake)
    counted = request.console.counts.newest(lake)
    now = request.console.running.newest(lake)
    return {
        "title": "Home",
        "settled": progress.is_settled if progress else None,
        "flow": _flow(progress) if progress else [],
        "running": [_run(run) for run in now.running[:RECENT]] if now else None,
        "number_running": len(now.running) if now else None,
        "failed": [_run(run) for run in now.failed[:RECENT]] if now else None,
        "failed_of_all": len(now.failed) if now else None,
        "of_all_machines": now.is_of_all if now else False,
        "more_failed": now.more if now else False,
        "counted_at": iso(counted.at) if counted else None,
        "is_behind": request.console.counts.is_behind,
        "shown": ISSUES,
        "summary": _summary(counted.summary) if counted else None,
        "arrivals": _arrivals(counted.arrivals, counted.summary) if counted and counted.arrivals else None,
        "waiting": {name: each.to_json() for name, each in counted.waiting.items()} if counted else {},
    }


def _run(run: Run) -> dict[str, Any]:
    return {**run.to_json(), "machine_title": title_of(run.machine)}


def _flow(progress: Progress) -> list[dict[str, Any]]:
    queued = {"zone": "queue", "what": "events queued", "objects": progress.messages}
    zones = [{"zone": zone, "what": what, "objects": progress.count(*s)} for zone, what, s in ZONES]
    return [queued, *zones]


def _summary(summary: Summary) -> dict[str, Any]:
    document = summary.to_json()
    document["attention"] = [
        {**shown, "to": _cause(trouble)} for shown, trouble in zip(document["attention"], summary.troubles, strict=True)
    ]
    return document


def _cause(trouble: Issue) -> dict[str, str | None]:
    """A link to the cause: a path of the console, its parameter `uri`, and the link's text."""
    if trouble.status == "DEAD_LETTERS":
        path = f"/queues/{trouble.dataset}" if trouble.dataset else "/queues"
        return {"path": path, "uri": None, "name": "the messages"}
    name = (trouble.example or "").removeprefix("s3://").partition("/")[2]
    return {"path": "/object", "uri": trouble.example, "name": name}


def _arrivals(arrivals: Arrivals, summary: Summary) -> dict[str, Any]:
    begins = arrivals.now - arrivals.span * len(arrivals.bars)
    return {
        "from": iso(begins),
        "to": iso(arrivals.now),
        "objects": arrivals.objects,
        "is_all": arrivals.objects >= sum(of_it.total() for of_it in summary.objects.values()),
        "minutes": arrivals.span.total_seconds() / 60,
        "most": max((bar.total() for bar in arrivals.bars), default=0),
        "bars": [dict(sorted(bar.items())) for bar in arrivals.bars],
    }


ROUTES = page("/", "home.html", build, live=True)
