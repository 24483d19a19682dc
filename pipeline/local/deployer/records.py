"""What was deployed: a record a stack, kept in the artefact bucket so that any process that has the endpoint reads it.

moto's CloudFormation cannot hold it, and on AWS CloudFormation itself does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pipeline.errors import Refused
from pipeline.local.deployer.types import Clients, Made

_PREFIX = "stacks/"


@dataclass(frozen=True, slots=True)
class ResourceRecord:
    """A resource as it was made last, with the properties it was made from.

    `retained` says that its template wants it kept when it leaves the stack.
    """

    type: str
    properties: Mapping[str, Any]
    reference: str
    attributes: Mapping[str, Any]
    retained: bool = False

    @property
    def made(self) -> Made:
        return Made(self.reference, self.attributes)


@dataclass(slots=True)
class StackRecord:
    """A stack as it stands. `status` is COMPLETE or FAILED, and then `resources` holds what was made before."""

    name: str
    template: str
    parameters: dict[str, Any]
    status: str = "FAILED"
    resources: dict[str, ResourceRecord] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    exports: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode()

    @classmethod
    def from_json(cls, content: bytes) -> StackRecord:
        found = json.loads(content)
        resources = {logical_id: ResourceRecord(**record) for logical_id, record in found.pop("resources").items()}
        return cls(**found, resources=resources)


class StackRecords:
    """Every stack's record. Until `keep_in` names the bucket, which is itself made by a stack, they are in memory."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._bucket: str | None = None
        self._records: dict[str, StackRecord] = {}

    def keep_in(self, bucket: str) -> None:
        """Read the records in `bucket`, and from now on write them there too."""
        s3 = self._clients("s3")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=_PREFIX)
        for key in [entry["Key"] for page in pages for entry in page.get("Contents", [])]:
            record = StackRecord.from_json(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
            self._records.setdefault(record.name, record)
        self._bucket = bucket
        for record in self._records.values():
            self.save(record)

    def get(self, name: str) -> StackRecord | None:
        return self._records.get(name)

    def __iter__(self) -> Iterator[StackRecord]:
        return iter(self._records.values())

    def save(self, record: StackRecord) -> None:
        self._records[record.name] = record
        if self._bucket:
            key = f"{_PREFIX}{record.name}.json"
            self._clients("s3").put_object(Bucket=self._bucket, Key=key, Body=record.to_json())

    def exports(self) -> dict[str, str]:
        """What every stack exports; two stacks cannot export the same name."""
        return {name: value for record in self for name, value in record.exports.items()}

    def check_exports(self, stack: str, names: Mapping[str, str]) -> None:
        """`Refused` if another stack already exports one of these names."""
        for record in self:
            if record.name != stack and (taken := names.keys() & record.exports.keys()):
                raise Refused(f"{stack} exports {', '.join(sorted(taken))}, which {record.name} exports already")
