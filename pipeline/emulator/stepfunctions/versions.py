"""Versions and aliases of state machines: published once a revision, and what an execution of a qualified ARN runs.

moto keeps versions that nothing can publish alone, list or delete, aliases of versions that are not there, and starts
no alias.
"""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import Misconfigured
from pipeline.emulator.moto.guard import replace
from pipeline.emulator.stepfunctions.errors import api_error
from pipeline.emulator.stepfunctions.pages import last_given, page_size, token_for

INITIAL = "INITIAL"
"""What AWS calls the revision that a machine was made with."""

MOST_VERSIONS = 1_000
"""Published versions of a machine (AWS quota)."""

_UNQUALIFIED = 7
_NEW_OPERATIONS = ("publish_state_machine_version", "delete_state_machine_version", "list_state_machine_versions")


def install() -> None:
    from moto.stepfunctions.models import StateMachine, StepFunctionBackend
    from moto.stepfunctions.responses import StepFunctionResponse

    def create_alias(self: Any, name: str, routing_configuration: list[dict[str, Any]], description: Any) -> Any:
        machine = _routed_machine(self, routing_configuration)
        if name.isdigit() or name in machine.aliases:
            raise api_error("ConflictException", f"State Machine Alias Already Exists: '{machine.arn}:{name}'")
        return original_create(self, name, routing_configuration, description)

    def update_alias(self: Any, arn: str, description: Any, routing_configuration: Any) -> Any:
        if routing_configuration:
            _routed_machine(self, routing_configuration)
        return original_update(self, arn, description, routing_configuration)

    original_create = replace(StepFunctionBackend, "create_state_machine_alias", create_alias, source="a27e02d8c562")
    original_update = replace(StepFunctionBackend, "update_state_machine_alias", update_alias, source="d5ff8706c9a5")
    replace(StateMachine, "publish", publish, source="e07187c69198")
    for name, operation in zip(_NEW_OPERATIONS, (_publish, _delete, _list), strict=True):
        if hasattr(StepFunctionResponse, name):
            raise Misconfigured(f"moto has {name} now", hint="Install the pinned moto, or look at what it does.")
        setattr(StepFunctionResponse, name, operation)


@dataclass(frozen=True, slots=True)
class Started:
    """What a StartExecution names: a machine, and the version and the alias that it is to be started by, if any."""

    machine: Any
    version: Any = None
    alias: Any = None

    def as_published(self) -> Any:
        """The machine as an execution of it sees it: with what its version was published with.

        It is a copy: no update reaches executions that run.
        """
        seen = copy.copy(self.machine)
        if self.version is not None:
            for name in ("definition", "roleArn", "loggingConfiguration", "tracingConfiguration"):
                setattr(seen, name, getattr(self.version, name))
        seen.version_arn = self.version and self.version.arn
        seen.alias_arn = self.alias and self.alias.arn
        return seen


def unqualified(arn: str) -> str:
    """A machine's own ARN, of that of one of its versions or aliases."""
    return ":".join(arn.split(":")[:_UNQUALIFIED])


def started_by(backend: Any, arn: str) -> Started:
    """What an ARN, with or without a qualifier, starts now. moto's `StateMachineDoesNotExist` for one not there."""
    from moto.stepfunctions.exceptions import ResourceNotFound, StateMachineDoesNotExist

    machine = backend.describe_state_machine(unqualified(arn))
    qualifier = arn.removeprefix(machine.arn)[1:]
    if not qualifier:
        return Started(machine)
    if qualifier.isdigit():
        return Started(machine, backend.describe_state_machine(arn))
    try:
        alias = backend.describe_state_machine_alias(arn)
    except ResourceNotFound:
        raise StateMachineDoesNotExist(f"State Machine Does Not Exist: '{arn}'") from None
    routes = alias.routing_configuration
    [chosen] = random.choices(routes, weights=[route["weight"] for route in routes])  # noqa: S311
    return Started(machine, backend.describe_state_machine(chosen["stateMachineVersionArn"]), alias)


def revision_of(machine: Any) -> str:
    """The revision that a machine is at."""
    return getattr(machine, "revision_id", None) or INITIAL


def publish(machine: Any, description: str | None) -> None:
    """Make the machine's revision its latest version; one that is published already stays what it is."""
    from moto.stepfunctions.models import StateMachineVersion

    if machine.latest_version is not None and machine.latest_version.of_revision == revision_of(machine):
        return
    if len(machine.versions) >= MOST_VERSIONS:
        raise api_error("ServiceQuotaExceededException", f"A state machine has at most {MOST_VERSIONS} versions.")
    machine.latest_version_number += 1
    kind: Any = StateMachineVersion
    made = kind(source=machine, version=machine.latest_version_number, description=description)
    made.of_revision = revision_of(machine)
    made.revision_id = getattr(machine, "revision_id", None)
    machine.versions[made.version] = machine.latest_version = made


def _routed_machine(backend: Any, routes: list[dict[str, Any]]) -> Any:
    """The machine of an alias's versions, each of which must be there."""
    from moto.stepfunctions.exceptions import StateMachineDoesNotExist

    versions = [backend.describe_state_machine(route["stateMachineVersionArn"]) for route in routes]
    for version in versions:
        if not hasattr(version, "source_arn"):
            raise StateMachineDoesNotExist(f"State Machine Version Does Not Exist: '{version.arn}'")
    return backend.describe_state_machine(versions[0].source_arn)


def _publish(self: Any) -> Any:
    from moto.core.responses import ActionResult

    machine = self.stepfunction_backend.describe_state_machine(self._get_param("stateMachineArn"))
    wanted = self._get_param("revisionId")
    if wanted and wanted != revision_of(machine):
        raise api_error(
            "ConflictException", f"Failed to publish the State Machine version for revision {wanted}: it is not current"
        )
    machine.publish(self._get_param("description"))
    made = machine.latest_version
    return ActionResult({"stateMachineVersionArn": made.arn, "creationDate": made.creation_date})


def _delete(self: Any) -> Any:
    """An alias keeps its versions; executions that run go on."""
    from moto.core.responses import EmptyResult

    arn = self._get_param("stateMachineVersionArn")
    machine = self.stepfunction_backend.describe_state_machine(unqualified(arn))
    pointing = [
        alias.name
        for alias in machine.aliases.values()
        if arn in (route["stateMachineVersionArn"] for route in alias.routing_configuration)
    ]
    if pointing:
        raise api_error(
            "ConflictException",
            "Version to be deleted must not be referenced by an alias. "
            f"Current list of aliases referencing this version: [{', '.join(pointing)}]",
        )
    number = arn.rpartition(":")[2]
    gone = machine.versions.pop(int(number), None) if number.isdigit() else None
    if gone is not None and gone is machine.latest_version:
        machine.latest_version = None
    return EmptyResult()


def _list(self: Any) -> Any:
    """Newest first."""
    from moto.core.responses import ActionResult

    machine = self.stepfunction_backend.describe_state_machine(self._get_param("stateMachineArn"))
    limit, question = page_size(self._get_param("maxResults")), f"versions {machine.arn}"
    before = last_given(self._get_param("nextToken"), question)
    numbers = [number for number in sorted(machine.versions, reverse=True) if before is None or number < before]
    page = [machine.versions[number] for number in numbers[:limit]]
    answer: dict[str, Any] = {
        "stateMachineVersions": [
            {"stateMachineVersionArn": each.arn, "creationDate": each.creation_date} for each in page
        ]
    }
    if len(numbers) > limit:
        answer["nextToken"] = token_for(question, page[-1].version)
    return ActionResult(answer)
