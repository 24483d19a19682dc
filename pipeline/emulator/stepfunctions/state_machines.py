"""State machines at the API: made, updated, described, deleted and tagged. A name is used once."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pipeline.emulator.stepfunctions import arns
from pipeline.emulator.stepfunctions.definitions import check_definition
from pipeline.emulator.stepfunctions.errors import api_error
from pipeline.emulator.stepfunctions.executions import check_name, forget
from pipeline.emulator.stepfunctions.logs import checked
from pipeline.emulator.stepfunctions.machines import ENCRYPTION, STANDARD, TRACING, Configuration, Machine
from pipeline.emulator.stepfunctions.service import Answer, Region, Request
from pipeline.emulator.stepfunctions.versions import publish

_NOTHING = (
    "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified"
)


def create_state_machine(region: Region, request: Request) -> Answer:
    """The same definition, logging and tracing under the same name is the same machine; AWS looks at no more."""
    _check_description(request)
    _check(request)
    name, definition = request["name"], request["definition"]
    check_definition(definition, name)
    wanted = Configuration(
        definition=definition,
        role_arn=request["roleArn"],
        logging=checked(request.get("loggingConfiguration")),
        tracing=request.get("tracingConfiguration") or TRACING,
        encryption=request.get("encryptionConfiguration") or ENCRYPTION,
    )
    check_name(name)
    arns.check_role(wanted.role_arn)
    machine = Machine(region.machine_arn(name), name, wanted, tags=_tags(request.get("tags") or []))
    if request.get("publish"):
        publish(machine, request.get("versionDescription"))
    return _created(_kept(region, machine))


def _kept(region: Region, machine: Machine) -> Machine:
    """The machine, or one that is there already and is the same."""
    with region.service.changing:
        known = region.machines.get(machine.arn)
        if known is None:
            # All state may have been forgotten with an earlier machine of this name, which the archive does not see.
            region.service.archive.remove_machine(machine.arn)
            region.machines[machine.arn] = machine
            return machine
    if not _is_same(known.configuration, machine.configuration):
        raise api_error("StateMachineAlreadyExists", f"State Machine Already Exists: '{known.arn}'")
    return known


def update_state_machine(region: Region, request: Request) -> Answer:
    """Executions that run go on with what they began with."""
    _check_description(request)
    _check(request)
    changes: dict[str, Any] = {
        "definition": request.get("definition"),
        "role_arn": request.get("roleArn"),
        "logging": request.get("loggingConfiguration") and checked(request["loggingConfiguration"]),
        "tracing": request.get("tracingConfiguration"),
        "encryption": request.get("encryptionConfiguration"),
    }
    changes = {name: value for name, value in changes.items() if value}
    if not changes:
        raise api_error("MissingRequiredParameter", _NOTHING)
    machine = region.machine(request["stateMachineArn"])
    before, after = machine.configuration, replace(machine.configuration, **changes)
    check_definition(after.definition, machine.name)
    machine.configuration, machine.updated = after, datetime.now(UTC)
    if replace(after, encryption=before.encryption) != before:
        machine.revision_id = str(uuid.uuid4())
    # Only now: what is published is the new revision.
    version = publish(machine, request.get("versionDescription")) if request.get("publish") else None
    return {
        "updateDate": machine.updated,
        "revisionId": machine.revision_id,
        "stateMachineVersionArn": version.arn if version else None,
    }


def describe_state_machine(region: Region, request: Request) -> Answer:
    """Of a machine or a version. AWS tells a revision from the first update on."""
    arn = request["stateMachineArn"]
    version = region.version(arn)
    described = version or region.machine(arn)
    configuration = described.configuration
    return {
        "stateMachineArn": described.arn,
        "name": described.name,
        "status": "ACTIVE",
        "type": STANDARD,
        "definition": configuration.definition,
        "roleArn": configuration.role_arn,
        "loggingConfiguration": configuration.logging,
        "tracingConfiguration": configuration.tracing,
        "encryptionConfiguration": configuration.encryption,
        "creationDate": described.created,
        "revisionId": described.revision_id,
        "description": version.description or None if version else None,
    }


def delete_state_machine(region: Region, request: Request) -> Answer:
    """One that is not there is deleted already."""
    arn = request["stateMachineArn"]
    arns.check_machine(arn)
    machine = region.machines.get(arn)
    if machine is not None:
        forget(region, machine)
        region.machines.pop(arn, None)
    return {}


def tag_resource(region: Region, request: Request) -> Answer:
    """What is not there takes no tags."""
    arn = request["resourceArn"]
    machine = region.machines.get(arn)
    if machine is None:
        raise api_error("ResourceNotFound", f"Resource not found: '{arn}'")
    machine.tags |= _tags(request.get("tags", []))
    return {}


def untag_resource(region: Region, request: Request) -> Answer:
    machine = region.machines.get(request["resourceArn"])
    if machine is not None:
        for key in request.get("tagKeys", []):
            machine.tags.pop(key, None)
    return {}


def list_tags_for_resource(region: Region, request: Request) -> Answer:
    machine = region.machines.get(request["resourceArn"])
    tags = machine.tags if machine is not None else {}
    return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}


def _created(machine: Machine) -> Answer:
    return {
        "creationDate": machine.created,
        "stateMachineArn": machine.arn,
        "stateMachineVersionArn": machine.latest.arn if machine.latest else None,
    }


def _check_description(request: Request) -> None:
    if request.get("versionDescription") and not request.get("publish"):
        raise api_error("ValidationException", "Version description can only be set when publish is true")


def _check(request: Request) -> None:
    if request.get("type") not in (None, STANDARD):
        raise api_error("StateMachineTypeNotSupported", "The embedded AWS has no Express state machines.")
    encryption = request.get("encryptionConfiguration") or {}
    if encryption.get("type", ENCRYPTION["type"]) != ENCRYPTION["type"]:
        raise api_error("InvalidEncryptionConfiguration", "The embedded AWS encrypts no state machines.")


def _is_same(known: Configuration, wanted: Configuration) -> bool:
    """AWS does not look at the role."""
    return (known.definition, known.logging, known.tracing) == (wanted.definition, wanted.logging, wanted.tracing)


def _tags(given: list[dict[str, Any]]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in given}
