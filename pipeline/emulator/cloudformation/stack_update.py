"""One deployment of one stack: makes and updates in order, deletes last, and undoes all of it if anything fails.

Each step is on record before it is taken, so that the next deployment can undo one that was killed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pipeline.cloudformation.changes import ResourceAction, ResourceChange
from pipeline.cloudformation.locations import Place
from pipeline.core.errors import BadDefinition, SluiceError
from pipeline.emulator.cloudformation.differences import compare, leaving
from pipeline.emulator.cloudformation.records import ResourceRecord, StackRecord, StackRecords, Status, Step
from pipeline.emulator.cloudformation.resource_calls import Physical
from pipeline.emulator.cloudformation.resource_types import REGISTRY, AlreadyExists, Aws, Resource
from pipeline.emulator.cloudformation.rollback import delete_doomed, retained, undo_steps
from pipeline.emulator.cloudformation.stack import Declared, Stack


@dataclass(frozen=True, slots=True)
class StackResult:
    """What a deployment left behind.

    `resources` maps logical ids to what Ref answers, `changed` names those that this deployment made, updated or
    replaced, `removed` those that it deleted. `kept` maps what left the stack and stays, as its template wants it, to
    what it is; `left` what should have been deleted and was not to the reason, as CloudFormation leaves it, too.
    `accepted_without_effect` maps `Type Property` to the reason.
    """

    name: str
    outputs: Mapping[str, str]
    resources: Mapping[str, str]
    changed: tuple[str, ...]
    accepted_without_effect: Mapping[str, str]
    removed: tuple[str, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)
    left: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Making:
    """One run over one stack, whose earlier deployments have come to their end."""

    aws: Aws
    records: StackRecords
    stack: Stack
    before: StackRecord | None
    changes: list[ResourceChange] = field(default_factory=list)
    ineffective: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._physical = Physical(self.aws, self.records, self.stack.name, self.stack.file)
        before = self.before or StackRecord(self.stack.name)
        self._work = replace(before, status=Status.DEPLOYING, steps=[], deployer=os.getpid())
        self._now: dict[str, ResourceRecord] = {}
        self._is_on_record = False

    def run(self) -> StackResult:
        """Bring the stack to what the template says, or leave it as it was.

        What fails is told with the word that the stack was rolled back; errors that are not ours pass as they are.
        """
        try:
            for logical_id in self.stack.ordered:
                self._bring_up(logical_id)
            outputs, exports = self.stack.outputs()
            self.records.check_exports(self.stack.name, exports)
        except SluiceError as error:
            raise type(error)(f"{error.message}\n{self._roll_back()}", hint=error.hint) from error
        except Exception as error:
            error.add_note(self._roll_back())
            raise
        after = self._after(outputs, exports)
        if self._work.steps or after != self.before:
            self.records.save(after)
        deleted, left = delete_doomed(self._physical, after)
        return self._result(after, deleted, left)

    def _bring_up(self, logical_id: str) -> None:
        declared = self.stack.declared(logical_id)
        self._note_ineffective(logical_id, declared)
        before = self._work.resources.get(logical_id)
        change = compare(
            logical_id,
            declared.kind,
            before,
            declared.properties,
            declared.place,
            old_is_kept=declared.kept_when_replaced,
        )
        wanted = ResourceRecord(
            declared.kind.name,
            declared.properties,
            None,
            kept_when_removed=declared.kept_when_removed,
            kept_when_undone=declared.kept_when_undone,
        )
        if change is None and before is not None:
            made = replace(before, kept_when_removed=declared.kept_when_removed)
        elif before is not None and change is not None and change.action is ResourceAction.MODIFY:
            made = self._update(logical_id, before, wanted)
        else:
            made = self._create(logical_id, before, wanted, declared)
        if change is not None:
            self.changes.append(change)
        self._now[logical_id] = made
        self.stack.scope.references[logical_id] = made.made.reference
        self.stack.scope.attributes[logical_id] = made.attributes

    def _note_ineffective(self, logical_id: str, declared: Declared) -> None:
        resource = Resource(self.stack.name, logical_id, declared.properties, declared.place)
        self.ineffective |= dict(declared.kind.ineffective(resource))

    def _update(self, logical_id: str, before: ResourceRecord, wanted: ResourceRecord) -> ResourceRecord:
        wanted = replace(wanted, reference=before.reference, attributes=before.attributes, generation=before.generation)
        self._begin(Step(logical_id, wanted, before))
        return self._done(logical_id, self._physical.update(logical_id, before, wanted), before)

    def _create(
        self, logical_id: str, before: ResourceRecord | None, wanted: ResourceRecord, declared: Declared
    ) -> ResourceRecord:
        wanted = replace(wanted, generation=next_generation(self._work, logical_id, before))
        if before is not None and self._physical.foresee(logical_id, wanted) == before.reference:
            raise needs_another_name(before, declared)
        self._begin(Step(logical_id, wanted))
        try:
            made = self._physical.create(logical_id, wanted)
        except AlreadyExists:
            self._work.steps.pop()
            raise
        return self._done(logical_id, made, None)

    def _begin(self, step: Step) -> None:
        """Put a step on record, and with it what became of the one before."""
        self._work.steps.append(step)
        self._is_on_record = True
        self.records.save(self._work)

    def _done(self, logical_id: str, now: ResourceRecord, before: ResourceRecord | None) -> ResourceRecord:
        self._work.steps[-1] = Step(logical_id, now, before)
        return now

    def _roll_back(self) -> str:
        did_nothing = not self._work.steps
        kept = ", ".join(step.logical_id for step in retained(self._work))
        failures = undo_steps(self._physical, self._work, self.before) if self._is_on_record else {}
        if did_nothing:
            return f"Nothing of {self.stack.name} was changed."
        if failures:
            told = "; ".join(f"{logical_id}: {why}" for logical_id, why in failures.items())
            return f"{self.stack.name} was rolled back, but for {told}. The next deployment tries again."
        stays = f" {kept} stays, as its DeletionPolicy is Retain." if kept else ""
        return f"{self.stack.name} was rolled back: it is as it was before.{stays}"

    def _after(self, outputs: dict[str, str], exports: dict[str, str]) -> StackRecord:
        """The stack as it now is, with what is still to be deleted."""
        generations, doomed = dict(self._work.generations), []
        replaced = {change.logical_id for change in self.changes if change.action is ResourceAction.REPLACE}
        kept_when_replaced = {change.logical_id for change in self.changes if change.old_is_kept}
        for logical_id, old in self._work.resources.items():
            if logical_id in self._now and logical_id not in replaced:
                continue
            generations[logical_id] = old.generation + 1
            keeps = logical_id in kept_when_replaced if logical_id in replaced else old.kept_when_removed
            if logical_id not in replaced:
                self.changes.append(leaving(logical_id, old))
            if not keeps:
                doomed.append(Step(logical_id, old))
        return StackRecord(
            name=self.stack.name,
            template=self.stack.file,
            parameters=self.stack.kept_parameters(),
            status=Status.COMPLETE,
            resources=self._now,
            outputs=outputs,
            exports=exports,
            imports=sorted(self.stack.scope.imported),
            generations=generations,
            doomed=doomed,
            made_from=self.stack.made_from,
            parameters_read=dict(self.stack.reads.parameters),
            exports_read=self.stack.exports_read(),
        )

    def _result(self, after: StackRecord, deleted: list[str], left: Mapping[str, str]) -> StackResult:
        old = self._work.resources
        leaving_ = {
            change.logical_id
            for change in self.changes
            if change.action in (ResourceAction.REMOVE, ResourceAction.KEEP)
        }
        kept = {c.logical_id for c in self.changes if c.old_is_kept or c.action is ResourceAction.KEEP}
        return StackResult(
            self.stack.name,
            after.outputs,
            {logical_id: each.made.reference for logical_id, each in after.resources.items()},
            tuple(change.logical_id for change in self.changes if change.logical_id not in leaving_),
            self.ineffective,
            removed=tuple(logical_id for logical_id in deleted if logical_id in leaving_),
            kept={logical_id: old[logical_id].made.reference for logical_id in sorted(kept)},
            left=left,
        )


def unchanged(record: StackRecord, place: Place) -> StackResult:
    """The result of a deployment that found the stack as it is wanted."""
    ineffective: dict[str, str] = {}
    for logical_id, each in record.resources.items():
        ineffective |= dict(REGISTRY[each.type].ineffective(Resource(record.name, logical_id, each.properties, place)))
    references = {logical_id: each.made.reference for logical_id, each in record.resources.items()}
    return StackResult(record.name, record.outputs, references, (), ineffective)


def next_generation(record: StackRecord, logical_id: str, before: ResourceRecord | None) -> int:
    """How many resources stood under a logical id before the one that is to be made."""
    return before.generation + 1 if before else record.generations.get(logical_id, 0)


def needs_another_name(before: ResourceRecord, declared: Declared) -> BadDefinition:
    """The new one is made before the old is deleted, so both cannot have the name that a template gives."""
    return declared.place.wrong(
        f"CloudFormation cannot update a stack when a custom-named resource requires replacing. "
        f"Rename {before.reference} and update the stack again."
    )
