"""The order of deployment: of resources in a stack, and of stacks in a lake. Derived from references."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pipeline.cloudformation.intrinsics import SUB_VARIABLE, references
from pipeline.cloudformation.locations import Place
from pipeline.cloudformation.templates import STORED, load_template
from pipeline.core.errors import BadDefinition

Node = TypeVar("Node", str, Path)

_RESOLVE = re.compile(r"\{\{resolve:ssm:((?:\$\{[^}]*\}|[^:}])+)(?::\d+)?\}\}")


def in_stack(resources: Mapping[str, Any], known: frozenset[str], file: str) -> list[str]:
    """Logical ids, each after those that it refers to; otherwise in the template's own order.

    `known` has the other names that can be referred to: parameters and pseudo parameters. `BadDefinition` for an
    unknown name, and for a circle.
    """
    needs = {}
    for logical_id, resource in resources.items():
        place = Place(file, ("Resources", logical_id))
        needed = {name: place / "DependsOn" for name in _depends_on(resource) if name not in known}
        for name, where in references(resource.get("Properties", {}), place / "Properties"):
            if name not in known:
                needed[name] = where
        for name, where in needed.items():
            if name not in resources:
                raise where.wrong(f"refers to {name}, which this stack does not have")
        needs[logical_id] = list(needed)
    return _sorted(needs, f"{file}: resources refer to each other in a circle")


def _depends_on(resource: Mapping[str, Any]) -> list[str]:
    named = resource.get("DependsOn", [])
    return [named] if isinstance(named, str) else list(named)


def from_store(template: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, str]:
    """The Parameter Store names, with `values` filled in, from which a packaged template's parameters are read."""
    named = template.get("Metadata", {}).get(STORED, {})
    return {parameter: _filled(str(name), values) for parameter, name in named.items()}


def of_stacks(paths: list[Path], parameters: Mapping[str, str]) -> list[Path]:
    """Templates, each after those that publish the Parameter Store names and exports that it reads.

    Names are compared with `parameters` and the templates' defaults filled in; names that no template publishes are
    ignored. `BadDefinition` for a circle, and for a stack that reads a name that it publishes itself.
    """
    read, published = {}, {}
    for path in sorted(paths):
        template = load_template(path)
        values = _defaults(template) | dict(parameters)
        read[path] = set(_names_read(template, values))
        for name in _names_published(template, values):
            published[name] = path
    for path, names in read.items():
        for name in names:
            if published.get(name) == path:
                raise BadDefinition(
                    f"{path.name}: resolves {name}, which the same stack publishes",
                    hint="CloudFormation looks such names up before the stack exists. Use Ref or Fn::GetAtt.",
                )
    needs = {path: [published[name] for name in sorted(names) if name in published] for path, names in read.items()}
    return _sorted(needs, "stacks read each other's parameters in a circle")


def _names_read(template: Mapping[str, Any], values: Mapping[str, str]) -> Iterator[str]:
    for text in _strings(template):
        for match in _RESOLVE.finditer(text):
            yield _filled(match.group(1), values)
    for value in _under(template, "Fn::ImportValue"):
        yield "export " + _filled(_literal(value), values)
    for declaration in template.get("Parameters", {}).values():
        if str(declaration.get("Type", "")).startswith("AWS::SSM::Parameter::Value"):
            yield str(declaration.get("Default"))
    yield from from_store(template, values).values()


def _names_published(template: Mapping[str, Any], values: Mapping[str, str]) -> Iterator[str]:
    for resource in template["Resources"].values():
        if resource.get("Type") == "AWS::SSM::Parameter":
            yield _filled(_literal(resource.get("Properties", {}).get("Name")), values)
    for output in template.get("Outputs", {}).values():
        if "Export" in output:
            yield "export " + _filled(_literal(output["Export"].get("Name")), values)


def _literal(value: Any) -> str:
    """A name as text with variables in Fn::Sub's notation; other functions than Sub and Ref are taken as they are."""
    if isinstance(value, dict) and isinstance(value.get("Fn::Sub"), str):
        return str(value["Fn::Sub"])
    if isinstance(value, dict) and "Ref" in value:
        return f"${{{value['Ref']}}}"
    return str(value)


def _filled(text: str, values: Mapping[str, str]) -> str:
    return SUB_VARIABLE.sub(lambda match: str(values.get(match.group(1), match.group())), text)


def _defaults(template: Mapping[str, Any]) -> dict[str, str]:
    declared = template.get("Parameters", {}).items()
    return {name: str(declaration["Default"]) for name, declaration in declared if "Default" in declaration}


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for item in value if isinstance(value, list) else value.values():
            yield from _strings(item)


def _under(value: Any, name: str) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _under(item, name)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == name:
                yield item
            yield from _under(item, name)


def _sorted(needs: Mapping[Node, list[Node]], circle: str) -> list[Node]:
    done: list[Node] = []
    open_: list[Node] = []

    def visit(node: Node) -> None:
        if node in done:
            return
        if node in open_:
            names = " -> ".join(str(step) for step in [*open_[open_.index(node) :], node])
            raise BadDefinition(f"{circle}: {names}")
        open_.append(node)
        for needed in needs[node]:
            visit(needed)
        open_.remove(node)
        done.append(node)

    for node in needs:
        visit(node)
    return done
