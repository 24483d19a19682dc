"""Where a definition is that the interpreter cannot read, which passed every check before.

The interpreter's parser tells it by line and token, or by its own objects. So each state is read alone, without each of
its fields in turn: the field without which it can be read is the one to tell.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipeline.emulator.stepfunctions.interpreter.mocked import parse
from pipeline.emulator.stepfunctions.validation.diagnostics import Diagnostic
from pipeline.emulator.stepfunctions.validation.fields import LISTS
from pipeline.emulator.stepfunctions.validation.refusals import states_of

_MACHINE = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
_KEPT = frozenset({"Type", "QueryLanguage", "Next", "End", "Branches", "ItemProcessor", "Iterator"})
_WAITS = frozenset({"Seconds", "SecondsPath", "Timestamp", "TimestampPath"})
_RULES = {
    "JSONPath": {"Variable": "$", "IsPresent": True, "Next": "P"},
    "JSONata": {"Condition": "{% true %}", "Next": "P"},
}


def unreadable(machine: Mapping[str, Any]) -> list[Diagnostic]:
    """One for each state that cannot be read; one for the whole definition if it is none of them."""
    found = []
    for _, state, path in states_of(machine):
        language = state.get("QueryLanguage") or machine.get("QueryLanguage", "JSONPath")
        alone = _alone(state)
        if not _can_be_read(alone, language):
            found.append(_told(*_place(alone, path, language)))
    return found or [_told("The definition cannot be read", "/")]


def _told(message: str, place: str) -> Diagnostic:
    return Diagnostic("SCHEMA_VALIDATION_FAILED", message, place)


def _alone(state: Mapping[str, Any]) -> dict[str, Any]:
    """The state with no others inside of it."""
    inner = {name: _MACHINE for name in ("ItemProcessor", "Iterator") if name in state}
    return {**state, **inner, **({"Branches": [_MACHINE]} if "Branches" in state else {})}


def _can_be_read(state: Mapping[str, Any], language: str) -> bool:
    try:
        parse(json.dumps({"QueryLanguage": language, "StartAt": "S", "States": {"S": state}}))
    except Exception:
        return False
    return True


def _place(state: Mapping[str, Any], path: str, language: str) -> tuple[str, str]:
    for field in state:
        if field not in _KEPT and _can_be_read(_without(state, field, language), language):
            if field in LISTS:
                return _entry(state, field, f"{path}/{field}", language)
            return _of_the_field(field, path)
    return "The state cannot be read", path


def _of_the_field(field: str, path: str) -> tuple[str, str]:
    return f"The value of the field '{field}' cannot be read", f"{path}/{field}"


def _without(state: Mapping[str, Any], field: str, language: str) -> dict[str, Any]:
    """The state without a field, or with a plain one where it needs one."""
    left = {name: value for name, value in state.items() if name != field}
    if field in _WAITS:
        left["Seconds"] = 1
    elif field == "Choices":
        left["Choices"] = [_RULES[language]]
    elif field == "Resource":
        left["Resource"] = "arn:aws:states:::lambda:invoke"
    return left


def _entry(state: Mapping[str, Any], field: str, path: str, language: str) -> tuple[str, str]:
    """Which of the rules, retriers or catchers, and which of its fields."""
    for number, entry in enumerate(state[field]):
        if _can_be_read({**state, field: [entry]}, language):
            continue
        place = f"{path}[{number}]"
        for name in entry:
            left = {key: value for key, value in entry.items() if key != name}
            if _can_be_read({**state, field: [left]}, language):
                return _of_the_field(name, place)
        return f"The {'rule' if field == 'Choices' else 'entry'} cannot be read", place
    return _of_the_field(*reversed(path.rsplit("/", 1)))
