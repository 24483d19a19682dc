"""Reads a template for deployment and refuses what would be ignored, before anything is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.cloudformation import property_shapes
from pipeline.cloudformation.locations import Place, suggestion
from pipeline.cloudformation.sam import SAM_TYPES
from pipeline.cloudformation.templates import SOURCE, load_template
from pipeline.core.errors import BadDefinition
from pipeline.emulator.cloudformation.resource_types import REGISTRY, ResourceType

# Metadata and descriptions are for people and other tools.
SECTIONS = frozenset(
    (
        "AWSTemplateFormatVersion", "Description", "Transform", "Metadata", "Globals", "Parameters", "Mappings",
        "Conditions", "Resources", "Outputs",
    )
)  # fmt: skip
RESOURCE_KEYS = frozenset(
    (
        "Type", "Properties", "DependsOn", "Condition", "DeletionPolicy", "UpdatePolicy", "UpdateReplacePolicy",
        "Metadata",
    )
)  # fmt: skip
# Snapshot is for types that the embedded deployer does not know.
POLICIES = {
    "DeletionPolicy": ("Delete", "Retain", "RetainExceptOnCreate"),
    "UpdateReplacePolicy": ("Delete", "Retain"),
}
# It moves an alias gradually on AWS; the types that it names say that nothing does so here.
UPDATE_POLICIES = frozenset(("CodeDeployLambdaAliasUpdate",))
_OUTPUT_KEYS = frozenset(("Value", "Description", "Export", "Condition"))


def read(path: Path) -> tuple[dict[str, Any], str]:
    """A template and the name of the file that a person edits: what it was packaged from, or itself."""
    template = load_template(path)
    file = str(template.get("Metadata", {}).get(SOURCE, path))
    _only(template, SECTIONS, Place(file))
    return template, file


def check(template: Mapping[str, Any], file: str) -> None:
    """Every type, property and section that the embedded deployer would not honour, in one `BadDefinition`."""
    wrong = [str(error.message) for error in _wrong(template, file)]
    if wrong:
        raise BadDefinition("\n".join(wrong))


def _wrong(template: Mapping[str, Any], file: str) -> Iterator[BadDefinition]:
    for logical_id, resource in template["Resources"].items():
        place = Place(file, ("Resources", logical_id))
        for key in resource.keys() - RESOURCE_KEYS:
            yield (place / key).wrong(f"not honoured by the embedded deployer{suggestion(str(key), RESOURCE_KEYS)}")
        for key, honoured in POLICIES.items():
            if key in resource and resource[key] not in honoured:
                yield (place / key).wrong(f"{resource[key]} is not honoured by the embedded deployer")
        for key in resource.get("UpdatePolicy", {}).keys() - UPDATE_POLICIES:
            yield (place / "UpdatePolicy" / key).wrong("not honoured by the embedded deployer")
        kind = REGISTRY.get(resource.get("Type"))
        if kind is None:
            given = str(resource.get("Type"))
            known = suggestion(given, (*REGISTRY, *SAM_TYPES))
            yield (place / "Type").wrong(f"the embedded deployer does not know the type {given}{known}")
            continue
        yield from not_honoured(kind, resource.get("Properties", {}), place / "Properties")
    for name, output in template.get("Outputs", {}).items():
        for key in output.keys() - _OUTPUT_KEYS:
            near = suggestion(str(key), _OUTPUT_KEYS)
            yield (Place(file, ("Outputs", name)) / key).wrong(f"not honoured by the embedded deployer{near}")


def not_honoured(kind: ResourceType, properties: Any, place: Place) -> Iterator[BadDefinition]:
    """The error for each property that a type does not know here."""
    for where, near in property_shapes.unknown(properties, kind.known(), place):
        yield where.wrong(f"this property of {kind.name} is not honoured by the embedded deployer{near}")


def _only(section: Mapping[str, Any], known: frozenset[str], place: Place) -> None:
    for key in section:
        if key not in known:
            raise (place / key).wrong(f"not honoured by the embedded deployer{suggestion(str(key), known)}")
