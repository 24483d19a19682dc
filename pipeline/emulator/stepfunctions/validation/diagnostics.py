"""What is wrong with the definition of a state machine, in the codes, words and locations of AWS.

It is what ValidateStateMachineDefinition answers, and what CreateStateMachine and UpdateStateMachine refuse. Structure
only: paths, intrinsic functions and expressions are the interpreter's business.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.emulator.stepfunctions.validation import fields as fields
from pipeline.emulator.stepfunctions.validation.json_errors import complaint

LONGEST_STATE_NAME = 80

_SCHEMA = "SCHEMA_VALIDATION_FAILED"
_LANGUAGES = ("JSONPath", "JSONata")
_COLONS_OF_A_TASK = 6
"""`arn:aws:states:::lambda:invoke`, a function or an activity of an account: with the kind and the name."""
_STEPS = ("Task", "Pass", "Wait", "Parallel", "Map")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")
_TYPES = ("Task", "Wait", "Pass", "Succeed", "Fail", "Choice", "Parallel", "Map")


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One complaint. `location` is a path like `/States/Load/Next`; None where there is no place for it."""

    code: str
    message: str
    location: str | None
    severity: str = "ERROR"

    def __str__(self) -> str:
        if self.location is not None and self.message.endswith(self.location):
            return f"{self.code}: {self.message}"
        return f"{self.code}: {self.message} at {'null' if self.location is None else self.location}"


NOT_EMBEDDED = "NOT_EMBEDDED"
"""The code of what AWS takes and would not run here."""


def refusal(found: Sequence[Diagnostic]) -> str:
    """What CreateStateMachine says of a definition that has these; empty where it takes it."""
    if theirs := [each for each in found if each.code != NOT_EMBEDDED]:
        return f"Invalid State Machine Definition: '{', '.join(map(str, theirs))}'"
    return "; ".join(each.message for each in found)


def diagnose(definition: str) -> list[Diagnostic]:
    """Everything that is wrong with a definition; empty if nothing is."""
    not_an_object = [Diagnostic(_SCHEMA, "Definition must be a valid JSON object", None)]
    if not definition.strip():
        return not_an_object
    wrong = complaint(definition)
    if wrong is not None:
        return [Diagnostic("INVALID_JSON_DESCRIPTION", f"{wrong.message}\n at {wrong.place}", wrong.place)]
    machine = json.loads(definition)
    if not isinstance(machine, dict):
        return not_an_object
    language = machine.get("QueryLanguage", "JSONPath")
    found = [
        *_language(machine, ""),
        *_unsupported(machine, fields.TOP, "/"),
        *_container(machine, "", language == "JSONata"),
        *_duplicates(machine),
    ]
    if not any(each.code == _SCHEMA for each in found) and not _has_end(machine["States"]):
        found.append(Diagnostic("MISSING_END_STATE", "Workflow has no terminal state", None))
    return found


def _schema(message: str, location: str) -> Diagnostic:
    return Diagnostic(_SCHEMA, message, location)


def _missing(message: str, location: str) -> Diagnostic:
    return Diagnostic("MISSING_TRANSITION_TARGET", message, location)


def _container(container: Any, path: str, jsonata: bool) -> Iterator[Diagnostic]:
    """A thing with StartAt and States: the machine, a Map's processor, a branch."""
    if not isinstance(container, dict):
        yield _schema("Expected value of type Object", path or "/")
        return
    required = [name for name in ("States", "StartAt") if name not in container]
    if required:
        yield _schema(f"These fields are required: [{', '.join(required)}]", path or "/")
    yield from _texts(container, {"StartAt", "Comment"}, path)
    if "States" not in container:
        return
    states = container["States"]
    if not isinstance(states, dict) or not states:
        yield _schema("Value cannot be empty", f"{path}/States")
        return
    for name, state in states.items():
        yield from _state(name, state, f"{path}/States/{name}", jsonata)
    if all(isinstance(state, dict) for state in states.values()):
        yield from _targets(container.get("StartAt"), states, path)


def _state(name: str, state: Any, path: str, jsonata: bool) -> Iterator[Diagnostic]:
    if len(name) > LONGEST_STATE_NAME:
        yield Diagnostic("INVALID_STATE_NAME", f"State name is longer than {LONGEST_STATE_NAME} characters", path)
    if not isinstance(state, dict):
        yield _schema("Expected value of type Object", path)
        return
    kind = state.get("Type")
    if kind is None:
        yield _schema("These fields are required: [Type]", path)
        return
    if kind not in _TYPES:
        yield _schema(f"Value should be one of the following: [{', '.join(_TYPES)}]", f"{path}/Type")
        return
    yield from _language(state, path)
    yield from _unsupported(state, fields.COMMON | fields.ALLOWED[kind], path)
    yield from _of_the_language(state, path, jsonata)
    yield from _required(state, kind, path)
    yield from _texts(state, fields.TEXTS, path)
    yield from _lists(state, fields.LISTS & fields.ALLOWED[kind], path)
    yield from _ranges(state, fields.RANGES, path)
    own = jsonata or state.get("QueryLanguage") == "JSONata"
    if kind == "Wait" and not _is_moment(state.get("Timestamp"), own):
        yield _schema("String does not match RFC3339 timestamp", f"{path}/Timestamp")
    if kind == "Choice":
        yield from _choices(state.get("Choices", ()), f"{path}/Choices", own)
    yield from _errors(state, path)
    yield from _inner(state, kind, path, jsonata)


