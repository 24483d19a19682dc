"""What was deployed: a record a stack, kept in the embedded AWS so that any process that has the endpoint reads it.

moto's CloudFormation cannot hold it, and on AWS CloudFormation itself does. A record also says what a deployment has
done so far, so that one which broke off can be undone by the next.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from botocore.exceptions import ClientError

from pipeline.core.errors import Refused
from pipeline.emulator.cloudformation.resource_types import GONE, TAKEN, Aws, Made, code_of

_PREFIX = "stacks/"


class Status(StrEnum):
    """Where a stack is. `DEPLOYING` and `DELETING` are left behind by what broke off, `..._FAILED` by what failed."""

    COMPLETE = "COMPLETE"
    DEPLOYING = "DEPLOYING"
    ROLLBACK_FAILED = "ROLLBACK_FAILED"
    DELETING = "DELETING"
    DELETE_FAILED = "DELETE_FAILED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class ResourceRecord:
    """A resource as it was made last, with the properties it was made from.

    `reference` is None where making it was begun and nobody heard of its end. What its template's DeletionPolicy says:
    `kept_when_removed`, and `kept_when_undone` if it stays also when the deployment that made it fails.
    """

    type: str
    properties: Mapping[str, Any]
    reference: str | None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    kept_when_removed: bool = False
    kept_when_undone: bool = False
    generation: int = 0

    @property
    def made(self) -> Made:
        """What Ref and Fn::GetAtt answer for it."""
        return Made(self.reference or "", self.attributes)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a deployment did: it made `now`, or brought `before` to it."""

    logical_id: str
    now: ResourceRecord
    before: ResourceRecord | None = None

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Step:
        """A step as JSON has it."""
        before = data["before"] and ResourceRecord(**data["before"])
        return cls(data["logical_id"], ResourceRecord(**data["now"]), before)


@dataclass(slots=True)
class StackRecord:
    """A stack as it stands, resources in the order in which they were made.

    `steps` is what an unfinished deployment has done, in order; `doomed` is what a finished one, or a deletion, has
    still to delete. `generations` counts, for each logical id, the resources that left the stack. `made_from` is the
    digest of template and parameters, empty where what they hold is secret; with `parameters_read` of Parameter Store
    and `exports_read` of other stacks it tells whether anything could have changed.
    """

    name: str
    template: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    status: Status = Status.DEPLOYING
    resources: dict[str, ResourceRecord] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    exports: dict[str, str] = field(default_factory=dict)
    imports: list[str] = field(default_factory=list)
    generations: dict[str, int] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    doomed: list[Step] = field(default_factory=list)
    deployer: int | None = None
    made_from: str = ""
    parameters_read: dict[str, str] = field(default_factory=dict)
    exports_read: dict[str, str] = field(default_factory=dict)

    @property
    def is_finished(self) -> bool:
        """Whether nothing of an earlier deployment is left to do or to undo."""
        return not self.steps and not self.doomed

    @property
    def is_being_deleted(self) -> bool:
        """Whether a deletion was begun and is not at its end."""
        return self.status in (Status.DELETING, Status.DELETE_FAILED)

    @property
    def stands(self) -> bool:
        """Whether it was ever deployed to its end, and is not deleted."""
        return bool(self.template) and self.status != Status.DELETED

    def to_json(self) -> bytes:
        """The record as it is kept."""
        return json.dumps(_fields(self), default=_fields).encode()

    @classmethod
    def from_json(cls, content: bytes) -> StackRecord:
        """Reads what `to_json` wrote."""
        found = json.loads(content)
        found["status"] = Status(found["status"])
        found["resources"] = {name: ResourceRecord(**record) for name, record in found["resources"].items()}
        for steps in ("steps", "doomed"):
            found[steps] = [Step.from_data(data) for data in found[steps]]
        return cls(**found)


def _fields(record: Any) -> dict[str, Any]:
    """A record's fields as they are. `asdict` copies all that is below them, for each resource of a stack anew."""
    return {each.name: getattr(record, each.name) for each in fields(record)}


class StackRecords:
    """Every stack's record, in a bucket that no template makes: the stacks' own buckets come and go with them."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._bucket = f"sluice-stack-records-{aws.account}-{aws.region}"
        self._bucket_is_there = False
        self._records: dict[str, StackRecord] | None = None

    def get(self, name: str) -> StackRecord | None:
        """A stack's record; that of a deleted one only says which names are used up."""
        return self._all().get(name)

    def read_again(self, name: str) -> StackRecord | None:
        """A stack's record as another process may have left it by now."""
        if found := next(self._stored(name), None):
            self._all()[name] = StackRecord.from_json(found)
        else:
            self._all().pop(name, None)
        return self.get(name)

    def __iter__(self) -> Iterator[StackRecord]:
        return (record for record in self._all().values() if record.stands)

    def save(self, record: StackRecord) -> None:
        """Keep the record, also when this process ends at once."""
        self._all()[record.name] = record
        if not self._bucket_is_there:
            self._make_bucket()
        self._aws.clients("s3").put_object(Bucket=self._bucket, Key=self._key(record.name), Body=record.to_json())

    def forget(self, name: str) -> None:
        """Remove the record of a stack."""
        self._all().pop(name, None)
        self._aws.clients("s3").delete_object(Bucket=self._bucket, Key=self._key(name))

    def exports(self) -> dict[str, str]:
        """What every stack exports; two stacks cannot export the same name."""
        return {name: value for record in self for name, value in record.exports.items()}

    def check_exports(self, stack: str, exports: Mapping[str, str]) -> None:
        """`Refused` for a name that another stack exports, and for leaving out or changing one that another reads."""
        before = record.exports if (record := self.get(stack)) else {}
        changed = {name for name, value in before.items() if exports.get(name) != value}
        for other in self:
            if other.name == stack:
                continue
            if taken := exports.keys() & other.exports.keys():
                raise Refused(f"{stack} exports {', '.join(sorted(taken))}, which {other.name} exports already")
            if used := changed & set(other.imports):
                raise Refused(
                    f"{stack} would change or remove the export {', '.join(sorted(used))}, which {other.name} imports",
                    hint=f"Deploy {other.name} without that import first.",
                )

    def owner(self, type_name: str, reference: str) -> str | None:
        """The stack that a resource belongs to."""
        for record in self:
            if any((each.type, each.reference) == (type_name, reference) for each in record.resources.values()):
                return record.name
        return None

    def _all(self) -> dict[str, StackRecord]:
        if self._records is None:
            found = map(StackRecord.from_json, self._stored())
            self._records = {record.name: record for record in found}
        return self._records

    def _stored(self, only: str | None = None) -> Iterator[bytes]:
        s3 = self._aws.clients("s3")
        try:
            if only is None:
                pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=_PREFIX)
                keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
            else:
                keys = [self._key(only)]
            for key in keys:
                yield s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except ClientError as error:
            if code_of(error) not in GONE:
                raise

    def _make_bucket(self) -> None:
        region = self._aws.region
        # us-east-1 is the one region that S3 refuses to be told.
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        try:
            self._aws.clients("s3").create_bucket(Bucket=self._bucket, **where)
        except ClientError as error:
            if code_of(error) not in TAKEN:
                raise
        self._bucket_is_there = True

    def _key(self, name: str) -> str:
        return f"{_PREFIX}{name}.json"
