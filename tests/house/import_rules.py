"""Which room of the code may import which, and what breaks that in a checkout."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

MAY_IMPORT: dict[str, set[str]] = {
    "core": set(),
    "toolchain": {"core"},
    "state_machines": {"core"},
    "cloudformation": {"core", "state_machines"},
    "lake": {"core"},
    "stages": {"core", "lake"},
    "operate": {"core", "lake", "state_machines"},
    "emulator": {"core", "toolchain", "state_machines", "cloudformation"},
    "deploy": {"core", "lake", "toolchain", "cloudformation", "operate"},
    "console": {"core", "lake", "operate", "state_machines"},
    "cli": {
        "core",
        "lake",
        "toolchain",
        "state_machines",
        "cloudformation",
        "operate",
        "emulator",
        "deploy",
        "console",
    },
}
"""What each room of `pipeline`, and `stages`, may import besides itself.

A room `<flow>` without a list is another flow's library: it imports `core`, and is imported by `stages/<flow>` and by
the folders of its name in `TOOLS`.
"""

TOOLS = {"operate", "deploy"}
"""Rooms in which a folder `<flow>` has what people do with that flow; the rest of the room does not know the flow."""

MAY_IMPORT_MODULE: dict[str, set[str]] = {
    # What deploys to AWS knows nothing of the embedded one.
    "pipeline.deploy.embedded": {"emulator"},
    "pipeline.deploy.buildspecs": {"emulator"},
}
"""What single modules may import besides."""


def modules(root: Path, *folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((root / folder).rglob("*.py"))]


def dotted(root: Path, path: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def imported(path: Path) -> tuple[str, ...]:
    """The modules, and the names in them, that a module imports; relative ones begin with a dot."""
    return _imported(path.read_text())


@cache
def parsed(source: str) -> ast.Module:
    """A module's text, which more than one rule reads."""
    return ast.parse(source)


@cache
def _imported(source: str) -> tuple[str, ...]:
    found: list[str] = []
    # Expressions, which are most of a module, hold no import.
    todo: list[ast.AST] = [parsed(source)]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found += [module, *(f"{module}.{alias.name}" for alias in node.names)]
        elif not isinstance(node, ast.expr):
            todo += ast.iter_child_nodes(node)
    return tuple(found)


def room(module: str) -> str | None:
    """The room of a module of ours; None for others' modules and for `pipeline` itself."""
    pieces = module.split(".")
    if pieces[0] == "stages":
        return "stages"
    return pieces[1] if pieces[0] == "pipeline" and len(pieces) > 1 else None


@cache
def flows(root: Path) -> frozenset[str]:
    """The rooms that have no list, by which they are flows beside the lake's: as they are when first asked for."""
    return frozenset(path.parent.name for path in (root / "pipeline").glob("*/__init__.py")) - MAY_IMPORT.keys()


def allowed(root: Path, module: str) -> set[str]:
    """The rooms from which a module of ours may import."""
    own, pieces = room(module), module.split(".")
    if own is None:
        return set()
    if own in flows(root):
        return {own, "core"}
    its_flow = {pieces[place] for place in _flow_places(own) if place < len(pieces)} & flows(root)
    if own == "stages" and its_flow:
        return {own, "core"} | its_flow
    return {own} | MAY_IMPORT[own] | MAY_IMPORT_MODULE.get(module, set()) | its_flow


def _flow_places(own: str) -> tuple[int, ...]:
    """Which part of a module's name may name its flow: `stages.<flow>`, `pipeline.operate.<flow>`."""
    return (1,) if own == "stages" else (2,) if own in TOOLS else ()


def complaints(root: Path, path: Path) -> Iterator[str]:
    """What a module imports that it may not, from another room or from another folder of `stages`."""
    module = dotted(root, path)
    may, stage = allowed(root, module), module.split(".")[1:2]
    for each in sorted(set(imported(path))):
        its = room(each)
        if each.startswith(".") or room(module) is None or (its is not None and its not in may):
            yield f"{path.relative_to(root)}: imports {each}"
        elif its == "stages" and room(module) == "stages" and stage and each.split(".")[1:2] not in ([], stage):
            yield f"{path.relative_to(root)}: imports {each}, of another stage"


def broken(root: Path) -> Iterator[str]:
    """What a checkout breaks of these rules."""
    for name in sorted(flows(root)):
        if not (root / "stages" / name).is_dir():
            yield f"pipeline/{name}: a room without a list and without stages"
    for path in modules(root, "pipeline", "stages"):
        yield from complaints(root, path)
