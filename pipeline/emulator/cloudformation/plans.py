"""What a deployment would do, stack by stack, found out with reads alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.cloudformation.changes import ResourceAction, ResourceChange, StackPlan
from pipeline.cloudformation.intrinsics import is_unknown, unknown
from pipeline.emulator.cloudformation.differences import compare, leaving
from pipeline.emulator.cloudformation.records import ResourceRecord, StackRecord, StackRecords
from pipeline.emulator.cloudformation.resource_calls import Physical
from pipeline.emulator.cloudformation.resource_types import Aws
from pipeline.emulator.cloudformation.sources import digest, stands
from pipeline.emulator.cloudformation.stack import Declared, Stack, prepare
from pipeline.emulator.cloudformation.stack_update import needs_another_name, next_generation


class _UnknownAttributes(Mapping[str, Any]):
    """The attributes of a resource that is not made yet: whatever is asked for is known only then."""

    def __init__(self, logical_id: str) -> None:
        self._logical_id = logical_id

    def __getitem__(self, name: str) -> str:
        return unknown(f"{self._logical_id}.{name}")

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 0


@dataclass
class Planner:
    """Plans stacks in the order of their deployment: each sees what those before it would publish."""

    aws: Aws
    records: StackRecords
    ssm: Callable[[str], str]
    secrets: Callable[[str], str]
    _published: dict[str, str] = field(default_factory=dict)
    _exported: dict[str, str] = field(default_factory=dict)

    def plan(self, name: str, template: Path, given: Mapping[str, Any]) -> StackPlan:
        """What deploying the stack would change; `BadDefinition` for what the deployment would refuse."""
        standing = self.records.get(name)
        if standing and stands(standing, digest(self.aws, template, given), self.parameter, self._exports):
            self._exported |= standing.exports
            return StackPlan(name, (), standing.outputs, is_new=False, stands=True)
        stack = prepare(
            self.aws, name, template, given, ssm=self.parameter, exports=self._exports, secrets=self.secrets
        )
        record = standing or StackRecord(name)
        found = (self._change(stack, record, logical_id) for logical_id in stack.ordered)
        changes = [change for change in found if change is not None]
        outputs, exports = stack.outputs()
        self._exported |= exports
        gone = [logical_id for logical_id in record.resources if logical_id not in stack.ordered]
        changes += [leaving(logical_id, record.resources[logical_id]) for logical_id in reversed(gone)]
        return StackPlan(name, tuple(changes), outputs, not record.stands, not record.is_finished)

    def _change(self, stack: Stack, record: StackRecord, logical_id: str) -> ResourceChange | None:
        declared = stack.declared(logical_id)
        before = record.resources.get(logical_id)
        keeps = declared.kept_when_replaced
        change = compare(logical_id, declared.kind, before, declared.properties, declared.place, old_is_kept=keeps)
        if before is not None and (change is None or change.action is ResourceAction.MODIFY):
            stack.scope.references[logical_id] = before.made.reference
            stack.scope.attributes[logical_id] = _updated(before, declared) | _renewed(logical_id, declared, change)
        else:
            reference = self._foreseen(stack, record, logical_id, declared)
            stack.scope.references[logical_id] = reference or unknown(logical_id)
            stack.scope.attributes[logical_id] = _UnknownAttributes(logical_id)
        if change is not None:
            wanted = ResourceRecord(declared.kind.name, declared.properties, None)
            Physical(self.aws, self.records, stack.name, stack.file).check(logical_id, wanted)
        if change is not None and declared.kind.name == "AWS::SSM::Parameter" and "Name" in declared.properties:
            self._published[str(declared.properties["Name"])] = str(declared.properties.get("Value", ""))
        return change

    def _foreseen(self, stack: Stack, record: StackRecord, logical_id: str, declared: Declared) -> str | None:
        """What Ref of a resource that is to be made will be, where that follows from its properties."""
        if is_unknown(declared.properties):
            return None
        before = record.resources.get(logical_id)
        generation = next_generation(record, logical_id, before)
        wanted = ResourceRecord(declared.kind.name, declared.properties, None, generation=generation)
        found = Physical(self.aws, self.records, stack.name, stack.file).foresee(logical_id, wanted)
        if before is not None and found == before.reference:
            raise needs_another_name(before, declared)
        return found

    def parameter(self, name: str) -> str:
        """Parameter Store's value of a name once the stacks planned so far are deployed; `KeyError` if not there."""
        return self._published[name] if name in self._published else self.ssm(name)

    def _exports(self) -> Mapping[str, str]:
        return {**self.records.exports(), **self._exported}


def _renewed(logical_id: str, declared: Declared, change: ResourceChange | None) -> dict[str, Any]:
    """The attributes that only the update will tell."""
    return {name: unknown(f"{logical_id}.{name}") for name in declared.kind.renewed} if change else {}


def _updated(before: ResourceRecord, declared: Declared) -> dict[str, Any]:
    """The attributes after an update: those that are properties, too, take the new values."""
    return {name: declared.properties.get(name, value) for name, value in before.attributes.items()}
