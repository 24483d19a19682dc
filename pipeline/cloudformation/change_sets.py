"""CloudFormation's change sets, and a template of a stack that does not stand, as changes. Pure but for the reading."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.cloudformation.changes import Action, Change, PropertyChange
from pipeline.cloudformation.templates import load_template

# Replacement is True, False or Conditional: what may be replaced counts as replaced.
_REPLACING = ("True", "Conditional")
_KEEPING = ("Retain", "ReplaceAndRetain")


def added(template: Path, parameters: Mapping[str, str], partition: str) -> tuple[Change, ...]:
    """Every resource of a template whose condition holds as one that is added, macros not expanded."""
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
        Change(name, each["Type"], Action.ADD)
        for name, each in source["Resources"].items()
        if "Condition" not in each or scope.holds(each["Condition"], place / name)
    )


def changes_of(described: Iterable[Mapping[str, Any]]) -> tuple[Change, ...]:
    """The `Changes` of DescribeChangeSet (API reference of CloudFormation, `ResourceChange`)."""
    return tuple(_change(each["ResourceChange"]) for each in described if "ResourceChange" in each)


def _change(told: Mapping[str, Any]) -> Change:
    kept = told.get("PolicyAction") in _KEEPING
    action = _action(told, kept)
    replaced_and_kept = action is Action.REPLACE and kept
    return Change(told["LogicalResourceId"], told["ResourceType"], action, _properties(told), replaced_and_kept)


def _action(told: Mapping[str, Any], kept: bool) -> Action:
    match told["Action"]:
        case "Add" | "Import":
            return Action.ADD
        case "Remove":
            return Action.KEEP if kept else Action.REMOVE
        case "Modify" if str(told.get("Replacement", "False")) in _REPLACING:
            return Action.REPLACE
        case _:
            return Action.MODIFY


def _properties(told: Mapping[str, Any]) -> tuple[PropertyChange, ...]:
    """A property is told once for each reason of its change, with its value where CloudFormation knows that."""
    found: dict[str, PropertyChange] = {}
    for target in (detail["Target"] for detail in told.get("Details", [])):
        path = ".".join(_steps(target))
        replaces = target.get("RequiresRecreation", "Never") != "Never"
        earlier = found.get(path)
        before, after = target.get("BeforeValue"), target.get("AfterValue")
        found[path] = PropertyChange(
            path,
            earlier.before if earlier and before is None else before,
            earlier.after if earlier and after is None else after,
            replaces or bool(earlier and earlier.replaces),
        )
    return tuple(found.values())


def _steps(target: Mapping[str, Any]) -> Iterator[str]:
    if path := target.get("Path"):
        yield path.removeprefix("/Properties/").replace("/", ".")
        return
    if (attribute := target.get("Attribute", "Properties")) != "Properties":
        yield attribute
    if "Name" in target:
        yield target["Name"]
