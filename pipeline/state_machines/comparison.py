"""Makes histories of executions comparable: equal runs have equal text, whenever and wherever they ran. Pure."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)")
_REQUEST = re.compile(r"(Request ID: )[\w-]+")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DOCUMENTS = frozenset({"input", "output", "parameters"})
"""Fields of event details that contain JSON as text."""
_TRUNCATION = frozenset({"inputDetails", "outputDetails"})
_BRANCHES_START = frozenset({"MapStateStarted", "ParallelStateStarted"})
_BRANCHES_END = re.compile(r"(?:Map|Parallel)State(?:Succeeded|Failed|Aborted|Exited)")
_EXITED = re.compile(r"(?:Map|Parallel)StateExited")

Event = dict[str, Any]


def normalised(events: Sequence[Mapping[str, Any]], name: str) -> list[Event]:
    """The events of GetExecutionHistory without everything that differs from run to run.

    `name` is the execution's. Times, random ids and the execution's name are replaced, JSON in text is parsed, and
    concurrent iterations are put one after the other, with event ids as if they had run in that order.
    """
    ordered = list(_in_order(events))
    ids = {event["id"]: place for place, event in enumerate(ordered, 1)}
    comparable = []
    for place, event in enumerate(ordered, 1):
        joins = _BRANCHES_END.fullmatch(event["type"]) is not None
        previous = place - 1 if joins else ids.get(event.get("previousEventId", 0), 0)
        details = {key: _read(value) for key, value in event.items() if key.endswith("EventDetails")}
        comparable.append(
            {"id": place, "previousEventId": previous, "type": event["type"], **_without_volatile(details, name)}
        )
    return comparable


def _read(details: Mapping[str, Any]) -> dict[str, Any]:
    """An event's details with its documents parsed, and without the note that nothing was truncated."""
    return {
        key: _document(value) if key in _DOCUMENTS else value
        for key, value in details.items()
        if key not in _TRUNCATION or value != {"truncated": False}
    }


def _in_order(events: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Events depth first along previousEventId; those after a Map or Parallel come after all its iterations."""
    following: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for event in events:
        following[event.get("previousEventId", 0)].append(event)

    def chain(first: Mapping[str, Any], deferred: list[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        waiting = [first]
        while waiting:
            event = waiting.pop(0)
            if _BRANCHES_END.fullmatch(event["type"]):
                deferred.append(event)
                continue
            yield event
            children = sorted(following[event["id"]], key=_rank)
            if event["type"] not in _BRANCHES_START:
                waiting = children + waiting
                continue
            ends: list[Mapping[str, Any]] = []
            for child in children:
                yield from chain(child, ends)
            ends.sort(key=_rank)
            for end in ends:
                yield end
                after = [event for event in following[end["id"]] if event not in ends]
                # If a catcher handled the failure, the state's exit follows.
                exits = [e for e in after if _EXITED.fullmatch(e["type"]) and not _EXITED.fullmatch(end["type"])]
                ends += exits
                waiting += [event for event in after if event not in exits]

    roots = [event for event in events if not event.get("previousEventId")]
    left: list[Mapping[str, Any]] = []
    for root in roots:
        yield from chain(root, left)
    yield from left


def _rank(event: Mapping[str, Any]) -> tuple[int, str, int]:
    """The sort key: iterations by index, branches by the name of their first state, else by time."""
    for key, details in event.items():
        if key.startswith("mapIteration"):
            return int(details["index"]), "", event["id"]
    return 0, event.get("stateEnteredEventDetails", {}).get("name", ""), event["id"]


def _without_volatile(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {key: _without_volatile(inner, name) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_volatile(inner, name) for inner in value]
    if isinstance(value, str):
        timeless = _TIME.sub("<time>", value.replace(name, "<execution>"))
        return _REQUEST.sub(r"\1<id>", _UUID.sub("<uuid>", timeless))
    return value


def _document(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text


def to_text(events: Sequence[Event]) -> str:
    """The events as a JSON array with one event per line, for files that people review."""
    lines = ",\n".join(json.dumps(event, ensure_ascii=False) for event in events)
    return f"[\n{lines}\n]\n" if events else "[]\n"


def first_difference(expected: Sequence[Event], actual: Sequence[Event]) -> int | None:
    """The index of the first event that differs; None for equal histories."""
    for place, (one, other) in enumerate(zip(expected, actual, strict=False)):
        # As text: for Python 1, 1.0 and true are equal.
        if json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True):
            return place
    return None if len(expected) == len(actual) else min(len(expected), len(actual))
