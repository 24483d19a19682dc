"""Walks a state machine's definition with a document: every way through it, reading each path as Step Functions would.

What is not known here of the language is an error, so that nothing is passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

State = Mapping[str, Any]
Answers = Callable[[State, Any], list[Any]]
"""The answers that a task may get: of the state, and of what it sends."""

ERROR = {"Error": "SomeError", "Cause": "{}"}
_STEP = re.compile(r"\.(\w+)|\[(\d+|\*)\]")
_INTRINSIC = re.compile(r"States\.(\w+)\((.*)\)", re.DOTALL)
_ARGUMENT = re.compile(r"'[^']*'|\$[^,()]*|[\w.-]+")
_KNOWN = {
    "Type", "Comment", "Next", "End", "Default", "Choices", "Resource", "Parameters", "ResultSelector", "ResultPath",
    "OutputPath", "Result", "Retry", "Catch", "TimeoutSeconds", "SecondsPath", "ErrorPath", "CausePath", "ItemsPath",
    "Seconds", "ItemSelector", "ItemProcessor", "MaxConcurrency",
}  # fmt: skip


class NoSuchField(Exception):
    """A path names nothing in the document."""


def read(document: Any, path: str) -> Any:
    """What a JSONPath names."""
    if not path.startswith("$") or _STEP.sub("", path[1:]):
        raise NotImplementedError(f"the path {path}")
    steps = [name or place for name, place in _STEP.findall(path)]
    return _followed(document, steps, path)


def _followed(value: Any, steps: list[str], path: str) -> Any:
    if not steps:
        return value
    step, *rest = steps
    if step == "*":
        return [_followed(each, rest, path) for each in value]
    try:
        return _followed(value[int(step)] if isinstance(value, list) else value[step], rest, path)
    except (KeyError, IndexError, TypeError):
        raise NoSuchField(f"{path}: there is no {step} in {json.dumps(value)[:300]}") from None


def evaluate(template: Any, document: Any, context: Any) -> Any:
    """A payload template with its paths read."""
    if isinstance(template, list):
        return [evaluate(each, document, context) for each in template]
    if not isinstance(template, dict):
        return template
    return {
        key.removesuffix(".$"): _expression(value, document, context)
        if key.endswith(".$")
        else evaluate(value, document, context)
        for key, value in template.items()
    }


def _expression(text: str, document: Any, context: Any) -> Any:
    if text.startswith("$$"):
        return read(context, text[1:])
    if text.startswith("$"):
        return read(document, text)
    called = _INTRINSIC.fullmatch(text)
    if not called:
        raise NotImplementedError(f"the expression {text}")
    arguments = [_argument(each, document, context) for each in _ARGUMENT.findall(called[2])]
    return _INTRINSICS[called[1]](*arguments)


def _argument(text: str, document: Any, context: Any) -> Any:
    if text.startswith("$"):
        return _expression(text.strip(), document, context)
    return text[1:-1] if text.startswith("'") else json.loads(text)


_INTRINSICS: dict[str, Callable[..., Any]] = {
    "Array": lambda *values: list(values),
    "ArrayPartition": lambda values, size: [values[at : at + size] for at in range(0, len(values), size)],
    "Format": lambda text, *values: text.format(*values),
    "JsonMerge": lambda one, other, deep: {**one, **other},
    "MathAdd": lambda one, other: one + other,
    "StringToJson": json.loads,
}


class Walk:
    """All ways through a machine. `visited` are the names of the states that some way comes by."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self.visited: set[str] = set()

    def outputs(self, machine: Mapping[str, Any], document: Any, context: Mapping[str, Any]) -> list[Any]:
        """What the machine may end with. `NoSuchField` if a state reads what is not there."""
        if {"QueryLanguage"} & machine.keys():
            raise NotImplementedError("another language than JSONPath")
        ended: list[Any] = []
        been: set[str] = set()
        waiting = [(machine["StartAt"], document)]
        while waiting:
            name, found = waiting.pop()
            if (here := f"{name} {_shape(found)}") in been:
                continue
            been.add(here)
            self.visited.add(name)
            state = machine["States"][name]
            if left := state.keys() - _KNOWN:
                raise NotImplementedError(f"{name}: {left}")
            try:
                for following, output in self._leave(state, found, context):
                    waiting += [(following, output)] if following else []
                    ended += [] if following else [output]
            except NoSuchField as error:
                raise NoSuchField(f"{name}: {error}") from None
        return ended

    def _leave(self, state: State, document: Any, context: Mapping[str, Any]) -> Iterator[tuple[str | None, Any]]:
        """The states that may follow, each with what it gets; None where the machine ends."""
        if state["Type"] == "Choice":
            yield from ((following, document) for following in _choices(state, document))
            return
        for name in ("SecondsPath", "ErrorPath", "CausePath"):
            if name in state:
                read(document, state[name])
        for rule in state.get("Catch", []):
            yield rule["Next"], _placed(document, rule.get("ResultPath", "$"), ERROR)
        for result in self._results(state, document, context):
            selected = evaluate(state["ResultSelector"], result, context) if "ResultSelector" in state else result
            output = _placed(document, state.get("ResultPath", "$"), selected)
            yield state.get("Next"), read(output, state.get("OutputPath", "$"))

    def _results(self, state: State, document: Any, context: Mapping[str, Any]) -> list[Any]:
        given = evaluate(state["Parameters"], document, context) if "Parameters" in state else document
        if state["Type"] == "Task":
            return self._answers(state, given)
        if state["Type"] == "Map":
            return [list(self._items(state, document, context))]
        if state["Type"] in ("Pass", "Wait", "Succeed", "Fail"):
            return [state.get("Result", given)]
        raise NotImplementedError(state["Type"])

    def _items(self, state: State, document: Any, context: Mapping[str, Any]) -> Iterator[Any]:
        for index, item in enumerate(read(document, state["ItemsPath"])):
            inside = {**context, "Map": {"Item": {"Index": index, "Value": item}}}
            selected = evaluate(state["ItemSelector"], document, inside)
            yield from self.outputs(state["ItemProcessor"], selected, context)


