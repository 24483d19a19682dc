"""Versions of state machines: published once a revision, and what an execution of a qualified ARN runs."""

from __future__ import annotations

import random
from dataclasses import dataclass

from pipeline.emulator.stepfunctions import archive, arns
from pipeline.emulator.stepfunctions.errors import api_error, no_machine
from pipeline.emulator.stepfunctions.machines import Alias, Machine, Version
from pipeline.emulator.stepfunctions.pages import last_given, page_size, token_for
from pipeline.emulator.stepfunctions.service import Answer, Region, Request

INITIAL = "INITIAL"
"""What AWS calls the revision that a machine was made with."""

MOST_VERSIONS = 1_000
"""Published versions of a machine (AWS quota)."""


@dataclass(frozen=True, slots=True)
class Started:
    """What a StartExecution names: a machine, and the version and the alias that it is to be started by, if any."""

    machine: Machine
    version: Version | None = None
    alias: Alias | None = None

    def snapshot(self) -> archive.Machine:
        """The machine as an execution of it sees it, with what its version was published with."""
        machine = self.machine
        seen = machine.configuration if self.version is None else self.version.configuration
        return archive.Machine(
            arn=machine.arn,
            name=machine.name,
            definition=seen.definition,
            role_arn=seen.role_arn,
            updated=machine.updated.timestamp(),
            logging=dict(seen.logging),
            tracing=dict(seen.tracing),
        )


def started_by(region: Region, arn: str) -> Started:
    """What an ARN, with or without a qualifier, starts now. `StateMachineDoesNotExist` for one that is not there."""
    machine, qualifier = region.machine(arns.unqualified(arn)), arns.qualifier(arn)
    if not qualifier:
        return Started(machine)
    if qualifier.isdigit():
        return Started(machine, _version(region, arn))
    alias = machine.aliases.get(qualifier)
    if alias is None:
        raise no_machine(arn)
    [chosen] = random.choices(alias.routes, weights=[route["weight"] for route in alias.routes])  # noqa: S311
    return Started(machine, _version(region, chosen["stateMachineVersionArn"]), alias)


def publish(machine: Machine, description: str | None) -> Version:
    """Make the machine's revision its latest version; one that is published already stays what it is."""
    latest = machine.latest
    if latest is not None and latest.revision_id == machine.revision_id:
        return latest
    if len(machine.versions) >= MOST_VERSIONS:
        raise api_error("ServiceQuotaExceededException", f"A state machine has at most {MOST_VERSIONS} versions.")
    number = machine.last_version = machine.last_version + 1
    arn = f"{machine.arn}:{number}"
    made = Version(arn, number, machine.name, machine.configuration, description, machine.revision_id)
    machine.versions[number] = machine.latest = made
    return made


def publish_state_machine_version(region: Region, request: Request) -> Answer:
    machine = region.machine(request["stateMachineArn"])
    wanted = request.get("revisionId")
    if wanted and wanted != (machine.revision_id or INITIAL):
        raise api_error(
            "ConflictException", f"Failed to publish the State Machine version for revision {wanted}: it is not current"
        )
    made = publish(machine, request.get("description"))
    return {"stateMachineVersionArn": made.arn, "creationDate": made.created}


def delete_state_machine_version(region: Region, request: Request) -> Answer:
    """An alias keeps its versions; executions that run go on."""
    arn = request["stateMachineVersionArn"]
    machine = region.machine(arns.unqualified(arn))
    pointing = [
        alias.name
        for alias in machine.aliases.values()
        if arn in (route["stateMachineVersionArn"] for route in alias.routes)
    ]
    if pointing:
        raise api_error(
            "ConflictException",
            "Version to be deleted must not be referenced by an alias. "
            f"Current list of aliases referencing this version: [{', '.join(pointing)}]",
        )
    number = arns.qualifier(arn)
    gone = machine.versions.pop(int(number), None) if number.isdigit() else None
    if gone is not None and gone is machine.latest:
        machine.latest = None
    return {}


def list_state_machine_versions(region: Region, request: Request) -> Answer:
    """Newest first."""
    machine = region.machine(request["stateMachineArn"])
    limit, question = page_size(request.get("maxResults")), f"versions {machine.arn}"
    before = last_given(request.get("nextToken"), question)
    numbers = [number for number in sorted(machine.versions, reverse=True) if before is None or number < before]
    page = [machine.versions[number] for number in numbers[:limit]]
    return {
        "stateMachineVersions": [{"stateMachineVersionArn": each.arn, "creationDate": each.created} for each in page],
        "nextToken": token_for(question, page[-1].number) if len(numbers) > limit else None,
    }


def _version(region: Region, arn: str) -> Version:
    found = region.version(arn)
    if found is None:
        raise no_machine(arn)
    return found
