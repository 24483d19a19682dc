"""Where a redriven execution goes on: read from its definition and its history. No moto here.

Source: "Restarting state machine executions with redrive" of the Step Functions guide: a state is run again if it was
entered and not exited; of a Map and a Parallel, the iterations and branches that did not succeed; all of them after
`States.DataLimitExceeded`. Nothing is entered again: the new events follow the old event that entered.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Event = Mapping[str, Any]

_RUN_ALL_AGAIN = ("States.DataLimitExceeded", "States.Runtime")


@dataclass(frozen=True, slots=True)
class Done:
    """A part that succeeded: its output is used again."""

    output: Any


@dataclass(frozen=True, slots=True)
class Resume:
    """A part (the machine, an iteration, a branch) that goes on at `state` with `input`.

    `entered`, `started` and `iteration` hold the id of the event that is not told again: at most one, taken out when it
    is used, since a later pass through the same state tells its own. `parts` are those of a Map, by index, and of a
    Parallel, by the branch's first state; they too are taken out.
    """

    state: str
    input: Any
    entered: list[int] = field(default_factory=list)
    started: list[int] = field(default_factory=list)
    iteration: list[int] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)
    parts: dict[int | str, Resume | Done] = field(default_factory=dict)


def plan(definition: Mapping[str, Any], events: Sequence[Event], execution_input: Any) -> Resume | Done:
    """How the execution with this history goes on."""
    return _part(definition, events, _History(events)) or Resume(definition["StartAt"], execution_input)


class _History:
    def __init__(self, events: Sequence[Event]) -> None:
        self._events = events
        self._by_id = {event["id"]: event for event in events}
        failed: Event = next((event for event in reversed(events) if event["type"] == "ExecutionFailed"), {})
        self.error = failed.get("executionFailedEventDetails", {}).get("error")

    def cause(self, event: Event) -> Event | None:
        return self._by_id.get(event["previousEventId"])

    def has_nearest(self, event: Event, kind: str, wanted: int) -> bool:
        """Whether `wanted` is the nearest event of a type among those that led to this one."""
        cause = self.cause(event)
        while cause is not None and cause["type"] != kind:
            cause = self.cause(cause)
        return cause is not None and cause["id"] == wanted

    def after(self, first: int) -> list[Event]:
        """The events that `first` led to. An event has a larger id than its cause."""
        led = {first}
        found = []
        for event in self._events:
            if event["previousEventId"] in led:
                led.add(event["id"])
                found.append(event)
        return found


def _part(container: Mapping[str, Any], events: Sequence[Event], history: _History) -> Resume | Done | None:
    """What became of one pass through a container of states; None if nothing was entered.

    Names of states are unique in a machine: of `events`, those of the container's states are told by their names.
    """
    states = container["States"]
    own = [event for event in events if _state_name(event) in states]
    entered = next((event for event in reversed(own) if event["type"].endswith("Entered")), None)
    if entered is None:
        return None
    name = _state_name(entered) or ""
    if own[-1]["type"].endswith("Exited"):
        following = _following(states[name], own[-1], history)
        if following is not None:
            return following
    started, parts = _parts(states[name], name, entered, history)
    return Resume(
        name,
        json.loads(entered["stateEnteredEventDetails"]["input"]),
        entered=[entered["id"]],
        started=[] if started is None else [started],
        variables={key: value for event in own for key, value in _assigned(event).items()},
        parts=parts,
    )


def _following(state: Mapping[str, Any], exited: Event, history: _History) -> Resume | Done | None:
    """An execution may end between two states. None: what comes next is not known, and the state is run again."""
    output = json.loads(exited["stateExitedEventDetails"]["output"])
    if state.get("End") or state["Type"] == "Succeed":
        return Done(output)
    was_caught = (history.cause(exited) or exited)["type"].endswith(("Failed", "TimedOut"))
    return None if was_caught or "Next" not in state else Resume(state["Next"], output)


def _parts(
    state: Mapping[str, Any], name: str, entered: Event, history: _History
) -> tuple[int | None, dict[int | str, Resume | Done]]:
    """The parts of a Map or a Parallel that need not start anew, and the id of the event that started them."""
    if state["Type"] not in ("Map", "Parallel") or history.error in _RUN_ALL_AGAIN:
        return None, {}
    began, kind = f"{state['Type']}StateEntered", f"{state['Type']}StateStarted"
    led = history.after(entered["id"])
    starts = [event for event in led if event["type"] == kind and history.has_nearest(event, began, entered["id"])]
    if not starts:
        return None, {}
    # A Retry of the state starts all of it again.
    last = starts[-1]
    if state["Type"] == "Map":
        found = _iterations(state, name, last, history)
        whole = last["mapStateStartedEventDetails"]["length"]
    else:
        found = _branches(state, last, history)
        whole = len(state["Branches"])
    if len(found) == whole and all(isinstance(part, Done) for part in found.values()):
        # The Map or the Parallel itself failed, on what its parts gave.
        return None, {}
    return last["id"], found


def _iterations(
    state: Mapping[str, Any], name: str, started: Event, history: _History
) -> dict[int | str, Resume | Done]:
    processor = state.get("ItemProcessor") or state["Iterator"]
    owner: dict[int, Event] = {}
    events: dict[int, list[Event]] = {}
    for event in history.after(started["id"]):
        # The iterations of one worker follow each other: an event belongs to the nearest one.
        first = event if _starts_iteration(event, name) else owner.get(event["previousEventId"])
        if first is not None:
            owner[event["id"]] = first
            events.setdefault(first["id"], []).append(event)
    found: dict[int | str, Resume | Done] = {}
    for first_id, own in events.items():
        part = _part(processor, own, history)
        if isinstance(part, Resume):
            part.iteration.append(first_id)
        if part is not None:
            found[own[0]["mapIterationStartedEventDetails"]["index"]] = part
    return found


def _branches(state: Mapping[str, Any], started: Event, history: _History) -> dict[int | str, Resume | Done]:
    led = history.after(started["id"])
    found = {branch["StartAt"]: _part(branch, led, history) for branch in state["Branches"]}
    return {first: part for first, part in found.items() if part is not None}


def _starts_iteration(event: Event, map_name: str) -> bool:
    return bool(event.get("mapIterationStartedEventDetails", {}).get("name") == map_name)


def _state_name(event: Event) -> str | None:
    details = event.get("stateEnteredEventDetails") or event.get("stateExitedEventDetails") or {}
    name: str | None = details.get("name")
    return name


def _assigned(event: Event) -> dict[str, Any]:
    assigned = event.get("stateExitedEventDetails", {}).get("assignedVariables") or {}
    return {name: json.loads(value) for name, value in assigned.items()}
