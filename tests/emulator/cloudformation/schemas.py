"""Writes bounds.json and create_only.json of pipeline/emulator/cloudformation.

They come from CloudFormation's resource schemas, as cfn-lint ships them.

`python -m tests.emulator.cloudformation.schemas` renews it. What cfn-lint adds to AWS's schemas is from AWS's
documentation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from pipeline.cloudformation import property_shapes
from pipeline.emulator.cloudformation import bounds as bounds_data
from pipeline.emulator.cloudformation import create_only as create_only_data
from pipeline.emulator.cloudformation import registry
from pipeline.emulator.cloudformation.resource_types import REGISTRY

REGION = "eu-west-1"
KEYWORDS = ("type", "enum", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern")
_NUMBERS = ("integer", "number")
assert registry


def bounds() -> dict[str, dict[str, Any]]:
    """For each resource type, for each property path that has any, what its values must be."""
    found = {}
    for name, kind in sorted(REGISTRY.items()):
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, name).schema
        if of_type := dict(_of(schema, schema, kind.known(), "")):
            found[name] = of_type
    return found


def _of(
    node: Any, schema: Mapping[str, Any], tree: property_shapes.Tree, path: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    node = _followed(node, schema)
    if path and (said := _said(node)):
        yield path, said
    for name, below in tree.items():
        if name == property_shapes.ITEM and "items" in node:
            yield from _of(node["items"], schema, below, f"{path}{name}")
        elif name in node.get("properties", {}):
            yield from _of(node["properties"][name], schema, below, f"{path}.{name}" if path else name)


def _followed(node: Any, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in node:
        found: Any = schema
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        node = {**found, **{name: value for name, value in node.items() if name != "$ref"}}
    return dict(node)


def _said(node: Mapping[str, Any]) -> dict[str, Any]:
    said = {name: node[name] for name in KEYWORDS if name in node}
    # CloudFormation takes texts for the other scalars, and what may be of several types is not judged.
    if said.get("type") not in _NUMBERS:
        said.pop("type", None)
    if "pattern" in said and not _compiles(said["pattern"]):
        del said["pattern"]
    return said


def _compiles(pattern: str) -> bool:
    """Patterns are JavaScript's."""
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def create_only() -> dict[str, list[str]]:
    """For each resource type the honoured properties that only a new resource can have otherwise."""
    found = {}
    for name, kind in sorted(REGISTRY.items()):
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, name).schema
        paths = [each.removeprefix("/properties/").replace("/", ".") for each in schema.get("createOnlyProperties", [])]
        known = kind.known()
        if honoured := sorted(path for path in paths if "*" in known or path.partition(".")[0] in known):
            found[name] = honoured
    return found


def text(found: Mapping[str, Any]) -> str:
    """The whole file."""
    return json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for file, found in ((bounds_data.FILE, bounds()), (create_only_data.FILE, create_only())):
        file.write_text(text(found), encoding="utf-8")
        print(f"wrote {file}")
