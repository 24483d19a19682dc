"""The register of API Gateway's operations, which the modules `*_operations` fill."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.emulator.apigateway.errors import not_honoured
from pipeline.emulator.apigateway.store import Json, Store

Operation = Callable[[Store, Json], Json]

OPERATIONS: dict[str, Operation] = {}
"""By AWS's name. Each gets the call's members, and answers with AWS's document or raises `ApiError`."""


def operation(function: Operation) -> Operation:
    """Register a function as the operation of its name."""
    OPERATIONS["".join(part.title() for part in function.__name__.split("_"))] = function
    return function


def only(given: Json, names: str, what: str) -> None:
    """Refuse a member of a call that is not one of `names`, and has a value."""
    for name, value in given.items():
        if name not in names.split() and value not in (None, False, "", [], {}):
            raise not_honoured(f"{name} of {what}")
