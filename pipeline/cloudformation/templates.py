"""CloudFormation templates as data: reads YAML with short forms of functions, writes their long forms."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pipeline.core.errors import BadDefinition

# libyaml's reader is ten times as fast; PyYAML may be built without it.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
STORED = "SluiceStore"
"""The key in a packaged template's Metadata with the Parameter Store names of its parameters."""
SOURCE = "SluiceSource"
"""The key in a packaged template's Metadata with the file that it was made from, which errors then name."""

_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _TemplateLoader(_Loader):  # type: ignore[misc]
    """YAML as CloudFormation reads it: dates such as a policy's version stay text, duplicate keys are an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    "while reading a mapping", node.start_mark, f"{key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        return dict(super().construct_mapping(node, deep))


class _TemplateDumper(yaml.SafeDumper):
    """YAML without anchors, because not all of CloudFormation's tools read them."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _intrinsic(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    name = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if tag == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    return {name: value}


_TemplateLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_TemplateLoader.add_multi_constructor("!", _intrinsic)


def load_template(path: Path) -> dict[str, Any]:
    """The template in `path` with all functions in their long form; `BadDefinition` names the line of an error."""
    try:
        template = copy.deepcopy(_read(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise BadDefinition(f"{path}: there is no such template") from None
    except yaml.YAMLError as error:
        raise BadDefinition(f"{path}: {error}") from error
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
        raise BadDefinition(f"{path}: a template is a mapping with Resources")
    return template


@cache
def _read(text: str) -> Any:
    """The parsed YAML, cached: a deployment reads each template several times."""
    return yaml.load(text, Loader=_TemplateLoader)


def dump_template(template: dict[str, Any]) -> str:
    """The inverse of `load_template`; the same template gives the same text."""
    return yaml.dump(template, Dumper=_TemplateDumper, sort_keys=False, width=120, allow_unicode=True)


def stack_name(lake: str, env: str, name: str) -> str:
    """The name of a template's stack, here and on AWS: letters, digits and hyphens only."""
    return f"{lake}-{env}-{name}".replace("_", "-").replace("/", "-")
