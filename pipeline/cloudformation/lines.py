"""The line of a template at which a value is, for error messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import yaml


def line(file: str, steps: Sequence[str]) -> int | None:
    """The line (from 1) of the value at the path `steps` in `file`, or of the deepest part of the path that exists.

    None if there is no such file, or no part of the path in it: SAM adds resources that are in no file. A relative
    path is searched from the working directory upwards.
    """
    path = next((each for folder in (Path(), *Path.cwd().parents) if (each := folder / file).is_file()), None)
    try:
        node = _composed(path.read_text(encoding="utf-8")) if path and steps else None
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    mark: yaml.Mark | None = None
    for step in steps:
        key, node = next(_below(node, step), (None, None))
        if key is None:
            break
        # The first step is a section: its line would not help.
        mark = key.start_mark if step != steps[0] or len(steps) == 1 else None
    return mark.line + 1 if mark else None


@cache
def _composed(text: str) -> yaml.Node | None:
    """The YAML nodes of a template, including short forms of functions, with their lines."""
    root: yaml.Node | None = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return root


def _below(node: yaml.Node | None, step: str) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """The node of the key or list item that a step names, and the node of its value; also in branches of Fn::If."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                yield key, value
            elif key.value == "Fn::If":
                yield from _in_branches(value, step)
    elif isinstance(node, yaml.SequenceNode):
        if node.tag == "!If":
            yield from _in_branches(node, step)
        elif step.startswith("[") and int(step[1:-1]) < len(node.value):
            item = node.value[int(step[1:-1])]
            yield item, item


def _in_branches(condition: yaml.Node, step: str) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    if isinstance(condition, yaml.SequenceNode):
        for branch in condition.value[1:]:
            yield from _below(branch, step)
