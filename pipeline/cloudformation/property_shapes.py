"""The properties that a resource type supports, nested ones too, so that none is silently ignored.

A shape is a text with one path per property: `Rules[].Status` is a property of each item of a list, and `*` at the
end of a path means everything below it, for free-form values such as policies and tags.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.cloudformation.locations import Place, suggestion

Tree = dict[str, "Tree"]

FREE = "*"
ITEM = "[]"


def parse(paths: str) -> Tree:
    """The tree of whitespace-separated paths."""
    tree: Tree = {}
    for path in paths.split():
        node = tree
        for step in path.replace(ITEM, f".{ITEM}").split("."):
            node = node.setdefault(step, {})
    return tree


def unknown(value: Any, tree: Tree, place: Place) -> Iterator[tuple[Place, str]]:
    """The place of every property in `value` that is not in `tree`, and a suggestion; functions may be unevaluated."""
    if FREE in tree:
        return
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from unknown(item, tree.get(ITEM, {}), place / index)
    elif isinstance(value, Mapping):
        if "Fn::If" in value:
            for branch in value["Fn::If"][1:]:
                yield from unknown(branch, tree, place)
        elif not is_intrinsic(value):
            for name, item in value.items():
                if name not in tree:
                    yield place / str(name), suggestion(str(name), tree)
                else:
                    yield from unknown(item, tree[name], place / name)


def given(value: Any, path: str, place: Place) -> Iterator[Place]:
    """The places of the property at `path` in an evaluated value, one for each list item that has it."""
    step, _, rest = path.replace(ITEM, f".{ITEM}").partition(".")
    if step == ITEM and isinstance(value, list):
        items = [(item, place / index) for index, item in enumerate(value)]
    elif isinstance(value, Mapping) and step in value:
        items = [(value[step], place / step)]
    else:
        return
    for item, where in items:
        if rest:
            yield from given(item, rest, where)
        else:
            yield where


def leaves(tree: Tree, path: str = "") -> Iterator[str]:
    """Every whole path of a tree; the inverse of `parse`."""
    for name, below in tree.items():
        inner = f"{path}{name}" if name == ITEM or not path else f"{path}.{name}"
        if below:
            yield from leaves(below, inner)
        else:
            yield inner


def is_intrinsic(value: Mapping[str, Any]) -> bool:
    """Whether a mapping is an intrinsic function of CloudFormation and not data."""
    if len(value) != 1:
        return False
    name = next(iter(value))
    return name == "Ref" or str(name).startswith("Fn::")
