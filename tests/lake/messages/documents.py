"""Every document that crosses a process, found in the code, and examples of each."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import timedelta
from importlib import import_module
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from pipeline.lake import messages
from pipeline.lake.datasets.model import LONGEST_WAIT, Batching

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


def documents() -> list[type]:
    """All types of `pipeline.lake.messages` that become JSON."""
    modules = [import_module(f"{messages.__name__}.{found.name}") for found in pkgutil.iter_modules(messages.__path__)]
    return [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__ and hasattr(value, "to_json")
    ]


def examples(kind: Any, *, whole: bool = False) -> st.SearchStrategy[Any]:
    """Values of a type; `whole` ones have all that may be left out, and something in each list."""
    if kind is Batching:
        return st.builds(_batching, st.integers(1, 300), st.integers(1, 300), st.integers(0, int(_SECONDS)))
    if get_origin(kind) is UnionType and get_args(kind)[0] is str and not whole:
        # What is empty is as good as unsaid, and is not written.
        return st.none() | st.text(min_size=1, max_size=20)
    if is_dataclass(kind):
        hints = get_type_hints(kind, localns={"Batching": Batching})
        return st.builds(kind, **{field.name: examples(hints[field.name], whole=whole) for field in fields(kind)})
    if get_origin(kind) is UnionType:
        value, nothing = get_args(kind)
        assert nothing is NoneType
        return examples(value, whole=whole) if whole else st.none() | examples(value)
    if get_origin(kind) is tuple:
        value, more = get_args(kind)
        assert more is Ellipsis
        return st.lists(examples(value, whole=whole), min_size=int(whole), max_size=3).map(tuple)
    if get_origin(kind) is Mapping:
        value = JSON if get_args(kind)[1] is Any else examples(get_args(kind)[1])
        return st.dictionaries(st.text(max_size=5), value, max_size=3)
    return {str: st.text(max_size=20), int: st.integers(), bool: st.booleans()}[kind]


_SECONDS = LONGEST_WAIT.total_seconds()


def _batching(one: int, other: int, seconds: int) -> Batching:
    wait = f"{timedelta(seconds=seconds).total_seconds():.0f} seconds"
    return Batching.model_validate({"min_objects": min(one, other), "max_objects": max(one, other), "max_wait": wait})
