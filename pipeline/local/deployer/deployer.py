"""Deploys CloudFormation stacks to the embedded AWS: makes what is new, updates what changed, leaves the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from pipeline.errors import BadDefinition, Refused
from pipeline.local.deployer import order, parameters, reading, resources, shapes
from pipeline.local.deployer.intrinsics import Scope
from pipeline.local.deployer.places import Place
from pipeline.local.deployer.records import ResourceRecord, StackRecord, StackRecords
from pipeline.local.deployer.transform import transformed
from pipeline.local.deployer.types import REGISTRY, Aws, Clients, Made, Resource
from pipeline.packaging.package import stack_name
from pipeline.packaging.templates import load_template

__all__ = ["Deployer", "StackResult", "resources"]

_NOT_KEPT = "(not kept)"


@dataclass(frozen=True, slots=True)
class StackResult:
    """What a deployment left behind.

    `resources` maps logical ids to what Ref answers, `changed` names those that this deployment made or updated, and
    `accepted_without_effect` maps `Type Property` to the reason.
    """

    name: str
    outputs: Mapping[str, str]
    resources: Mapping[str, str]
    changed: tuple[str, ...]
    accepted_without_effect: Mapping[str, str]


class Deployer:
    """The embedded CloudFormation. One deployment at a time."""

    def __init__(self, clients: Clients, account: str, region: str, partition: str = "aws") -> None:
        """`clients` answers a boto3 client of a service, as `pipeline.clients.client` does."""
        self.records = StackRecords(clients)
        self._aws = Aws(clients, account, region, partition)

    def deploy(self, name: str, template: Path, given: Mapping[str, Any] | None = None) -> StackResult:
        """Make or update one stack from a packaged template.

        Raises `BadDefinition`, naming file, logical id and property, before anything is made, for what is not
        honoured; and with AWS's answer for a resource that AWS refuses: what was made before it stays, is on
        record, and a next deployment goes on from there. Raises `Refused` for a change that needs a resource
        replaced or removed.
        """
        source, file = reading.read(template)
        ssm = self._parameter_store()
        values = parameters.values(source.get("Parameters", {}), given or {}, ssm, file)
        plain = transformed(source, values, self._aws.region, file)
        reading.check(plain, file)
        scope = Scope(
            parameters=values,
            pseudo=self._pseudo(name),
            mappings=plain.get("Mappings", {}),
            conditions=plain.get("Conditions", {}),
            ssm=ssm,
            exports=self.records.exports,
        )
        return _Deployment(self._aws, self.records, name, file, plain, scope).run()

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
        known = {**parameters, "Env": env, "Lake": lake}
        results = []
        for path in order.of_stacks(list(templates), known):
            declared = load_template(path).get("Parameters", {})
            given = {key: value for key, value in known.items() if key in declared}
            results.append(self.deploy(stack_name(lake, env, path.stem), path, given))
            report(results[-1])
        return results

    def _pseudo(self, stack: str) -> dict[str, str]:
        aws = self._aws
        return {
            "AWS::AccountId": aws.account,
            "AWS::Region": aws.region,
            "AWS::Partition": aws.partition,
            "AWS::StackName": stack,
            "AWS::StackId": aws.arn("cloudformation", f"stack/{stack}/embedded"),
            "AWS::URLSuffix": "amazonaws.com.cn" if aws.partition == "aws-cn" else "amazonaws.com",
        }

    def _parameter_store(self) -> Callable[[str], str]:
        """Parameter Store as it stands at this deployment, each name read once; `KeyError` for one not there."""
        found: dict[str, str] = {}

        def value(name: str) -> str:
            if name not in found:
                try:
                    found[name] = str(self._aws.call("ssm", "get_parameter", Name=name)["Parameter"]["Value"])
                except ClientError as error:
                    if error.response["Error"]["Code"] != "ParameterNotFound":
                        raise
                    raise KeyError(name) from error
            return found[name]

        return value


class _Properties(dict[str, Any]):
    """A resource's properties: asking for one that its template leaves out is an error of the template."""

    def __init__(self, properties: Mapping[str, Any], place: Place) -> None:
        super().__init__(properties)
        self._place = place

    def __missing__(self, name: str) -> Any:
        raise self._place.wrong(f"{name} is missing")


