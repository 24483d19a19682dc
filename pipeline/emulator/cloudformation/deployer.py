"""Deploys CloudFormation stacks to the embedded AWS: plans, makes, updates, replaces, removes, rolls back, deletes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from botocore.exceptions import ClientError

from pipeline.cloudformation.locations import Place
from pipeline.core.errors import Refused
from pipeline.emulator.cloudformation import registry
from pipeline.emulator.cloudformation.plans import Planner
from pipeline.emulator.cloudformation.records import StackRecords, Status
from pipeline.emulator.cloudformation.resource_types import GONE, Aws, Clients, code_of
from pipeline.emulator.cloudformation.rollback import StackDeletion, delete_stack, recover
from pipeline.emulator.cloudformation.sources import digest, stands, stored_secret
from pipeline.emulator.cloudformation.stack import prepare
from pipeline.emulator.cloudformation.stack_update import StackResult, StackUpdate, unchanged

__all__ = ["Deployer", "StackResult", "registry"]


class Deployer:
    """The embedded CloudFormation. One deployment of a stack at a time."""

    def __init__(self, clients: Clients, account: str, region: str, partition: str = "aws") -> None:
        """`clients` answers a boto3 client of a service, as `pipeline.core.clients.client` does."""
        self._aws = Aws(clients, account, region, partition)
        self.records = StackRecords(self._aws)

    def deploy(self, name: str, template: Path, given: Mapping[str, Any] | None = None) -> StackResult:
        """Bring one stack to what a packaged template says: make, update, replace, and delete last.

        Raises `BadDefinition`, naming file, logical id and property, before anything is made, for what is not
        honoured; and with AWS's answer for a resource that AWS refuses: what this deployment did is then undone.
        What an earlier deployment that was killed left half done is undone first, and a deletion finished.
        """
        record = recover(self._aws, self.records, name)
        if record is not None and record.is_being_deleted:
            delete_stack(self._aws, self.records, name)
            record = self.records.get(name)
        ssm = self._parameter_store()
        if record and stands(record, digest(self._aws, template, given or {}), ssm, self.records.exports):
            return self.standing(name)
        stack = prepare(
            self._aws,
            name,
            template,
            given or {},
            ssm=ssm,
            exports=self.records.exports,
            secrets=partial(stored_secret, self._aws),
        )
        return StackUpdate(self._aws, self.records, stack, record).run()

    def planner(self, uploads: Callable[[str], bytes | None] = lambda key: None, under: str = "") -> Planner:
        """Plans stacks one after the other, and changes nothing.

        `uploads` has what would be uploaded first, by key. Parameters below the path `under` are asked for at once.
        """
        store = self._parameter_store(self._parameters_below(under) if under else {})
        return Planner(replace(self._aws, uploads=uploads), self.records, store, partial(stored_secret, self._aws))

    def parameter(self, name: str) -> str:
        """Parameter Store's value of a name; `KeyError` if it is not there."""
        return self._parameter_store()(name)

    def standing(self, name: str) -> StackResult:
        """A stack as it stands, as a deployment tells that found nothing to do; `Refused` if there is none."""
        record = self.records.get(name)
        if record is None or not record.stands:
            raise Refused(f"there is no stack {name}")
        return unchanged(record, Place(record.template, ("Resources",)))

    def delete(self, name: str) -> StackDeletion:
        """Delete a stack; see `delete_stack`."""
        recover(self._aws, self.records, name)
        return delete_stack(self._aws, self.records, name)

    def delete_if_there(self, name: str) -> StackDeletion | None:
        """Delete a stack, also one that is not whole because whoever deployed or deleted it died; None without one."""
        record = recover(self._aws, self.records, name)
        if record is None or record.status == Status.DELETED:
            return None
        return delete_stack(self._aws, self.records, name)

    def _parameters_below(self, path: str) -> dict[str, str]:
        pages = self._aws.clients("ssm").get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=True)
        return {each["Name"]: str(each["Value"]) for page in pages for each in page["Parameters"]}

    def _parameter_store(self, found: Mapping[str, str] = MappingProxyType({})) -> Callable[[str], str]:
        """Parameter Store as it stands at this deployment, each name read once; `KeyError` for one not there."""
        found = dict(found)

        def value(name: str) -> str:
            if name not in found:
                try:
                    found[name] = str(self._aws.call("ssm", "get_parameter", Name=name)["Parameter"]["Value"])
                except ClientError as error:
                    if code_of(error) not in GONE:
                        raise
                    raise KeyError(name) from error
            return found[name]

        return value
