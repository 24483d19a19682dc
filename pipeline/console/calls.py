"""Which functions the states of a machine call, and where their logs are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from pipeline.console.graph import inner_machines
from pipeline.core.clients import client


def functions(machine: Mapping[str, Any]) -> dict[str, str]:
    """The function that each Task of a definition calls, where the definition names it."""
    return dict(_called(machine))


def _called(machine: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, state in machine["States"].items():
        given = state.get("Parameters") or state.get("Arguments")
        called = given.get("FunctionName") if isinstance(given, dict) else None
        if isinstance(called, str) and str(state.get("Resource", "")).endswith(":lambda:invoke"):
            yield name, called
        for inner in inner_machines(state):
            yield from _called(inner)


@lru_cache(maxsize=64)
def log_source(env: str, function: str) -> str | None:
    """The name of a function on the logs page; None if it is not the lake's, or cannot be looked up."""
    aws = client("lambda")
    try:
        described = aws.get_function_configuration(FunctionName=function)
    except aws.exceptions.ClientError:
        # Deleted, named by an expression, or forbidden to this user: the page has one link less.
        return None
    group = described.get("LoggingConfig", {}).get("LogGroup", "")
    prefix = f"/sluice/{env}/lambda/"
    return group.removeprefix(prefix) if group.startswith(prefix) else None
