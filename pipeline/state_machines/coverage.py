"""Coverage: which states, retriers, catchers and choice rules of a definition executions have taken. Pure.

A history does not say which rule of a Choice, or which catcher, was taken if two lead to the same state. `probed`
makes a definition in which each leads there through a state of its own, so that histories show it. Retriers of a Map
or Parallel are left out: failures of these states have no name in the history.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.state_machines.history import Visit, visits

_PROBE = "way out "

DISTRIBUTED_ONLY = frozenset(
    {"ItemReader", "ItemBatcher", "ResultWriter", "Label", "ToleratedFailureCount", "ToleratedFailureCountPath"}
    | {"ToleratedFailurePercentage", "ToleratedFailurePercentagePath"}
)
"""The fields that only a distributed Map has."""

_NO_TASK_FAILURES = ("States.Timeout", "States.Runtime", "States.DataLimitExceeded")
"""Errors that `States.TaskFailed` does not match."""


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """A part of a definition that a test can take: the `place`-th (from 0) part of this `kind` in the state `state`."""

    state: str
    kind: str = "state"
    place: int = 0

    def __str__(self) -> str:
        if self.kind == "state":
            return self.state
        return f"{self.state}: {self.kind.replace('#', f'{self.place + 1}')}"


RETRIES = "retrier # retries"
STOPS = "retrier # gives up"
CATCHES = "catcher #"
CHOOSES = "choice rule #"
DEFAULT = "choice default"


def parts(definition: Mapping[str, Any]) -> list[Part]:
    """All parts of a definition, in its order."""
    return [part for name, state in _states(definition) for part in _parts_of(name, state)]


def states(definition: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Every state of a definition by its name, those inside Map and Parallel as well."""
    return dict(_states(definition))


def _states(machine: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every state, those inside Map and Parallel after the one that holds them."""
    for name, state in machine.get("States", {}).items():
        yield name, state
        for _, inner in inner_machines(state):
            yield from _states(inner)


def is_distributed(state: Mapping[str, Any]) -> bool:
    """Whether a state is a distributed Map, whose iterations run as executions of their own."""
    if state.get("Type") != "Map":
        return False
    processor = state.get("ItemProcessor") or state.get("Iterator") or {}
    config = processor.get("ProcessorConfig") or {} if isinstance(processor, dict) else {}
    mode = config.get("Mode") if isinstance(config, dict) else None
    return mode == "DISTRIBUTED" or not DISTRIBUTED_ONLY.isdisjoint(state)


def inner_machines(state: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The fields and definitions of the machines inside a Map or Parallel state; none of a distributed Map."""
    if is_distributed(state):
        return
    for field in ("ItemProcessor", "Iterator"):
        if state.get(field):
            yield field, state[field]
    for number, branch in enumerate(state.get("Branches", [])):
        yield f"Branches[{number}]", branch


def _parts_of(name: str, state: Mapping[str, Any]) -> Iterator[Part]:
    yield Part(name)
    retriers = state.get("Retry", []) if state.get("Type") == "Task" else []
    for place, retrier in enumerate(retriers):
        if retrier.get("MaxAttempts", 3):
            yield Part(name, RETRIES, place)
        yield Part(name, STOPS, place)
    for place, _ in enumerate(state.get("Catch", [])):
        yield Part(name, CATCHES, place)
    for place, _ in enumerate(state.get("Choices", [])):
        yield Part(name, CHOOSES, place)
    if "Default" in state:
        yield Part(name, DEFAULT)


def probed(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The same machine with a Pass state on each transition out of a Choice and of a catcher."""
    copied: dict[str, Any] = json.loads(json.dumps(definition))
    for number, (_, states, holder, key) in enumerate(_ways_out(copied)):
        states[f"{_PROBE}{number}"] = {"Type": "Pass", "Next": holder[key]}
        holder[key] = f"{_PROBE}{number}"
    return copied


def _ways_out(machine: Mapping[str, Any]) -> list[tuple[Part, dict[str, Any], dict[str, Any], str]]:
    """Each transition out of a Choice or a catcher: its part, the states beside it, and its target's object and key."""
    ways: list[tuple[Part, dict[str, Any], dict[str, Any], str]] = []
    for name, state in machine.get("States", {}).items():
        for place, rule in enumerate(state.get("Choices", [])):
            ways.append((Part(name, CHOOSES, place), machine["States"], rule, "Next"))
        if "Default" in state:
            ways.append((Part(name, DEFAULT), machine["States"], state, "Default"))
        for place, catcher in enumerate(state.get("Catch", [])):
            ways.append((Part(name, CATCHES, place), machine["States"], catcher, "Next"))
        for _, inner in inner_machines(state):
            ways += _ways_out(inner)
    return ways


def taken(definition: Mapping[str, Any], events: Iterable[Mapping[str, Any]]) -> set[Part]:
    """The parts of `definition` that one execution of its `probed` variant has taken."""
    known = states(definition)
    ways = {f"{_PROBE}{number}": part for number, (part, *_) in enumerate(_ways_out(definition))}
    reached: set[Part] = set()
    for visit in visits(events):
        if visit.state in ways:
            reached.add(ways[visit.state])
        else:
            reached |= {Part(visit.state), *_attempts(visit, known[visit.state])}
    return reached


def _attempts(visit: Visit, state: Mapping[str, Any]) -> Iterator[Part]:
    """The retriers that handled the errors of a Task's visit. Each retrier counts its own attempts."""
    used: dict[int, int] = {}
    retriers = state.get("Retry", []) if state.get("Type") == "Task" else []
    for number, (error, _) in enumerate(visit.errors, 1):
        place = _match(retriers, error)
        if place is None:
            break
        used[place] = used.get(place, 0) + 1
        if used[place] > retriers[place].get("MaxAttempts", 3):
            yield Part(visit.state, STOPS, place)
            break
        if number < visit.attempts:
            yield Part(visit.state, RETRIES, place)


def _match(handlers: list[dict[str, Any]], error: str) -> int | None:
    """The index of the first handler that matches an error, or None."""
    return next((place for place, handler in enumerate(handlers) if takes(handler["ErrorEquals"], error)), None)


def takes(names: Collection[str], error: str | None) -> bool:
    """Whether a retrier or catcher with these `ErrorEquals` matches an error. Source: "Handling errors" of the guide.

    `States.ALL` matches `States.DataLimitExceeded`, unlike the guide says: AWS was recorded doing so.
    """
    is_task_failure = "States.TaskFailed" in names and error not in _NO_TASK_FAILURES
    return error in names or "States.ALL" in names or is_task_failure
