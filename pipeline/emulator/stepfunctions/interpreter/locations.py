"""Where in its state a JSONata expression stands, as AWS names it in errors: `Output/a/b[0]`, `Catch[1]/Assign/x`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_FIELDS = {
    "AssignDecl": "Assign",
    "Output": "Output",
    "Parargs": "Arguments",
    "Timeout": "TimeoutSeconds",
    "Heartbeat": "HeartbeatSeconds",
    "Items": "Items",
    "ItemSelector": "ItemSelector",
    "MaxConcurrencyDecl": "MaxConcurrency",
    "SecondsJSONata": "Seconds",
    "Timestamp": "Timestamp",
    "ErrorDecl": "Error",
    "CauseDecl": "Cause",
    "ConditionStringJSONata": "Condition",
}
_LISTS = {"ChoicesDecl": "Choices", "CatchDecl": "Catch"}
_BINDINGS = ("JSONataTemplateBinding", "AssignTemplateBinding")
_NUMBERED = ("values", "rules", "catchers")


def locate_expressions(program: Any) -> None:
    """Give every JSONata expression below `program`, a parsed definition, its `location`."""
    for _ in _visit(program, "", set()):
        pass


def _visit(component: Any, path: str, seen: set[int]) -> Iterator[Any]:
    from moto.stepfunctions.parser.asl.component.component import Component

    if isinstance(component, list | tuple):
        for index, inner in enumerate(component):
            yield from _visit(inner, f"{path}[{index}]", seen)
    elif isinstance(component, dict):
        for inner in component.values():
            yield from _visit(inner, path, seen)
    elif isinstance(component, Component) and id(component) not in seen:
        seen.add(id(component))
        yield from _visit_component(component, path, seen)


def _visit_component(component: Any, path: str, seen: set[int]) -> Iterator[Any]:
    names = [base.__name__ for base in type(component).__mro__]
    if "CommonStateField" in names:
        path = ""
    else:
        field = next((_FIELDS[name] for name in names if name in _FIELDS), None)
        listed = next((_LISTS[name] for name in names if name in _LISTS), None)
        bound = component.identifier if any(name in _BINDINGS for name in names) else None
        path = "/".join(part for part in (path, field or listed or bound) if part)
    if hasattr(component, "expression"):
        component.location = path
        yield component
    for name, inner in vars(component).items():
        if isinstance(inner, list) and name not in _NUMBERED:
            for member in inner:
                yield from _visit(member, path, seen)
        else:
            yield from _visit(inner, path, seen)
