"""The recorded cases of this folder: how their files are read and how an execution is compared with one.

A file holds one subject:

    functions: {name: Python code with a `handler`}     # run by real workers
    queues: [name]      topics: [name]      buckets: [name]
    tables: [name]                                      # with the string key `id`
    machines: {name: states}                            # for cases that start them
    cases:
      - name: a sentence
        definition: {StartAt: …, States: {…}}           # or States alone: the first begins
        input: {}
        status: SUCCEEDED                               # or REFUSED with `error` and `cause`: not created at all
        output: {}
        error: …
        cause: …
        events: ExecutionStarted<0 PassStateEntered<0 … # each type with its previousEventId; not compared if absent
        details: {3: {assignedVariables: {x: "1"}}}     # by the event's id; what is not named is not compared

`${queue:name}`, `${topic:name}`, `${function:name}` and `${machine:name}` stand for a URL and ARNs anywhere in a case.
`<any>` within an expected text stands for any characters. Where a detail is expected to be no text and the found one is
text, it is read as JSON: so are the inputs and outputs of events.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "cases"
REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class Case:
    """What AWS was recorded to do with a definition and an input."""

    subject: str
    name: str
    status: str
    definition: dict[str, Any] = field(default_factory=dict)
    input: Any = field(default_factory=dict)
    output: Any = None
    error: str | None = None
    cause: str | None = None
    events: str | None = None
    details: dict[int, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subject:
    """One file: what its cases need, and they."""

    name: str
    cases: tuple[Case, ...]
    functions: dict[str, str] = field(default_factory=dict)
    queues: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    buckets: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    machines: dict[str, dict[str, Any]] = field(default_factory=dict)


def subjects() -> list[Subject]:
    found = []
    for path in sorted(FOLDER.glob("*.yaml")):
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
        cases = tuple(Case(subject=path.stem, **case) for case in read.pop("cases"))
        found.append(Subject(name=path.stem, cases=cases, **read))
    return found


def differences(case: Case, found: dict[str, Any]) -> list[str]:
    """How an ended execution with its `events` differs from the recorded one; nothing where it is the same."""
    output = json.loads(found["output"]) if "output" in found else None
    pairs = {
        "status": (case.status, found["status"]),
        "error": (case.error, found.get("error")),
        "cause": (case.cause, found.get("cause")),
        "output": (case.output, output),
    }
    if case.events is not None:
        pairs["events"] = (case.events.split(), [f"{e['type']}<{e['previousEventId']}" for e in found["events"]])
    wrong = [f"{name}: {got!r}, recorded {want!r}" for name, (want, got) in pairs.items() if not matches(want, got)]
    return wrong + list(_different_details(case, found["events"]))


def matches(expected: Any, found: Any) -> bool:
    if isinstance(expected, str):
        pattern = ".*".join(re.escape(part) for part in expected.split("<any>"))
        return isinstance(found, str) and re.fullmatch(pattern, found, re.DOTALL) is not None
    if isinstance(expected, dict):
        same_keys = isinstance(found, dict) and expected.keys() == found.keys()
        return same_keys and all(matches(value, found[key]) for key, value in expected.items())
    if isinstance(expected, list):
        same_length = isinstance(found, list) and len(expected) == len(found)
        return same_length and all(matches(*pair) for pair in zip(expected, found, strict=True))
    return type(expected) is type(found) and bool(expected == found)


def _different_details(case: Case, events: list[dict[str, Any]]) -> Iterator[str]:
    for number, expected in case.details.items():
        event = events[number - 1] if number <= len(events) else {}
        found = next((value for key, value in event.items() if key.endswith("EventDetails")), {})
        for key, want in expected.items():
            got = found.get(key)
            if isinstance(got, str) and not isinstance(want, str):
                got = json.loads(got)
            if not matches(want, got):
                yield f"event {number}, {key}: {got!r}, recorded {want!r}"