def _language(owner: Mapping[str, Any], path: str) -> Iterator[Diagnostic]:
    if owner.get("QueryLanguage", "JSONPath") not in _LANGUAGES:
        yield _schema(f"Value should be one of the following: [{', '.join(_LANGUAGES)}]", f"{path}/QueryLanguage")


def _unsupported(owner: Mapping[str, Any], allowed: frozenset[str], path: str) -> Iterator[Diagnostic]:
    for name in owner:
        if name not in allowed:
            yield _schema(f"Field '{name}' is not supported", path)


def _of_the_language(state: Mapping[str, Any], path: str, jsonata: bool) -> Iterator[Diagnostic]:
    if jsonata and state.get("QueryLanguage") == "JSONPath":
        yield _schema("'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine", path)
        return
    own = "JSONata" if jsonata or state.get("QueryLanguage") == "JSONata" else "JSONPath"
    other, foreign = ("JSONPath", fields.JSONPATH_ONLY) if own == "JSONata" else ("JSONata", fields.JSONATA_ONLY)
    for name in state:
        if name in foreign:
            yield _schema(
                f"The QueryLanguage is set to '{own}', but field '{name}' is only supported for the '{other}' "
                "QueryLanguage",
                path,
            )


def _required(state: Mapping[str, Any], kind: str, path: str) -> Iterator[Diagnostic]:
    name = fields.REQUIRED.get(kind)
    if name is not None and name not in state:
        yield _schema(f"These fields are required: [{name}]", path)
    pairs = fields.ONLY_ONE.get(kind, ())
    if kind in _STEPS:
        pairs = (*pairs, ("Next", "End"))
    for names in pairs:
        there = [each for each in names if each in state and state[each] is not False]
        if not there:
            yield _schema(f"This object should have only one of the following fields: [{', '.join(names)}]", path)
        elif len(there) > 1:
            yield _only_one(names, path)
    for names in fields.NOT_BOTH:
        if all(each in state for each in names):
            yield _only_one(names, path)
    resource = state.get("Resource") if kind == "Task" else None
    if isinstance(resource, str) and not (resource.startswith("arn:") and resource.count(":") >= _COLONS_OF_A_TASK):
        yield _schema("Value is not a valid resource ARN", f"{path}/Resource")


def _texts(owner: Mapping[str, Any], names: Collection[str], path: str) -> Iterator[Diagnostic]:
    for name, value in owner.items():
        if name in names and not isinstance(value, str):
            yield _schema("Expected value of type String", f"{path}/{name}")


def _lists(owner: Mapping[str, Any], names: Collection[str], path: str) -> Iterator[Diagnostic]:
    for name in owner:
        if name not in names:
            continue
        if not isinstance(owner[name], list):
            yield _schema("Expected value of type Array", f"{path}/{name}")
            continue
        for number, entry in enumerate(owner[name]):
            if not isinstance(entry, dict):
                yield _schema("Expected value of type Object", f"{path}/{name}[{number}]")


def _only_one(names: tuple[str, ...], path: str) -> Diagnostic:
    return _schema(f"There should only be one of the following fields: [{', '.join(names)}]", path)


def _ranges(owner: Mapping[str, Any], ranges: Mapping[str, tuple[int, int | None]], path: str) -> Iterator[Diagnostic]:
    for name, (least, most) in ranges.items():
        value = owner.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if value < least:
            yield _schema(f"Minimum value is {least}", f"{path}/{name}")
        elif most is not None and value > most:
            yield _schema(f"Maximum value is {most}", f"{path}/{name}")


def moment(value: Any) -> datetime | None:
    """The moment that a text is in the profile of RFC 3339 that AWS takes (upper-case T and Z, or an offset)."""
    written = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if written is None:
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def _is_moment(value: Any, jsonata: bool) -> bool:
    """Whether a text is a moment, or an expression for one; what is no text is not asked about."""
    if not isinstance(value, str) or (jsonata and value.startswith("{%") and value.endswith("%}")):
        return True
    return moment(value) is not None


