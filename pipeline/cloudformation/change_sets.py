"""CloudFormation's change sets, and templates of stacks that do not exist yet, as changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.cloudformation.changes import PropertyChange, ResourceAction, ResourceChange
from pipeline.cloudformation.templates import load_template

# Replacement is True, False or Conditional: a possible replacement counts as one.
_REPLACING = ("True", "Conditional")
_KEEPING = ("Retain", "ReplaceAndRetain")


def added(template: Path, parameters: Mapping[str, str], partition: str) -> tuple[ResourceChange, ...]:
    """An addition for every resource of a template whose condition holds; macros are not expanded."""
    from pipeline.cloudformation.intrinsics import Scope
    from pipeline.cloudformation.locations import Place

    source = load_template(template)
    defaults = {name: each["Default"] for name, each in source.get("Parameters", {}).items() if "Default" in each}
    scope = Scope(
        parameters=defaults | dict(parameters),
        pseudo={"AWS::Partition": partition},
        mappings={},
        conditions=source.get("Conditions", {}),
        ssm=str,
        exports=dict,
        secrets=None,  # type: ignore[arg-type]  # no condition reads one
    )
    place = Place(template.name, ("Resources",))
    return tuple(
        ResourceChange(name, each["Type"], ResourceAction.ADD)
        for name, each in source["Resources"].items()
        if "Condition" not in each or scope.holds(each["Condition"], place / name)
    )


def changes_of(described: Iterable[Mapping[str, Any]]) -> tuple[ResourceChange, ...]:
    """The `Changes` of DescribeChangeSet (API reference of CloudFormation, `ResourceChange`)."""
    return tuple(_change(each["ResourceChange"]) for each in described if "ResourceChange" in each)


def _change(change: Mapping[str, Any]) -> ResourceChange:
    kept = change.get("PolicyAction") in _KEEPING
    action = _action(change, kept)
    replaced_and_kept = action is ResourceAction.REPLACE and kept
    return ResourceChange(
        change["LogicalResourceId"], change["ResourceType"], action, _properties(change), replaced_and_kept
    )


def _action(change: Mapping[str, Any], kept: bool) -> ResourceAction:
    match change["Action"]:
        case "Add" | "Import":
            return ResourceAction.ADD
        case "Remove":
            return ResourceAction.KEEP if kept else ResourceAction.REMOVE
        case "Modify" if str(change.get("Replacement", "False")) in _REPLACING:
            return ResourceAction.REPLACE
        case _:
            return ResourceAction.MODIFY


def _properties(change: Mapping[str, Any]) -> tuple[PropertyChange, ...]:
    """The changed properties. CloudFormation lists one once for each reason, with its values where it knows them."""
    by_path: dict[str, PropertyChange] = {}
    for target in (detail["Target"] for detail in change.get("Details", [])):
        path = ".".join(_steps(target))
        replaces = target.get("RequiresRecreation", "Never") != "Never"
        earlier = by_path.get(path)
        before, after = target.get("BeforeValue"), target.get("AfterValue")
        by_path[path] = PropertyChange(
            path,
            earlier.before if earlier and before is None else before,
            earlier.after if earlier and after is None else after,
            replaces or bool(earlier and earlier.replaces),
        )
    return tuple(by_path.values())


def _steps(target: Mapping[str, Any]) -> Iterator[str]:
    if path := target.get("Path"):
        yield path.removeprefix("/Properties/").replace("/", ".")
        return
    if (attribute := target.get("Attribute", "Properties")) != "Properties":
        yield attribute
    if "Name" in target:
        yield target["Name"]
