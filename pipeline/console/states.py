"""One state of a machine, for the panel beside its graph: its definition, and what it did in an execution."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.console.steps import step_of
from pipeline.operate.executions import Run
from pipeline.state_machines.calls import inner_machines
from pipeline.state_machines.history import Visit


def definition_of(machine: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """A state of a machine, or of one inside its states; None if there is none of this name."""
    if (state := machine["States"].get(name)) is not None:
        return state  # type: ignore[no-any-return]
    inner = (each for state in machine["States"].values() for each in inner_machines(state))
    return next((found for each in inner if (found := definition_of(each, name)) is not None), None)


def panel_of(machine: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """A state of a definition; None if no state is asked for, or there is none of this name."""
    state = definition_of(machine, name) if name else None
    if state is None:
        return None
    plain = {key: value for key, value in state.items() if key not in ("ItemProcessor", "Iterator", "Branches")}
    return {"state": name, "type": state["Type"], "comment": state.get("Comment"), "definition": json.dumps(plain)}


def panel_in(
    machine: Mapping[str, Any], name: str, seen: Sequence[Visit], step: str, run: Run, total: float
) -> dict[str, Any] | None:
    """The same with one of the state's visits: the one of this number of a step, else the first that failed, else the
    last; and the numbers of those before and after it, of all and of those that failed."""
    panel = panel_of(machine, name)
    if panel is None:
        return None
    numbers = [number for number, visit in enumerate(seen) if visit.state == name]
    failed = [number for number in numbers if seen[number].errors]
    chosen = int(step) if step.isdecimal() and len(step) < 10 and int(step) in set(numbers) else None
    if chosen is None:
        chosen = failed[0] if failed else numbers[-1] if numbers else None
    return {
        **panel,
        "visits": len(numbers),
        "failed": len(failed),
        "step": None if chosen is None else step_of(chosen, seen[chosen], run, total),
        "place": 0 if chosen is None else numbers.index(chosen) + 1,
        "previous": _near(numbers, chosen, -1),
        "next": _near(numbers, chosen, 1),
        "previous_failed": _near(failed, chosen, -1),
        "next_failed": _near(failed, chosen, 1),
    }


def _near(numbers: Sequence[int], chosen: int | None, way: int) -> int | None:
    """The nearest of `numbers` before or after the chosen one."""
    if chosen is None:
        return None
    beyond = [number for number in numbers if (number - chosen) * way > 0]
    return min(beyond, key=lambda number: abs(number - chosen), default=None)
