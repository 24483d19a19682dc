"""Reads an execution's history: each visit of a state, how long it took and what went wrong. Pure."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

MapIterations = tuple[tuple[str, int], ...]
"""The Map iterations around a state, outermost first: state names and indexes."""

_ENDED_BADLY = ("Failed", "TimedOut", "Aborted")


@dataclass(slots=True)
class Visit:
    """One visit of a state. `errors` are (error, cause) of failed attempts, in order."""

    state: str
    entered: datetime
    scope: MapIterations = ()
    before: str | None = None
    """The state before it; None if its machine begins with it."""
    left: datetime | None = None
    attempts: int = 0
    errors: list[tuple[str, str]] = field(default_factory=list)
    recovered: bool = False
    """A later attempt succeeded after `errors`."""
    input: str | None = None
    output: str | None = None
    """JSON as in the history; None if the history has none, or it is too large."""
    broken: bool = False
    """The iteration of a Map around it ended badly in it."""
    tried: list[datetime] = field(default_factory=list)
    """When each attempt was scheduled."""
    failed: list[datetime] = field(default_factory=list)
    """When each of `errors` happened."""
    runs: list[str] = field(default_factory=list)
    """Ids of the Glue job runs that it started."""

    @property
    def seconds(self) -> float | None:
        """Seconds from entry to exit; None while it runs, or if the execution ended inside it."""
        return (self.left - self.entered).total_seconds() if self.left else None

    def outcome(self, execution_status: str) -> str:
        """`done`, `retried` (done after failed attempts), `caught` (failed, and the machine went on), `failed`,
        `running`, or `left` when the execution ended around it."""
        if self.left:
            if not self.errors:
                return "done"
            return "retried" if self.recovered else "caught"
        if self.broken:
            return "failed"
        if execution_status == "RUNNING":
            return "running"
        return "failed" if self.errors and not self.recovered else "left"


def visits(events: Iterable[Mapping[str, Any]]) -> list[Visit]:
    """Visits in the order in which the states were entered. `events` are GetExecutionHistory's, oldest first."""
    reader = HistoryReader()
    for event in events:
        reader.read(event)
    return reader.visits


class HistoryReader:
    """Collects `visits` from the events of a history in order; later events add and change visits.

    It follows previousEventId, because events of concurrent iterations are interleaved.
    """

    def __init__(self) -> None:
        self.visits: list[Visit] = []
        self._entered: dict[str, list[Visit]] = {}
        self._owner: dict[int, Visit | None] = {}
        self._scope: dict[int, MapIterations] = {}
        self._exited: dict[int, str] = {}

    def read(self, event: Mapping[str, Any]) -> None:
        """Read the next event, as GetExecutionHistory has it."""
        kind, number, previous = event["type"], event["id"], event.get("previousEventId", 0)
        details = details_of(event)
        owner, scope = self._owner.get(previous), self._scope.get(previous, ())
        if kind.endswith("StateEntered"):
            before = self._exited.get(previous)
            owner = Visit(details["name"], event["timestamp"], scope, before, input=details.get("input"))
            self.visits.append(owner)
            self._entered.setdefault(owner.state, []).append(owner)
        elif kind.endswith("StateExited"):
            if left := self._open(details["name"], scope):
                left.left = event["timestamp"]
                self._entered[left.state].remove(left)
                left.output = details.get("output")
                scope = left.scope
            owner = None
            self._exited[number] = details["name"]
        elif kind.startswith("MapIteration"):
            if kind == "MapIterationFailed" and owner and owner.state != details["name"]:
                _break(owner, details, event["timestamp"])
            around = self._open(details["name"])
            outer = around.scope if around else ()
            # After a gap, which Map it is may be all that is known of an item.
            scope = (*outer, (details["name"], details["index"])) if kind == "MapIterationStarted" else outer
            owner = around
        elif owner:
            _note(owner, kind, details, event["timestamp"])
        self._owner[number], self._scope[number] = owner, scope

    def after_gap(self, events: Iterable[Mapping[str, Any]]) -> list[Visit]:
        """The visits that were read, as copies, and those of later `events`, before which some are missing.

        What follows from none of either is left out, but for states that are entered and items that begin.
        """
        reader = copy.deepcopy(self)
        for event in events:
            begins = event["type"].endswith("StateEntered") or event["type"] == "MapIterationStarted"
            if begins or event.get("previousEventId", 0) in reader._owner:
                reader.read(event)
        return reader.visits

    def _open(self, state: str, scope: MapIterations | None = None) -> Visit | None:
        candidates = reversed(self._entered.get(state, []))
        return next((v for v in candidates if scope is None or v.scope == scope), None)


def _break(visit: Visit, details: Mapping[str, Any], at: datetime) -> None:
    """A Fail state has no event of its own that says what went wrong, and is left by none."""
    visit.broken = True
    if not visit.errors:
        visit.errors.append(("MapIterationFailed", f"item {details['index']} of {details['name']} ended here"))
        visit.failed.append(at)


def _note(visit: Visit, kind: str, details: Mapping[str, Any], at: datetime) -> None:
    if (run := _run_id(details)) and run not in visit.runs:
        visit.runs.append(run)
    if kind.endswith("Scheduled") or kind == "MapRunStarted":
        visit.attempts += 1
        visit.tried.append(at)
    elif kind.endswith(_ENDED_BADLY):
        visit.errors.append((details.get("error", kind), details.get("cause", "")))
        visit.failed.append(at)
        visit.recovered = False
    elif kind.endswith("Succeeded") and visit.errors:
        visit.recovered = True


def details_of(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """The member of an event with the details of its type; empty if it has none."""
    details = (value for name, value in event.items() if name.endswith("EventDetails"))
    return next(details, {})


def job_runs(events: Iterable[Mapping[str, Any]]) -> list[str]:
    """Ids of the Glue job runs that an execution started, in order."""
    return list(dict.fromkeys(_run_ids(events)))


def _run_ids(events: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    return (run for event in events if (run := _run_id(details_of(event))))


def _run_id(details: Mapping[str, Any]) -> str | None:
    if details.get("resourceType") != "glue":
        return None
    try:
        output = json.loads(details.get("output", ""))
    except ValueError:
        return None
    run = output.get("JobRunId") or output.get("Id") if isinstance(output, dict) else None
    return str(run) if run else None
