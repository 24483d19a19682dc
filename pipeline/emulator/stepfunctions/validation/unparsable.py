"""Paths, calls, comparisons and expressions of a definition that do not parse, found when the machine is made.

moto's parser takes most of them for plain text, and an execution fails when it comes to one, or goes on with it. The
words and places are those that ValidateStateMachineDefinition was seen to answer, as far as they are known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipeline.emulator.stepfunctions.interpreter.intrinsics import call_of, gives_text, paths_of
from pipeline.emulator.stepfunctions.interpreter.jsonata import QueryFailed, syntax_tree
from pipeline.emulator.stepfunctions.interpreter.paths import is_path, is_readable, is_reference
from pipeline.emulator.stepfunctions.validation import fields as fields
from pipeline.emulator.stepfunctions.validation.diagnostics import NOT_EMBEDDED, Diagnostic, moment
from pipeline.emulator.stepfunctions.validation.variables import misnamed, without_input

_LANGUAGE = "QueryLanguage"
_OPEN, _CLOSE = "{%", "%}"
_TYPES = {"String": str, "Numeric": int | float, "Boolean": bool, "Timestamp": str}
_WORDS = {"Numeric": "Number", "Timestamp": "String"}


@dataclass(frozen=True, slots=True)
class _Owner:
    """What has fields: a state, one of its rules or catchers, or a part of a Map."""

    fields: Mapping[str, Any]
    path: str
    state: str
    jsonata: bool


def unparsable(machine: Mapping[str, Any]) -> list[Diagnostic]:
    """What is wrong with the values of a definition that passed `diagnose`; what AWS reads and we cannot, too."""
    jsonata = machine.get(_LANGUAGE) == "JSONata"
    top = _Owner({"TimeoutSeconds": machine.get("TimeoutSeconds", 0)}, "", "", jsonata=False)
    return [*_integers(top), *(found for owner in _owners(machine, "", jsonata) for found in _of_owner(owner))]


def _owners(machine: Mapping[str, Any], path: str, jsonata: bool) -> Iterator[_Owner]:
    """In all states, also those that run in executions of their own."""
    for name, state in machine["States"].items():
        at = f"{path}/States/{name}"
        owner = _Owner(state, at, name, jsonata or state.get(_LANGUAGE) == "JSONata")
        yield owner
        for place, inner in _inside(state):
            yield replace(owner, fields=inner, path=f"{at}/{place}")
        for place in ("ItemProcessor", "Iterator"):
            if place in state:
                yield from _owners(state[place], f"{at}/{place}", jsonata)
        for number, branch in enumerate(state.get("Branches", ())):
            yield from _owners(branch, f"{at}/Branches[{number}]", jsonata)


def _inside(state: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name in ("Catch", "Choices"):
        for number, entry in enumerate(state.get(name, ())):
            yield from _rules(entry, f"{name}[{number}]")
    for names in fields.PARTS:
        part: Any = state
        for name in names:
            part = part.get(name) if isinstance(part, dict) else None
        if isinstance(part, dict):
            yield "/".join(names), part


def _rules(rule: Any, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """A rule, and those that it combines."""
    if not isinstance(rule, dict):
        return
    yield place, rule
    for name in ("And", "Or"):
        combined = rule.get(name)
        for number, each in enumerate(combined if isinstance(combined, list) else ()):
            yield from _rules(each, f"{place}/{name}[{number}]")
    yield from _rules(rule.get("Not"), f"{place}/Not")


def _of_owner(owner: _Owner) -> Iterator[Diagnostic]:
    yield from _integers(owner)
    for name, value in owner.fields.items():
        at = f"{owner.path}/{name}"
        if name == "Assign":
            yield from _names(owner, value, at)
        if owner.jsonata:
            if name in fields.EXPRESSIONS:
                yield from _expressions(value, at)
        elif name in fields.PATHS | fields.PATHS_OR_CALLS | fields.COMPARED_PATHS:
            yield from _path(owner, name, value)
        elif name in fields.TEMPLATES:
            yield from _template(owner, value, at)
        elif name in fields.COMPARISONS:
            yield from _compared(fields.COMPARISONS[name], value, at)


def _names(owner: _Owner, assigned: Any, at: str) -> Iterator[Diagnostic]:
    for name in assigned if isinstance(assigned, dict) else ():
        told = misnamed(name if owner.jsonata else name.removesuffix(".$"))
        if told is not None:
            yield _schema(told, f"{at}/{name}")


def _integers(owner: _Owner) -> Iterator[Diagnostic]:
    for name, value in owner.fields.items():
        is_expression = owner.jsonata and isinstance(value, str) and (_OPEN in value or _CLOSE in value)
        if name in fields.INTEGERS and not is_expression and not _is_a(int | float, value):
            yield _expected("Integer", f"{owner.path}/{name}")


def _path(owner: _Owner, name: str, value: Any) -> Iterator[Diagnostic]:
    at = f"{owner.path}/{name}"
    if value is None and name in fields.MAY_BE_NULL:
        return
    if not isinstance(value, str):
        yield _expected("String", at)
    elif name in fields.COMPARED_PATHS and not is_path(value):
        begun = "" if value.startswith("$") else ": Reference path didn't start with '$'"
        yield _schema(f"Value is not a Reference Path{begun}", at)
    elif name in fields.PATHS_OR_CALLS:
        yield from _path_or_call(owner, name, value, at)
    elif not is_path(value):
        yield _schema("Value must be a valid JSONPath.", at)
    elif name == "ResultPath" and not is_reference(value):
        yield _schema("Value is not a Reference Path", at)
    else:
        yield from _unread(owner, [value], at)


def _template(owner: _Owner, template: Any, at: str) -> Iterator[Diagnostic]:
    entries = template.items() if isinstance(template, dict) else enumerate(template if _is_a(list, template) else ())
    for name, value in entries:
        if isinstance(name, str) and name.endswith(".$"):
            yield from _path_or_call(owner, name, value, at)
        else:
            yield from _template(owner, value, at)


def _path_or_call(owner: _Owner, name: str, value: Any, at: str) -> Iterator[Diagnostic]:
    try:
        paths = _paths(value, text=name in fields.PATHS_OR_CALLS)
    except Exception:
        told = f"The value for the field '{name}' must be a valid JSONPath or a valid intrinsic function call"
        yield _schema(told, at)
    else:
        yield from _unread(owner, paths, at)


def _paths(value: str, text: bool) -> list[str]:
    """Those of a path or a call, which may have to give a text; any error of moto's parser if it is neither."""
    if is_path(value):
        return [value]
    call = call_of(value)
    paths = list(paths_of(call))
    if not all(map(is_path, paths)) or (text and not gives_text(call)):
        raise ValueError(value)
    return paths


