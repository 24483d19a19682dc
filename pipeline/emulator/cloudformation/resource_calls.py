"""Makes, updates and deletes the things themselves. A record goes in, and AWS's answer is told with its place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from pipeline.cloudformation.locations import Place, strict_properties
from pipeline.cloudformation.secrets import with_secrets
from pipeline.core.errors import BadDefinition, SluiceError
from pipeline.emulator.cloudformation.records import ResourceRecord, StackRecords, Step
from pipeline.emulator.cloudformation.resource_types import (
    GONE,
    REGISTRY,
    TAKEN,
    AlreadyExists,
    Aws,
    Resource,
    ResourceType,
    code_of,
)
from pipeline.emulator.cloudformation.sources import stored_secret

_OURS = "The embedded AWS "
"""How answers begin that are not AWS's."""
_CREATING = ("Create", "Subscribe", "AddPermission", "PutParameter", "PublishLayerVersion")


@dataclass(frozen=True, slots=True)
class Physical:
    """The resources of one stack in the embedded AWS; `file` is the template that errors name."""

    aws: Aws
    records: StackRecords
    stack: str
    file: str

    def check(self, logical_id: str, record: ResourceRecord) -> None:
        """Raise what `create` and `update` would of `record`, as far as that can be known before."""
        try:
            REGISTRY[record.type].check(self.aws, self._resource(logical_id, record))
        except ClientError as error:
            raise self._refused(logical_id, error) from error

    def create(self, logical_id: str, record: ResourceRecord) -> ResourceRecord:
        """Make what `record` says. `AlreadyExists` if its name is taken, else `BadDefinition` with AWS's answer."""
        return self._put(self._resource(logical_id, record), record, None)

    def update(self, logical_id: str, before: ResourceRecord, record: ResourceRecord) -> ResourceRecord:
        """Bring a standing resource to what `record` says: what that leaves out becomes as if it was never given."""
        gone = before.properties.keys() - record.properties.keys()
        resets = {name: value for name, value in REGISTRY[record.type].resets.items() if name in gone}
        spelled_out = replace(record, properties={**record.properties, **resets})
        resource = replace(self._resource(logical_id, spelled_out), before=before.properties)
        return self._put(resource, record, before)

    def delete(self, step: Step) -> None:
        """Delete what `step` made; nothing happens if it is not there. `BadDefinition` with AWS's answer."""
        place = self._place(step.logical_id)
        # A secret that it was made with may be gone before it.
        resource = Resource(
            self.stack,
            step.logical_id,
            strict_properties(step.now.properties, place),
            place,
            generation=step.now.generation,
        )
        try:
            REGISTRY[step.now.type].delete(self.aws, resource, step.now.made)
        except ClientError as error:
            if code_of(error) not in GONE:
                raise self._refused(step.logical_id, error) from error
        except BotoCoreError as error:
            raise self._refused(step.logical_id, error) from error

    def undo(self, step: Step) -> None:
        """Delete what `step` made, or bring what it updated back to what it was before."""
        if step.before is not None:
            self.update(step.logical_id, step.now, step.before)
        elif (made := self._made_by(step)) is not None:
            self._unlock(step.logical_id, made)
            self.delete(replace(step, now=made))

    def _made_by(self, step: Step) -> ResourceRecord | None:
        """What a step made, also if nobody heard of its end; None if there is nothing of this stack's."""
        if step.now.reference is not None:
            return step.now
        found = self.foresee(step.logical_id, step.now)
        # Its name was perhaps taken, and it was never made: what stands there is another's.
        if found is None or self.records.owner(step.now.type, found):
            return None
        return replace(step.now, reference=found)

    def _unlock(self, logical_id: str, made: ResourceRecord) -> None:
        """Take off the protection against deletion, which AWS heeds, of what should never have been made."""
        protection = "DeletionProtectionEnabled"
        if not made.properties.get(protection):
            return
        try:
            self.update(logical_id, made, replace(made, properties={**made.properties, protection: False}))
        except BadDefinition as error:
            if not isinstance(error.__cause__, ClientError) or code_of(error.__cause__) not in GONE:
                raise

    def foresee(self, logical_id: str, record: ResourceRecord) -> str | None:
        """What Ref of `record` will be once it is made; None if that is not known before."""
        try:
            return REGISTRY[record.type].find(self.aws, self._resource(logical_id, record))
        except ClientError as error:
            # What it belongs to is not made yet either.
            if code_of(error) not in GONE:
                raise
            return None

    def _put(self, resource: Resource, record: ResourceRecord, before: ResourceRecord | None) -> ResourceRecord:
        kind: ResourceType = REGISTRY[record.type]
        try:
            made = kind.put(self.aws, resource, before.made if before else None)
        except ClientError as error:
            if before is None and code_of(error) in TAKEN and error.operation_name.startswith(_CREATING):
                raise AlreadyExists(self._refused(resource.logical_id, error).message) from error
            raise self._refused(resource.logical_id, error) from error
        except (BotoCoreError, ValueError) as error:
            raise self._refused(resource.logical_id, error) from error
        return replace(record, reference=made.reference, attributes=dict(made.attributes))

    def _resource(self, logical_id: str, record: ResourceRecord) -> Resource:
        place = self._place(logical_id)
        properties = with_secrets(record.properties, partial(stored_secret, self.aws), place)
        return Resource(
            self.stack, logical_id, strict_properties(properties, place), place, generation=record.generation
        )

    def _place(self, logical_id: str) -> Place:
        return Place(self.file, ("Resources", logical_id, "Properties"))

    def _refused(self, logical_id: str, error: Exception) -> BadDefinition:
        answer = str(error)
        if isinstance(error, ClientError):
            told = str(error.response["Error"].get("Message"))
            if told.startswith(_OURS):
                return Place(self.file, ("Resources", logical_id)).wrong(told)
            answer = f"{code_of(error)}: {told}"
        return Place(self.file, ("Resources", logical_id)).wrong(f"AWS refuses it: {answer}")


def reason(error: Exception) -> str:
    """What to say of an error in one line."""
    return error.message if isinstance(error, SluiceError) else str(error)
