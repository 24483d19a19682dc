"""What may take how long: who waits waits longer than what it waits for, so that which error comes is no race."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from pipeline.cloudformation.templates import load_template
from pipeline.lake.routing import GROUP_OBJECTS

ROOT = Path(__file__).parents[2]
STACKS = sorted((ROOT / "definitions" / "stacks").glob("*.yaml"))
MARGIN_S = 60
"""For the call's way to the service and back."""

Machine = tuple[str, dict[str, Any], dict[str, int]]


def machines() -> Iterator[Machine]:
    """Each state machine: its name, its definition, and the seconds of what its substitutions name."""
    for path in STACKS:
        resources = load_template(path)["Resources"]
        limits = {name: limit for name, each in resources.items() if (limit := limit_of(each))}
        for name, each in resources.items():
            if each["Type"] == "AWS::Serverless::StateMachine":
                given = each["Properties"]
                definition = json.loads((path.parent / given["DefinitionUri"]).read_text())
                called = {key: called_by(value) for key, value in given["DefinitionSubstitutions"].items()}
                yield name, definition, {key: limits[what] for key, what in called.items() if what in limits}


def limit_of(resource: Mapping[str, Any]) -> int | None:
    """Seconds after which AWS ends a call of a function, or a run of a job, whose time-out is in minutes."""
    per = {"AWS::Serverless::Function": 1, "AWS::Glue::Job": 60}.get(resource["Type"])
    said = resource.get("Properties", {}).get("Timeout")
    # That of a dataset's own job is a parameter, of 230 minutes at most: the state waits for four hours.
    return per * int(said) if per and not isinstance(said, dict) else None


def called_by(value: Any) -> str:
    return str(value["Ref"]).removesuffix(".Version") if isinstance(value, dict) and "Ref" in value else ""


def states(machine: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in machine["States"].items():
        yield name, state
        for inner in [state.get("ItemProcessor"), *state.get("Branches", [])]:
            yield from states(inner) if inner else ()


def what_is_called(state: Mapping[str, Any]) -> str | None:
    """The substitution that a task's function or job is."""
    parameters = state.get("Parameters", state.get("Arguments", {}))
    named = [parameters[key] for key in ("FunctionName", "JobName") if key in parameters]
    named += ["${StandardJob}"] if parameters.get("JobName.$") == "$.job" else []
    return named[0].removeprefix("${").removesuffix("}") if named else None


MACHINES = list(machines())


@pytest.mark.parametrize(("name", "definition", "limits"), MACHINES, ids=[name for name, _, _ in MACHINES])
def test_a_task_waits_longer_than_the_function_or_job_that_it_calls(
    name: str, definition: dict[str, Any], limits: dict[str, int]
) -> None:
    checked = set()
    for state_name, state in states(definition):
        if called := what_is_called(state):
            checked.add(called)
            assert state["TimeoutSeconds"] >= limits[called] + MARGIN_S, state_name
            if "HeartbeatSeconds" in state:
                assert state["HeartbeatSeconds"] < state["TimeoutSeconds"], state_name
    assert checked == limits.keys()


def longest(machine: Mapping[str, Any], state_name: str, seen: frozenset[str] = frozenset()) -> int:
    """Seconds of the longest way from a state to the end, each state once and each task tried once."""
    if state_name in seen:
        return 0
    state = machine["States"][state_name]
    following = [
        each["Next"] for each in chain([state], state.get("Catch", []), state.get("Choices", [])) if "Next" in each
    ]
    following += [state["Default"]] if "Default" in state else []
    rest = max((longest(machine, each, seen | {state_name}) for each in following), default=0)
    return own_seconds(state) + rest


def own_seconds(state: Mapping[str, Any]) -> int:
    if state["Type"] == "Map":
        rounds = -(-GROUP_OBJECTS // state["MaxConcurrency"])
        return rounds * longest(state["ItemProcessor"], state["ItemProcessor"]["StartAt"])
    return int(state.get("TimeoutSeconds", 0)) + int(state.get("Seconds", 0))


@pytest.mark.parametrize(("name", "definition", "limits"), MACHINES, ids=[name for name, _, _ in MACHINES])
def test_a_machine_ends_later_than_its_longest_way(
    name: str, definition: dict[str, Any], limits: dict[str, int]
) -> None:
    """So that a state's own time-out comes first, whose catcher says what failed; retries and rebases come on top."""
    assert definition["TimeoutSeconds"] > longest(definition, definition["StartAt"])
