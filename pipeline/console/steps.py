"""The steps of an execution as pages show them: when, how often tried, with what, and what each changed."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from pipeline.console.folds import indented
from pipeline.core.clock import iso
from pipeline.lake.causes import cause_of
from pipeline.operate.executions import Run
from pipeline.state_machines.differences import MOST, differences
from pipeline.state_machines.history import Visit

TEXT = 800
"""Characters of a step's input and of its output that lists of steps have."""
COMPARED = 50_000
"""Characters of texts that lists compare; the page of a step compares all."""
CHANGES = 12
"""Differences that lists show of a step."""
PRINTS_ON = timedelta(seconds=1)
"""A function's last log lines may be later than its answer by this much."""


def step_of(number: int | None, visit: Visit, run: Run, total: float, *, whole: bool = False) -> dict[str, Any]:
    """A step of an execution that takes `total` seconds; `whole` with all of its texts. `number` is None of one before
    which some are not read."""
    offset = _since(run, visit.entered)
    took = visit.seconds
    texts = {"input": visit.input, "output": visit.output}
    return {
        "step": number,
        "state": visit.state,
        "iteration": [{"state": state, "index": index} for state, index in visit.scope],
        "before": visit.before,
        "entered": iso(visit.entered),
        "printed": {"from": iso(visit.entered), "to": iso(visit.left + PRINTS_ON) if visit.left else None},
        "offset": round(offset, 3),
        "seconds": took,
        "share": _share(offset, offset + took if took is not None else total, total),
        "outcome": visit.outcome(run.status),
        "attempts": visit.attempts,
        "tries": _tries(visit, run, total),
        "errors": [{"error": e, "cause": c, "told": cause_of({"Error": e, "Cause": c})} for e, c in visit.errors],
        "job_runs": visit.runs,
        **(texts if whole else {name: _cut(text) for name, text in texts.items()}),
        "is_cut": not whole and any(text is not None and len(text) > TEXT for text in texts.values()),
        "changes": _changes(visit, MOST if whole else CHANGES, whole=whole),
    }


def _since(run: Run, at: datetime) -> float:
    return (at.astimezone(run.started.tzinfo) - run.started).total_seconds()


def _share(start: float, end: float, total: float) -> dict[str, float]:
    """Where on a line of the whole execution a time is, in hundredths."""
    if not total:
        return {"from": 0, "for": 0}
    return {"from": round(100 * start / total, 2), "for": round(100 * max(end - start, 0) / total, 2)}


def _tries(visit: Visit, run: Run, total: float) -> list[dict[str, Any]]:
    """Each attempt, where there were several: its part of the line, and the error with which it failed."""
    if len(visit.tried) < 2:
        return []
    end = _since(run, visit.left) if visit.left else total
    tries = []
    for at, later in zip(visit.tried, [*visit.tried[1:], None], strict=True):
        failed = next((n for n, when in enumerate(visit.failed) if at <= when and not (later and when > later)), None)
        begun, until = _since(run, at), end if failed is None else _since(run, visit.failed[failed])
        error = None if failed is None else visit.errors[failed][0]
        tries.append({**_share(begun, until, total), "error": error, "seconds": round(until - begun, 3)})
    return tries


def _cut(text: str | None) -> str | None:
    """A long text indented before it is cut, so that its beginning can be read."""
    return text if text is None or len(text) <= TEXT else f"{indented(text)[:TEXT]}…"


def _changes(visit: Visit, most: int, *, whole: bool) -> list[dict[str, Any]] | None:
    """How what the step handed on differs from what the step before, or its Map, handed to it. None: not to be had."""
    if not whole and len(visit.input or "") + len(visit.output or "") > COMPARED:
        return None
    found = differences(visit.input, visit.output, most)
    return None if found is None else [asdict(each) for each in found]
