"""Aliases of state machines: names for one or two versions, each of which must be there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pipeline.emulator.stepfunctions import arns
from pipeline.emulator.stepfunctions.errors import api_error, no_machine
from pipeline.emulator.stepfunctions.machines import Alias, Machine
from pipeline.emulator.stepfunctions.pages import last_given, page_size, token_for
from pipeline.emulator.stepfunctions.service import Answer, Region, Request

PERCENT = 100

Routes = Sequence[dict[str, Any]]
"""Versions with their weights, as the API gives them."""


def create_state_machine_alias(region: Region, request: Request) -> Answer:
    name, routes = request["name"], request["routingConfiguration"]
    _check_weights(routes)
    machine = _routed_machine(region, routes)
    if name.isdigit() or name in machine.aliases:
        raise api_error("ConflictException", f"State Machine Alias Already Exists: '{machine.arn}:{name}'")
    alias = machine.aliases[name] = Alias(f"{machine.arn}:{name}", name, routes, request.get("description"))
    return {"creationDate": alias.created, "stateMachineAliasArn": alias.arn}


def update_state_machine_alias(region: Region, request: Request) -> Answer:
    description, routes = request.get("description"), request.get("routingConfiguration")
    if description is None and routes is None:
        raise api_error("ValidationException", "You must provide at least one of routingConfiguration or description")
    if routes:
        _check_weights(routes)
        _routed_machine(region, routes)
    _, alias = region.alias(request["stateMachineAliasArn"])
    alias.routes = routes or alias.routes
    alias.description = alias.description if description is None else description
    alias.updated = datetime.now(UTC)
    return {"updateDate": alias.updated}


def describe_state_machine_alias(region: Region, request: Request) -> Answer:
    _, alias = region.alias(request["stateMachineAliasArn"])
    return {
        "stateMachineAliasArn": alias.arn,
        "name": alias.name,
        "description": alias.description or None,
        "routingConfiguration": alias.routes,
        "creationDate": alias.created,
        "updateDate": alias.updated,
    }


def delete_state_machine_alias(region: Region, request: Request) -> Answer:
    machine, alias = region.alias(request["stateMachineAliasArn"])
    del machine.aliases[alias.name]
    return {}


def list_state_machine_aliases(region: Region, request: Request) -> Answer:
    """In the order in which they were made."""
    machine = region.machine(request["stateMachineArn"])
    limit, question = page_size(request.get("maxResults")), f"aliases {machine.arn}"
    after = last_given(request.get("nextToken"), question) or [0, ""]
    aliases = sorted(machine.aliases.values(), key=_place)
    following = [alias for alias in aliases if _place(alias) > after]
    return {
        "stateMachineAliases": [
            {"stateMachineAliasArn": alias.arn, "creationDate": alias.created} for alias in following[:limit]
        ],
        "nextToken": token_for(question, _place(following[limit - 1])) if len(following) > limit else None,
    }


def _place(alias: Alias) -> list[Any]:
    return [alias.created.timestamp(), alias.name]


def _check_weights(routes: Routes) -> None:
    if len(routes) not in (1, 2):
        raise api_error("ValidationException", "Routing configuration must contain 1 or 2 state machine versions.")
    if sum(route["weight"] for route in routes) != PERCENT:
        raise api_error(
            "ValidationException", "The sum of the weights in the routing configuration must be equal to 100."
        )
    if len({route["stateMachineVersionArn"].rpartition(":")[0] for route in routes}) > 1:
        raise api_error(
            "ValidationException", "Both stateMachineVersionArn values must belong to the same state machine."
        )


def _routed_machine(region: Region, routes: Routes) -> Machine:
    """The machine of an alias's versions."""
    for route in routes:
        arn = route["stateMachineVersionArn"]
        arns.check_machine(arn)
        if region.version(arn) is None:
            is_unqualified = arn in region.machines
            message = f"State Machine Version Does Not Exist: '{arn}'"
            raise api_error("StateMachineDoesNotExist", message) if is_unqualified else no_machine(arn)
    return region.machine(arns.unqualified(routes[0]["stateMachineVersionArn"]))
