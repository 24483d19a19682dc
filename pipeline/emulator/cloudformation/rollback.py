"""Takes back and takes away: undoes a deployment, deletes what a stack has no more, deletes a whole stack."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pipeline.core.errors import Refused, SluiceError
from pipeline.emulator.cloudformation.records import StackRecord, StackRecords, Status, Step
from pipeline.emulator.cloudformation.resource_calls import ResourceCalls, reason
from pipeline.emulator.cloudformation.resource_types import Aws


@dataclass(frozen=True, slots=True)
class StackDeletion:
    """What a deletion took away, in order, and what it let stand, by logical id to what that is."""

    name: str
    deleted: tuple[str, ...]
    kept: Mapping[str, str]


def undo_steps(physical: ResourceCalls, work: StackRecord, before: StackRecord | None) -> dict[str, str]:
    """Undo what a deployment has done, the last first; answers what could not be undone, and why.

    The stack has its old record again then, or none; what could not be undone stays on it, and is not lost. What the
    deployment made under `DeletionPolicy: Retain` stays and belongs to no stack, as on AWS; its name is used up.
    """
    failures: dict[str, str] = {}
    stuck: list[Step] = []
    let_go = retained(work)
    for step in reversed([step for step in work.steps if step not in let_go]):
        try:
            physical.undo(step)
        except SluiceError as error:
            failures[step.logical_id] = reason(error)
            stuck.insert(0, step)
    if stuck:
        physical.records.save(replace(work, status=Status.ROLLBACK_FAILED, steps=stuck, deployer=None))
    else:
        used_up = {step.logical_id: step.now.generation + 1 for step in let_go}
        _keep(physical.records, work.name, _with_generations(work.name, before, used_up))
    return failures


def retained(work: StackRecord) -> list[Step]:
    """What a deployment made that stays although it fails."""
    return [step for step in work.steps if step.before is None and step.now.kept_when_undone]


def delete_doomed(physical: ResourceCalls, record: StackRecord) -> tuple[list[str], dict[str, str]]:
    """Delete what a finished deployment replaced or removed, the last made first.

    What AWS does not let go is left, and told with the reason: so does CloudFormation, which forgets it.
    """
    deleted, left = [], {}
    for step in reversed(record.doomed):
        try:
            physical.delete(step)
            deleted.append(step.logical_id)
        except SluiceError as error:
            left[step.logical_id] = reason(error)
    if record.doomed:
        record.doomed = []
        physical.records.save(record)
    return deleted, left


def recover(aws: Aws, records: StackRecords, name: str) -> StackRecord | None:
    """Bring a stack whose last deployment broke off to its end: undo what it did, or delete what it had still to.

    Answers its record.

    Raises `Refused` while another process is at it, or if what is left cannot be undone.
    """
    record = records.read_again(name)
    if record is None:
        return None
    if record.deployer not in (None, os.getpid()) and _is_running(record.deployer or 0):
        raise Refused(f"{name} is being deployed by process {record.deployer}", hint="Wait until it is done.")
    physical = ResourceCalls(aws, records, name, record.template or name)
    if record.status in (Status.DEPLOYING, Status.ROLLBACK_FAILED):
        if failures := undo_steps(physical, record, _without_deployment(record)):
            told = "; ".join(f"{logical_id}: {why}" for logical_id, why in failures.items())
            raise Refused(
                f"an earlier deployment of {name} cannot be undone: {told}",
                hint="Remove what stands in the way, or start a fresh lake: `sluice down`, then `sluice up`.",
            )
    elif record.doomed:
        delete_doomed(physical, record)
    return records.get(name)


def _without_deployment(record: StackRecord) -> StackRecord | None:
    """A stack's record as it was before a deployment began."""
    if record.template:
        return replace(record, status=Status.COMPLETE, steps=[], deployer=None)
    return _of_deleted(record)


def _with_generations(name: str, record: StackRecord | None, used_up: Mapping[str, int]) -> StackRecord | None:
    if not used_up:
        return record
    before = record or StackRecord(name, status=Status.DELETED)
    return replace(before, generations={**before.generations, **used_up})


def _of_deleted(record: StackRecord) -> StackRecord | None:
    """What to remember of a stack that is not there: the names of what it left behind."""
    generations = record.generations
    return StackRecord(record.name, status=Status.DELETED, generations=generations) if generations else None


def delete_stack(aws: Aws, records: StackRecords, name: str) -> StackDeletion:
    """Delete a stack's resources, the last made first, but for those whose DeletionPolicy keeps them.

    Raises `Refused` for one that another stack imports from, and, with AWS's reason, for a resource that is not let
    go, such as a bucket that is not empty: the rest of the stack then stands, and deleting it again goes on.
    """
    record = records.get(name)
    if record is None or record.status == Status.DELETED:
        raise Refused(f"there is no stack {name}")
    records.check_exports(name, {})
    physical = ResourceCalls(aws, records, name, record.template or name)
    record = replace(record, status=Status.DELETING, deployer=os.getpid())
    records.save(record)
    deleted, kept = [], {}
    for logical_id, each in reversed(list(record.resources.items())):
        if each.kept_when_removed:
            kept[logical_id] = each.made.reference
            record.generations[logical_id] = each.generation + 1
        else:
            _delete_one(physical, record, Step(logical_id, each))
            deleted.append(logical_id)
        del record.resources[logical_id]
    _keep(records, name, _of_deleted(record))
    return StackDeletion(name, tuple(deleted), kept)


def _delete_one(physical: ResourceCalls, record: StackRecord, step: Step) -> None:
    try:
        physical.delete(step)
    except SluiceError as error:
        physical.records.save(replace(record, status=Status.DELETE_FAILED, deployer=None))
        raise Refused(f"{record.name} is not deleted: {reason(error)}", hint=error.hint) from error


def _keep(records: StackRecords, name: str, record: StackRecord | None) -> None:
    records.forget(name) if record is None else records.save(record)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
