"""What a variable can be called, and what an expression can speak of.

Sources: "Passing data between states with variables" of the Step Functions guide; and "JSONata restrictions" of AWS's
guide to writing such machines: no `$`, no `$$` and no field's name where nothing was found yet. What stands in a
predicate, a later step of a path or a function is not judged: there is an input there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

LONGEST_NAME = 80
RESERVED = "states"

_PARTS = ("lhs", "rhs", "expression", "condition", "then", "_else", "procedure")
"""What is evaluated with the input of the whole, as jsonata-python names it."""
_LISTS = ("arguments", "expressions")


def misnamed(name: str) -> str | None:
    """Why no variable can have this name; None if one can."""
    if name == RESERVED:
        return f"Variable name '{name}' is reserved"
    if len(name) > LONGEST_NAME:
        return f"Variable name '{name}' is longer than {LONGEST_NAME} characters"
    return None if name.isidentifier() else f"Variable name '{name}' is not a Unicode identifier"


def without_input(tree: Any) -> str | None:
    """The first part of an expression that refers to an input where there is none; `tree` is jsonata-python's."""
    return next(_implicit(tree), None)


def _implicit(tree: Any) -> Iterator[str]:
    # No recursion: an expression nests as deep as somebody writes it.
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if node is None or node.type in ("lambda", "transform"):
            continue
        if node.type == "name":
            yield str(node.value)
        elif node.type == "variable" and node.value in ("", "$"):
            yield f"${node.value}"
        elif node.type == "path":
            waiting.append(node.steps[0])
        else:
            waiting += reversed(list(_within(node)))


def _within(node: Any) -> Iterator[Any]:
    for name in _PARTS:
        if hasattr(inner := getattr(node, name, None), "type"):
            yield inner
    for name in _LISTS:
        yield from getattr(node, name, None) or ()
    for pair in getattr(node, "lhs_object", None) or ():
        yield from pair