@dataclass
class _Deployment:
    """One run over one stack."""

    aws: Aws
    records: StackRecords
    name: str
    file: str
    template: dict[str, Any]
    scope: Scope
    changed: list[str] = field(default_factory=list)
    ineffective: dict[str, str] = field(default_factory=dict)

    def run(self) -> StackResult:
        every = self.template["Resources"]
        active = {logical_id: each for logical_id, each in every.items() if self._holds(each, logical_id)}
        known = {*self.scope.parameters, *self.scope.pseudo, "AWS::NoValue", "AWS::NotificationARNs"}
        # A resource whose condition is false may still be named in a branch that is not taken.
        ordered = order.in_stack(active, frozenset(known | (every.keys() - active.keys())), self.file)
        record = self._record(active)
        try:
            for logical_id in ordered:
                self._bring_up(record, logical_id, active[logical_id])
            record.outputs, record.exports = self._outputs()
            self.records.check_exports(self.name, record.exports)
            record.status = "COMPLETE"
        finally:
            self.records.save(record)
        references = {logical_id: each.reference for logical_id, each in record.resources.items()}
        return StackResult(self.name, record.outputs, references, tuple(self.changed), self.ineffective)

    def _record(self, active: Mapping[str, Any]) -> StackRecord:
        before = self.records.get(self.name)
        kept = dict(before.resources) if before else {}
        left = {logical_id: kept.pop(logical_id) for logical_id in kept.keys() - active.keys()}
        if removed := sorted(logical_id for logical_id, record in left.items() if not record.retained):
            raise Refused(
                f"{self.file}: {', '.join(removed)} would be removed, and a running embedded lake removes nothing",
                hint="Start a fresh lake: `sluice down`, then `sluice up`.",
            )
        hidden = {key for key, each in self.template.get("Parameters", {}).items() if each.get("NoEcho")}
        values = {key: _NOT_KEPT if key in hidden else value for key, value in self.scope.parameters.items()}
        return StackRecord(self.name, self.file, values, resources=kept)

    def _holds(self, resource: Mapping[str, Any], logical_id: str) -> bool:
        place = Place(self.file, ("Resources", logical_id, "Condition"))
        return "Condition" not in resource or self.scope.holds(resource["Condition"], place)

    def _bring_up(self, record: StackRecord, logical_id: str, raw: Mapping[str, Any]) -> None:
        place = Place(self.file, ("Resources", logical_id, "Properties"))
        properties = self.scope.resolved(raw.get("Properties", {}), place)
        kind = REGISTRY[raw["Type"]]
        for where in shapes.unknown(properties, kind.known(), place):
            raise where.wrong(f"this property of {kind.name} is not honoured by the embedded deployer")
        resource = Resource(self.name, logical_id, _Properties(properties, place), place)
        self.ineffective |= dict(kind.ineffective(resource))
        before = record.resources.get(logical_id)
        if before is None or (before.type, before.properties) != (kind.name, properties):
            made = self._put(resource, before, raw["Type"])
            retained = raw.get("DeletionPolicy") == "Retain"
            record.resources[logical_id] = ResourceRecord(
                kind.name, properties, made.reference, made.attributes, retained
            )
            self.changed.append(logical_id)
        standing = record.resources[logical_id]
        self.scope.references[logical_id] = standing.reference
        self.scope.attributes[logical_id] = dict(standing.attributes)

    def _put(self, resource: Resource, before: ResourceRecord | None, type_name: str) -> Made:
        kind = REGISTRY[type_name]
        if before is not None:
            self._check_updatable(resource, before, type_name)
        try:
            return kind.put(self.aws, resource, before.made if before else None)
        except ClientError as error:
            answer = error.response["Error"]
            raise self._refused(resource, f"{answer.get('Code')}: {answer.get('Message')}") from error
        except (BotoCoreError, ValueError) as error:
            raise self._refused(resource, str(error)) from error

    def _refused(self, resource: Resource, answer: str) -> BadDefinition:
        return Place(self.file, ("Resources", resource.logical_id)).wrong(f"AWS refuses it: {answer}")

    def _check_updatable(self, resource: Resource, before: ResourceRecord, type_name: str) -> None:
        kind = REGISTRY[type_name]
        differing = {
            name
            for name in before.properties.keys() | resource.properties.keys()
            if before.properties.get(name) != resource.properties.get(name)
        }
        needing = sorted(differing if not kind.updates else differing & kind.fixed)
        if before.type != type_name or needing:
            changed = ", ".join(needing) or f"its type, which was {before.type}"
            raise Refused(
                f"{resource.place}: changing {changed} replaces the resource; a running embedded lake replaces none",
                hint="Start a fresh lake: `sluice down`, then `sluice up`.",
            )

    def _outputs(self) -> tuple[dict[str, str], dict[str, str]]:
        outputs, exports = {}, {}
        for name, output in self.template.get("Outputs", {}).items():
            place = Place(self.file, ("Outputs", name))
            if "Condition" in output and not self.scope.holds(output["Condition"], place / "Condition"):
                continue
            outputs[name] = str(self.scope.evaluate(output["Value"], place / "Value"))
            if "Export" in output:
                exports[str(self.scope.evaluate(output["Export"]["Name"], place / "Export"))] = outputs[name]
        return outputs, exports
