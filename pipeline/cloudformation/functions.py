"""The functions that templates declare, with the properties that decide their packages: handler and layers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.cloudformation.templates import load_template

FUNCTION = "AWS::Serverless::Function"
# A layer is named through Parameter Store: {{resolve:ssm:/sluice/${Env}/<layer>-layer}}, or, packaged, by the parameter
# <Layer>LayerInStore.
_LAYER = re.compile(r"/([a-z0-9-]+)-layer\}\}|\$\{([A-Za-z0-9]+)LayerInStore\}")


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a stack; `properties` are those in its template, which may be packaged or not."""

    stack: str
    logical_id: str
    properties: Mapping[str, Any]

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
        return tuple(name or re.sub(r"\B([A-Z])", r"-\1", packaged).lower() for name, packaged in references)


def functions(templates: Path) -> Iterator[Function]:
    """Every function of the templates in a folder, in order."""
    for path in sorted(templates.glob("*.yaml")):
        for logical_id, resource in load_template(path)["Resources"].items():
            if resource["Type"] == FUNCTION:
                yield Function(path.stem, logical_id, resource["Properties"])
