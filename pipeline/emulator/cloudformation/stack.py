"""A template made ready: read, transformed, checked, its parameters and conditions judged, its resources in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.cloudformation import order, parameters
from pipeline.cloudformation.intrinsics import Scope
from pipeline.cloudformation.locations import Place
from pipeline.cloudformation.sam import transformed
from pipeline.emulator.cloudformation import bounds, template_checks
from pipeline.emulator.cloudformation.resource_types import REGISTRY, Aws, ResourceType
from pipeline.emulator.cloudformation.sources import Reads, digest

_NOT_KEPT = "(not kept)"


@dataclass(frozen=True, slots=True)
class Declared:
    """A resource as the template declares it, its properties resolved as far as they are known."""

    kind: ResourceType
    properties: Mapping[str, Any]
    place: Place
    kept_when_removed: bool
    kept_when_replaced: bool
    kept_when_undone: bool


@dataclass(frozen=True, slots=True)
class Stack:
    """One stack to compare or to deploy. `ordered` names the resources whose conditions hold, each after what it needs.

    What `scope` knows of resources grows as they are made.
    """

    name: str
    file: str
    template: Mapping[str, Any]
    scope: Scope
    reads: Reads
    digest: str
    ordered: list[str] = field(default_factory=list)

    def declared(self, logical_id: str) -> Declared:
        """A resource with what its properties refer to put in; `BadDefinition` for what cannot be resolved."""
        raw = self.template["Resources"][logical_id]
        place = Place(self.file, ("Resources", logical_id, "Properties"))
        properties = self.scope.resolved(raw.get("Properties", {}), place)
        kind = REGISTRY[raw["Type"]]
        for error in template_checks.not_honoured(kind, properties, place):
            raise error
        for where, why in bounds.broken(kind.name, properties, place):
            raise where.wrong(f"AWS refuses it: {why}")
        policy = raw.get("DeletionPolicy", "Delete")
        return Declared(
            kind,
            properties,
            place,
            kept_when_removed=policy in ("Retain", "RetainExceptOnCreate"),
            kept_when_replaced=raw.get("UpdateReplacePolicy") == "Retain",
            kept_when_undone=policy == "Retain",
        )

    def outputs(self) -> tuple[dict[str, str], dict[str, str]]:
        """Outputs by their names, and what is exported by the exports' names."""
        outputs, exports = {}, {}
        for name, output in self.template.get("Outputs", {}).items():
            place = Place(self.file, ("Outputs", name))
            if "Condition" in output and not self.scope.holds(output["Condition"], place / "Condition"):
                continue
            outputs[name] = str(self.scope.evaluate(output["Value"], place / "Value"))
            if "Export" in output:
                exported = str(self.scope.evaluate(output["Export"]["Name"], place / "Export"))
                if exported in exports:
                    raise (place / "Export").wrong(f"{exported} is exported twice")
                exports[exported] = outputs[name]
        return outputs, exports

    @property
    def made_from(self) -> str:
        """What to record of what it was made from: nothing where that would tell of a secret."""
        hides = any(each.get("NoEcho") for each in self.template.get("Parameters", {}).values())
        return "" if hides or self.reads.has_secrets else self.digest

    def exports_read(self) -> dict[str, str]:
        """What it read of other stacks."""
        there = self.scope.exports() if self.scope.imported else {}
        return {name: there[name] for name in sorted(self.scope.imported)}

    def kept_parameters(self) -> dict[str, Any]:
        """The parameters to record, without those that the template hides."""
        hidden = {key for key, each in self.template.get("Parameters", {}).items() if each.get("NoEcho")}
        return {key: _NOT_KEPT if key in hidden else value for key, value in self.scope.parameters.items()}


def prepare(
    aws: Aws,
    name: str,
    path: Path,
    given: Mapping[str, Any],
    *,
    ssm: Callable[[str], str],
    exports: Callable[[], Mapping[str, str]],
    secrets: Callable[[str], str],
) -> Stack:
    """Make a packaged template ready; `BadDefinition`, with file, logical id and property, for what is not honoured.

    `ssm` answers Parameter Store's value of a name, and `secrets` a secret's text; `KeyError` for one not there.
    """
    source, file = template_checks.read(path)
    reads = Reads(ssm, secrets)
    values = parameters.values(source.get("Parameters", {}), given, reads.parameter, file)
    plain = transformed(source, values, aws.region, file)
    template_checks.check(plain, file)
    scope = Scope(
        parameters=values,
        pseudo=_pseudo(aws, name),
        mappings=plain.get("Mappings", {}),
        conditions=plain.get("Conditions", {}),
        ssm=reads.parameter,
        exports=exports,
        secrets=reads.secret,
    )
    stack = Stack(name, file, plain, scope, reads, digest(aws, path, given))
    # Judged while no resource is known: a condition may refer to none.
    for condition in scope.conditions:
        scope.holds(condition, Place(file, ("Conditions", condition)))
    stack.ordered.extend(_ordered(stack))
    return stack


def _ordered(stack: Stack) -> list[str]:
    every, scope = stack.template["Resources"], stack.scope
    active = {
        logical_id: each
        for logical_id, each in every.items()
        if "Condition" not in each
        or scope.holds(each["Condition"], Place(stack.file, ("Resources", logical_id, "Condition")))
    }
    known = {*scope.parameters, *scope.pseudo, "AWS::NoValue", "AWS::NotificationARNs"}
    # A resource whose condition is false may still be named in a branch that is not taken.
    return order.in_stack(active, frozenset(known | (every.keys() - active.keys())), stack.file)


def _pseudo(aws: Aws, stack: str) -> dict[str, str]:
    return {
        "AWS::AccountId": aws.account,
        "AWS::Region": aws.region,
        "AWS::Partition": aws.partition,
        "AWS::StackName": stack,
        "AWS::StackId": aws.arn("cloudformation", f"stack/{stack}/embedded"),
        "AWS::URLSuffix": "amazonaws.com.cn" if aws.partition == "aws-cn" else "amazonaws.com",
    }
