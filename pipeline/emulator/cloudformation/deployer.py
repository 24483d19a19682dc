"""Deploys CloudFormation stacks to the embedded AWS: plans, makes, updates, replaces, removes, rolls back, deletes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from botocore.exceptions import ClientError

from pipeline.cloudformation import order
from pipeline.cloudformation.changes import StackPlan
from pipeline.cloudformation.locations import Place
from pipeline.cloudformation.templates import load_template, stack_name
from pipeline.core.errors import BadDefinition, Refused
from pipeline.emulator.cloudformation import registry
from pipeline.emulator.cloudformation.plans import Planner
from pipeline.emulator.cloudformation.records import StackRecords, Status
from pipeline.emulator.cloudformation.resource_types import GONE, Aws, Clients, code_of
from pipeline.emulator.cloudformation.rollback import StackDeletion, delete_stack, heal
from pipeline.emulator.cloudformation.sources import digest, stands, stored_secret
from pipeline.emulator.cloudformation.stack import prepare
from pipeline.emulator.cloudformation.stack_update import Making, StackResult, unchanged

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
        record = heal(self._aws, self.records, name)
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
        return Making(self._aws, self.records, stack, record).run()

    def deploy_all(
        self,
        templates: Sequence[Path],
        env: str,
        lake: str = "sluice",
        *,
        parameters: Mapping[str, str] = MappingProxyType({}),
        report: Callable[[StackResult], None] = lambda result: None,
    ) -> list[StackResult]:
        """Deploy one stack a template, named by `stack_name`, in the order of what each reads.

        Each stack gets `Env`, `Lake` and those of `parameters` that its template declares. `report` is called as each
        is done.
        """
        results = []
        for name, path, given in stacks_of_lake(templates, env, lake, parameters, self._parameter_store()):
            results.append(self.deploy(name, path, given))
            report(results[-1])
        return results

    def planner(self, uploads: Callable[[str], bytes | None] = lambda key: None, under: str = "") -> Planner:
        """Plans stacks one after the other, and changes nothing.

        `uploads` has what would be uploaded first, by key. Parameters below the path `under` are asked for at once.
        """
        store = self._parameter_store(self._parameters_below(under) if under else {})
        return Planner(replace(self._aws, uploads=uploads), self.records, store, partial(stored_secret, self._aws))

    def plan_all(
        self,
        templates: Sequence[Path],
        env: str,
        lake: str = "sluice",
        *,
        parameters: Mapping[str, str] = MappingProxyType({}),
        planner: Planner | None = None,
    ) -> list[StackPlan]:
        """What `deploy_all` would do. `planner` knows what stacks before these would publish."""
        planner = planner or self.planner()
        return [planner.plan(*each) for each in stacks_of_lake(templates, env, lake, parameters, planner.parameter)]

    def standing(self, name: str) -> StackResult:
        """A stack as it stands, as a deployment tells that found nothing to do; `Refused` if there is none."""
        record = self.records.get(name)
        if record is None or not record.stands:
            raise Refused(f"there is no stack {name}")
        return unchanged(record, Place(record.template, ("Resources",)))

    def delete(self, name: str) -> StackDeletion:
        """Delete a stack; see `delete_stack`."""
        heal(self._aws, self.records, name)
        return delete_stack(self._aws, self.records, name)

    def delete_if_there(self, name: str) -> StackDeletion | None:
        """Delete a stack, also one that is not whole because whoever deployed or deleted it died; None without one."""
        record = heal(self._aws, self.records, name)
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


def stacks_of_lake(
    templates: Sequence[Path], env: str, lake: str, parameters: Mapping[str, str], store: Callable[[str], str]
) -> Iterator[tuple[str, Path, dict[str, str]]]:
    """Each stack's name, template and parameters, in the order of what each reads.

    `store` answers Parameter Store's value of a name, `KeyError` for one not there: it is asked as a stack's turn
    comes, when those before it stand.
    """
    known = {**parameters, "Env": env, "Lake": lake}
    for path in order.of_stacks(list(templates), known):
        template = load_template(path)
        given = {key: value for key, value in known.items() if key in template.get("Parameters", {})}
        for parameter, name in order.from_store(template, known).items():
            try:
                given[parameter] = store(name)
            except KeyError:
                raise BadDefinition(f"{path.name}: reads {name}, which Parameter Store does not have") from None
        yield stack_name(lake, env, path.stem), path, given
