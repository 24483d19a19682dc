"""Which module has which commands. Importing a module registers its commands."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

MODULES = {
    "running": ("up", "down"),
    "demo": ("demo",),
    "dropping": ("drop", "wait"),
    "pointing": ("env",),
    "looking": ("status", "objects"),
    "why": ("why",),
    "history": ("executions", "execution"),
    "logs": ("logs",),
    "reading": ("tables", "query"),
    "registering": ("datasets",),
    "settings": ("settings",),
    "mending": ("redrive", "release", "dismiss"),
    "keeping": ("upkeep",),
    "testing": ("test",),
    "shipping": ("package",),
    "bootstrapping": ("bootstrap",),
    "smoking": ("smoke",),
    "deploying": ("deploy",),
    "consoling": ("console",),
}
"""In the order in which help lists them."""

_MODULE_OF = {command: module for module, commands in MODULES.items() for command in commands}


def load(arguments: Sequence[str] = ()) -> None:
    """Import the module of the command that `arguments` run, or all where they do not begin with one.

    A command line that begins with options (`--env dev status`) imports all: what is a value, the parser knows.
    """
    found = _MODULE_OF.get(arguments[0]) if arguments else None
    for name in (found,) if found else MODULES:
        importlib.import_module(f"pipeline.cli.{name}")
