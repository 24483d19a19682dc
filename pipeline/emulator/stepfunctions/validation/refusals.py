"""What the embedded Step Functions does not run is refused when the machine is made, by feature and state.

moto takes such a definition, and runs it in part, fails when an execution comes to it, or cannot read it. The tests of
a machine may answer for such a state: a machine that they name is not refused for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.emulator.stepfunctions.validation.diagnostics import NOT_EMBEDDED, Diagnostic
from pipeline.emulator.stepfunctions.validation.integrations import ACTIVITY, EMBEDDED, Integration
from pipeline.state_machines.coverage import DISTRIBUTED_ONLY, inner_machines, is_distributed


def refusals(machine: dict[str, Any]) -> list[Diagnostic]:
    """What AWS does not know, and what would not run here as on AWS (`NOT_EMBEDDED`). `machine` passed `diagnose`."""
    return [found for name, state, path in states_of(machine) for found in _refused(name, state, path)]


def states_of(machine: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any], str]]:
    """Every state with its name and place; what a distributed Map would run is not looked at."""
    for name, state in machine.get("States", {}).items():
        at = f"{path}/States/{name}"
        yield name, state, at
        for place, inner in inner_machines(state):
            yield from states_of(inner, f"{at}/{place}")


def _refused(name: str, state: dict[str, Any], path: str) -> Iterator[Diagnostic]:
    if state.get("Type") == "Task":
        resource = str(state.get("Resource", ""))
        found = Integration.of(resource)
        if found is not None and not found.is_known():
            yield _unknown(resource, path)
            return
    feature = not_embedded(state)
    if feature is not None:
        yield Diagnostic(NOT_EMBEDDED, f"The embedded AWS does not run {feature} (state '{name}')", path)


def not_embedded(state: dict[str, Any]) -> str | None:
    """The feature for which the interpreter does not run a state; None if it does."""
    if state.get("Type") == "Map" and is_distributed(state):
        return _distributed(state)
    if state.get("Type") != "Task":
        return None
    resource = str(state.get("Resource", ""))
    if ACTIVITY.match(resource):
        return "activities"
    found = Integration.of(resource)
    if found is None or found.service in EMBEDDED:
        return None
    return f"the optimised integration of {found.service}"


def _distributed(state: dict[str, Any]) -> str:
    fields = [field for field in state if field in DISTRIBUTED_ONLY]
    processor = state.get("ItemProcessor") or state.get("Iterator") or {}
    if processor.get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED" or not fields:
        return "Distributed Map: only ProcessorConfig.Mode INLINE"
    return f"{fields[0]}, which belongs to Distributed Map"


def _unknown(resource: str, path: str) -> Diagnostic:
    told = (
        f"The resource provided {resource} is not recognized. The value is not a valid resource ARN, "
        "or the resource is not available in this region."
    )
    return Diagnostic("SCHEMA_VALIDATION_FAILED", told, f"{path}/Resource")