def _placed(document: Any, path: str | None, result: Any) -> Any:
    if path is None or path == "$":
        return document if path is None else result
    name = path.removeprefix("$.")
    assert name.isidentifier(), path
    return {**document, name: result}


def _choices(state: State, document: Any) -> Iterator[str]:
    for rule in state["Choices"]:
        holds = _holds(rule, document)
        if holds is not False:
            yield rule["Next"]
        if holds:
            return
    yield state["Default"]


def _holds(rule: Mapping[str, Any], document: Any) -> bool | None:
    """Whether a rule holds, None where its values decide; what it compares must be there."""
    if "Not" in rule:
        inner = _holds(rule["Not"], document)
        return None if inner is None else not inner
    for word, decisive in (("And", False), ("Or", True)):
        if word in rule:
            found: list[bool | None] = []
            for each in rule[word]:
                found.append(_holds(each, document))
                if found[-1] is decisive:
                    return decisive
            return None if None in found else not decisive
    if "IsPresent" in rule:
        try:
            read(document, rule["Variable"])
        except NoSuchField:
            return rule["IsPresent"] is False
        return rule["IsPresent"] is True
    read(document, rule["Variable"])
    return None


def _shape(value: Any) -> str:
    """Which fields a document has, without what stands in them."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{name}:{_shape(value[name])}" for name in sorted(value)) + "}"
    return f"[{_shape(value[0]) if value else ''}]" if isinstance(value, list) else "."


def states(machine: Mapping[str, Any]) -> Iterator[tuple[str, State]]:
    """All states of a machine, also those within others."""
    for name, state in machine["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from states(state["ItemProcessor"])