def _choices(rules: Any, path: str, jsonata: bool) -> Iterator[Diagnostic]:
    if not isinstance(rules, list):
        return
    if not rules:
        yield _schema("Value cannot be empty", path)
    for number, rule in enumerate(rules):
        if not isinstance(rule, dict):
            continue
        required = [name for name in ("Condition", "Next") if name not in rule and (jsonata or name == "Next")]
        if required:
            yield _schema(f"These fields are required: [{', '.join(required)}]", f"{path}[{number}]")


def _errors(state: Mapping[str, Any], path: str) -> Iterator[Diagnostic]:
    for field in ("Retry", "Catch"):
        given = state.get(field)
        entries = [entry for entry in given if isinstance(entry, dict)] if isinstance(given, list) else []
        for number, entry in enumerate(entries):
            at = f"{path}/{field}[{number}]"
            required = [name for name in ("ErrorEquals", "Next") if name not in entry]
            if field == "Retry":
                required = [name for name in required if name != "Next"]
                yield from _ranges(entry, fields.RETRY_RANGES, at)
            if required:
                yield _schema(f"These fields are required: [{', '.join(required)}]", at)
            names = entry.get("ErrorEquals")
            if names == []:
                yield _schema("Value cannot be empty", f"{at}/ErrorEquals")
            if isinstance(names, list) and "States.ALL" in names and (len(names) > 1 or number < len(entries) - 1):
                yield _schema("States.ALL must appear alone and at end of list", f"{at}/ErrorEquals")


def _inner(state: Mapping[str, Any], kind: str, path: str, jsonata: bool) -> Iterator[Diagnostic]:
    if kind == "Map":
        for name in ("ItemProcessor", "Iterator"):
            if name not in state:
                continue
            yield from _container(state[name], f"{path}/{name}", jsonata)
            if isinstance(state[name], dict) and not isinstance(state[name].get("ProcessorConfig", {}), dict):
                yield _schema("Expected value of type Object", f"{path}/{name}/ProcessorConfig")
    elif kind == "Parallel":
        branches = state.get("Branches")
        if branches == []:
            yield _schema("Value cannot be empty", f"{path}/Branches")
        for number, branch in enumerate(branches if isinstance(branches, list) else ()):
            if isinstance(branch, dict):
                yield from _container(branch, f"{path}/Branches[{number}]", jsonata)


def _moves(state: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The places where a state says what comes next, and what."""
    places = [(name, state.get(name)) for name in ("Next", "Default")]
    for name in ("Choices", "Catch"):
        entries = state.get(name)
        for number, entry in enumerate(entries if isinstance(entries, list) else ()):
            if isinstance(entry, dict):
                places.append((f"{name}[{number}]/Next", entry.get("Next")))
    for place, target in places:
        if isinstance(target, str):
            yield place, target


def _targets(start: Any, states: Mapping[str, Any], path: str) -> Iterator[Diagnostic]:
    for name, state in states.items():
        for place, target in _moves(state):
            if target not in states:
                yield _missing(f"Missing 'Next' target: {target}", f"{path}/States/{name}/{place}")
    if not isinstance(start, str):
        return
    if start not in states:
        yield _missing(f"Missing 'Next' target: {start}", f"{path}/StartAt")
    # Without an end nothing is said of what cannot be reached.
    if path or _has_end(states):
        reached = _reached(start, states)
        for name in states:
            if name not in reached:
                yield _missing(f'State "{name}" is not reachable.', f"{path}/States/{name}")


def _reached(start: str, states: Mapping[str, Any]) -> set[str]:
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in states and name not in reached:
            reached.add(name)
            waiting += [target for _, target in _moves(states[name])]
    return reached


def _has_end(states: Mapping[str, Any]) -> bool:
    return any(state.get("End") is True or state.get("Type") in ("Succeed", "Fail") for state in states.values())


def _duplicates(machine: Mapping[str, Any]) -> Iterator[Diagnostic]:
    seen: set[str] = set()
    for name, path in _names(machine, ""):
        if name in seen:
            yield Diagnostic("DUPLICATE_STATE_NAME", f"Duplicate State name: {name}", path)
        seen.add(name)


def _names(container: Any, path: str) -> Iterator[tuple[str, str]]:
    states = container.get("States") if isinstance(container, dict) else None
    for name, state in (states if isinstance(states, dict) else {}).items():
        yield name, f"{path}/States/{name}"
        if isinstance(state, dict):
            for field in ("ItemProcessor", "Iterator"):
                yield from _names(state.get(field), f"{path}/States/{name}/{field}")
            branches = state.get("Branches")
            for number, branch in enumerate(branches if isinstance(branches, list) else ()):
                yield from _names(branch, f"{path}/States/{name}/Branches[{number}]")
