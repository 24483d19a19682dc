"""Search: what a text may mean, of all that the lake has, each with the way to its page."""

from __future__ import annotations

from typing import Any

from pipeline.console.console import PageRequest
from pipeline.console.object_list import looked_at
from pipeline.console.pages import Document, link, page
from pipeline.operate.search import SHORT, Hit, Known, is_id, search

LOGS_SINCE = "1d"


def build(request: PageRequest) -> Document:
    """The page of what `q` may mean."""
    wanted = request.query.get("q", "").strip()
    counts = request.console.counts.newest(request.lake)
    there = counts.summary.objects if counts else None
    kept = request.console.objects
    recent = request.console.executions.newest(request.lake)
    known = Known(there, kept, recent.kept if recent else None, recent.batches if recent else None)
    hits = search(request.lake, wanted, known) if len(wanted) >= SHORT else []
    logs = link("/logs", text=wanted, since=LOGS_SINCE) if is_id(wanted) else None
    return {
        "title": f"Search: {wanted}" if wanted else "Search",
        "query": wanted,
        "is_short": len(wanted) < SHORT,
        "hits": [{**hit.to_json(), "to": _way(hit)} for hit in hits],
        "objects": link("/objects", name=wanted),
        "executions": link("/executions", name=wanted),
        "logs": logs,
        **looked_at(request, kept.is_of(request.lake) and len(wanted) >= SHORT),
    }


def _way(hit: Hit) -> str:
    ways: dict[str, dict[str, Any]] = {
        "dataset": {"path": f"/datasets/{hit.name}"},
        "column": {"path": f"/datasets/{hit.of}"},
        "batch": {"path": f"/batches/{hit.name}", "dataset": hit.of},
        "execution": {"path": f"/executions/{hit.name}"},
        "object": {"path": "/object", "uri": hit.name, "version": hit.version},
    }
    return link(**ways[hit.kind])


ROUTES = page("/search", "search.html", build, live=True)
