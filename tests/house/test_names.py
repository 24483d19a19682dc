"""Names and docstrings: modules are nouns, a command's module has the command's name, public names are documented."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from pipeline.cli.commands import MODULES
from tests.house.import_rules import parsed

ROOT = Path(__file__).resolve().parents[2]

NOUNS = frozenset({"formatting", "keyring", "log_forwarding", "packaging", "routing"})
"""Modules and packages that end in -ing and are nouns of the field."""

GOAL = 95
"""Percent of the public functions and classes of a room that have a docstring."""


def modules() -> list[Path]:
    return sorted(path.relative_to(ROOT) for room in ("pipeline", "stages") for path in (ROOT / room).rglob("*.py"))


def test_modules_are_nouns() -> None:
    names = {(part.removesuffix(".py"), str(path)) for path in modules() for part in path.parts}
    assert [path for name, path in sorted(names) if name.endswith("ing") and name not in NOUNS] == []


@pytest.mark.parametrize("module", MODULES)
def test_a_module_of_commands_has_the_name_of_one_of_them(module: str) -> None:
    assert module in MODULES[module]


def test_every_module_that_defines_commands_is_listed() -> None:
    """Otherwise its commands are not found, and its name is not checked."""
    folder = ROOT / "pipeline" / "cli"
    defining = {path.stem for path in folder.glob("*.py") if "@app.command(" in path.read_text(encoding="utf-8")}
    assert defining - set(MODULES) == set()


def public(body: list[ast.stmt], owner: str = "") -> Iterator[tuple[str, ast.FunctionDef | ast.ClassDef]]:
    """The public functions, classes and methods of a module with their names; a property's setter does not count."""
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        if any(isinstance(each, ast.Attribute) and each.attr == "setter" for each in node.decorator_list):
            continue
        yield f"{owner}{node.name}", node  # type: ignore[misc]  # an asynchronous function has a docstring alike
        if isinstance(node, ast.ClassDef):
            yield from public(node.body, f"{node.name}.")


def room_of(path: Path) -> str:
    return "stages" if path.parts[0] == "stages" else path.parts[1]


@cache
def undocumented() -> dict[str, tuple[int, list[str]]]:
    """Of each room, how many public names it has, and which of them have no docstring."""
    counts: dict[str, int] = defaultdict(int)
    missing: dict[str, list[str]] = defaultdict(list)
    for path in modules():
        for name, node in public(parsed((ROOT / path).read_text(encoding="utf-8")).body):
            counts[room_of(path)] += 1
            if not ast.get_docstring(node):
                missing[room_of(path)].append(f"{path}:{node.lineno} {name}")
    return {room: (count, missing[room]) for room, count in counts.items()}


ROOMS = sorted({room_of(path) for path in modules() if len(path.parts) > 2 or path.parts[0] == "stages"})


@pytest.mark.parametrize("room", ROOMS)
def test_public_functions_and_classes_have_docstrings(room: str) -> None:
    count, missing = undocumented()[room]
    assert 100 * (count - len(missing)) >= GOAL * count, f"of {count}, without docstring:\n" + "\n".join(missing)
