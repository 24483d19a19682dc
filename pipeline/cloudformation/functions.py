"""The functions that templates declare, with the properties that decide their packages: handler and layers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.cloudformation.templates import load_template

FUNCTION = "AWS::Serverless::Function"
LAYER = "AWS::Serverless::LayerVersion"
# A layer is named through Parameter Store: {{resolve:ssm:/sluice/${Env}/<layer>-layer}}, or, packaged, by the parameter
# <Layer>LayerInStore; one of the same template by its logical id, <Layer>Layer.
_LAYER = re.compile(r"/([a-z0-9-]+)-layer\}\}|\$\{([A-Za-z0-9]+)LayerInStore\}|\{'Ref': '([A-Za-z0-9]+)Layer'\}")


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a stack; `properties` are those in its template, which may be packaged or not."""

    stack: str
    logical_id: str
    properties: Mapping[str, Any]
    beside: frozenset[str] = frozenset()
    """The logical ids of the layers of its own template."""

    @property
    def handler(self) -> str:
        """`module.function`, as the template names it."""
        return str(self.properties["Handler"])

    @property
    def module(self) -> str:
        """The module of its handler."""
        return self.handler.rpartition(".")[0]

    @property
    def managed_layers(self) -> tuple[str, ...]:
        """The layers of AWS's own that it may be given, by the variable that names them."""
        variables = self.properties.get("Environment", {}).get("Variables", {})
        return tuple(filter(None, variables.get("MANAGED_LAYERS", "").split(",")))

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of its layers, as in `build/layers`."""
        references = _LAYER.findall(str(self.properties.get("Layers", [])))
        return tuple(
            name or re.sub(r"\B([A-Z])", r"-\1", packaged or own).lower()
            for name, packaged, own in references
            if not own or f"{own}Layer" in self.beside
        )


def functions(templates: Path) -> Iterator[Function]:
    """Every function of the templates in a folder, in order."""
    for path in sorted(templates.glob("*.yaml")):
        resources = load_template(path)["Resources"]
        layers = frozenset(name for name, resource in resources.items() if resource["Type"] == LAYER)
        for logical_id, resource in resources.items():
            if resource["Type"] == FUNCTION:
                yield Function(path.stem, logical_id, resource["Properties"], layers)
