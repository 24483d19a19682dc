"""What people ask of a feed's import: a request in, an answer of plain values out, without a value of a row.

| `ask` | answer |
|---|---|
| `estimate` | `items`, `bytes`, `hours`, `within_retention` |
| `run` | `progress` after the last step within `seconds`, and whether it is `finished` |
| `compare` | a `Comparison`, and whether it `agrees` |
| `forget` | nothing |
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter

from pipeline.core.errors import BadInput
from pipeline.feeds.imports.comparison import Comparison
from pipeline.feeds.imports.ways import Way

COMPARISON = TypeAdapter(Comparison)
"""Writes one as JSON."""

SECONDS = 30
"""How long one request imports, unless it says otherwise: whoever waits for the answer sees how far it is."""


def answer(request: Mapping[str, Any], way: Way, now: Callable[[], float] = time.monotonic) -> dict[str, Any]:
    """The answer to a request; `BadInput` for what is none."""
    match request.get("ask"):
        case "estimate":
            estimate = way.estimate()
            return {**asdict(estimate), "within_retention": estimate.within_retention}
        case "run":
            return _run(way, float(request.get("seconds", SECONDS)), now)
        case "compare":
            found = way.compare()
            days = [{**day, "agrees": each.agrees} for day, each in zip(_days(found), found.days, strict=True)]
            return {**COMPARISON.dump_python(found, mode="json"), "days": days, "agrees": found.agrees}
        case "forget":
            way.forget()
            return {}
        case other:
            raise BadInput(f"{other!r} is none of estimate, run, compare, forget")


def _days(found: Comparison) -> list[dict[str, Any]]:
    days: list[dict[str, Any]] = COMPARISON.dump_python(found, mode="json")["days"]
    return days


def _run(way: Way, seconds: float, now: Callable[[], float]) -> dict[str, Any]:
    """Import for a while: what was read is written, and the next request goes on there."""
    ends, last = now() + seconds, None
    steps = way.run()
    for last in steps:
        if now() >= ends and last.done < last.parts:
            return {"progress": asdict(last), "finished": False}
    return {"progress": asdict(last) if last else None, "finished": True}
