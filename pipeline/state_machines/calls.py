"""Which functions the states of a machine call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def functions(machine: Mapping[str, Any]) -> dict[str, str]:
    """The function that each Task of a definition calls, where the definition names it."""
    return dict(_called(machine))


def inner_machines(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The machines inside a Map or Parallel."""
    return [m for m in (state.get("ItemProcessor"), state.get("Iterator"), *state.get("Branches", [])) if m]


def _called(machine: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, state in machine["States"].items():
        given = state.get("Parameters") or state.get("Arguments")
        called = given.get("FunctionName") if isinstance(given, dict) else None
        if isinstance(called, str) and str(state.get("Resource", "")).endswith(":lambda:invoke"):
            yield name, called
        for inner in inner_machines(state):
            yield from _called(inner)