def _unread(owner: _Owner, paths: list[str], at: str) -> Iterator[Diagnostic]:
    for path in paths:
        if not is_readable(path):
            told = f"The embedded AWS does not read the path '{path}' (state '{owner.state}')"
            yield Diagnostic(NOT_EMBEDDED, told, at)


def _compared(kind: str, value: Any, at: str) -> Iterator[Diagnostic]:
    if not _is_a(_TYPES[kind], value):
        yield _expected(_WORDS.get(kind, kind), at)
    elif kind == "Timestamp" and moment(value) is None:
        yield _schema("String does not match RFC3339 timestamp", at)


def _expressions(value: Any, at: str) -> Iterator[Diagnostic]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _expressions(inner, f"{at}/{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _expressions(inner, f"{at}[{number}]")
    elif isinstance(value, str) and (value.startswith(_OPEN) or value.endswith(_CLOSE)):
        yield from _expression(value, at)


def _expression(text: str, at: str) -> Iterator[Diagnostic]:
    whole = len(text) >= len(_OPEN + _CLOSE) and text.startswith(_OPEN) and text.endswith(_CLOSE)
    try:
        if not whole:
            raise QueryFailed(f"An expression begins with '{_OPEN}' and ends with '{_CLOSE}'")
        of = without_input(syntax_tree(text[len(_OPEN) : -len(_CLOSE)]))
    except QueryFailed as error:
        yield Diagnostic("INVALID_JSONATA_EXPRESSION", str(error), at)
        return
    if of is not None:
        yield _schema(f"'{of}' refers to no input: begin with $states.input or a variable", at)


def _is_a(kind: Any, value: Any) -> bool:
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _expected(kind: str, at: str) -> Diagnostic:
    return _schema(f"Expected value of type {kind}", at)


def _schema(told: str, at: str) -> Diagnostic:
    return Diagnostic("SCHEMA_VALIDATION_FAILED", told, at)
