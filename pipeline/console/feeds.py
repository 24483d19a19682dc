"""Feeds: how far each is, what was put aside without its values, and what of its source leaves as what."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pipeline.console.console import PageRequest
from pipeline.console.pages import Document, page
from pipeline.core.errors import NotThere


def build_list(request: PageRequest) -> Document:
    """The list of feeds; empty where none is deployed."""
    return {"title": "Feeds", "feeds": [_line(state) for state in _states(request)]}


def build(request: PageRequest) -> Document:
    """One feed with its privacy report; `NotThere` for one that the lake has not."""
    from pipeline.operate.feeds.functions import administrator
    from pipeline.operate.feeds.state import privacy

    name = request.path["name"]
    found = next((state for state in _states(request) if state["feed"] == name), None)
    if found is None:
        raise NotThere(f"there is no feed {name} here", hint="The page of feeds lists them.")
    return {"title": name, **_line(found), "privacy": asdict(privacy(administrator(request.lake), name))}


def _states(request: PageRequest) -> list[dict[str, Any]]:
    # Brings PostgreSQL's client, which no other page needs.
    from pipeline.operate.feeds.functions import administrator
    from pipeline.operate.feeds.state import state_json, states

    try:
        ask = administrator(request.lake)
    except NotThere:
        return []
    return list(map(state_json, states(ask)))


def _line(state: dict[str, Any]) -> dict[str, Any]:
    imported = state["imported"]
    return {
        **state,
        "aside": sum(each["records"] for each in state["put_aside"]),
        "is_imported": bool(imported and imported["done"] == imported["parts"]),
    }


ROUTES = [
    *page("/feeds/{name}", "feed.html", build),
    *page("/feeds", "feeds.html", build_list),
]
