"""Which module has which commands. Importing a module registers its commands."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

MODULES = {
    "up": ("up", "down"),
    "demo": ("demo",),
    "drop": ("drop", "wait"),
    "env": ("env",),
    "status": ("status", "objects"),
    "why": ("why",),
    "executions": ("executions", "execution"),
    "logs": ("logs",),
    "query": ("tables", "query"),
    "datasets": ("datasets",),
    "settings": ("settings",),
    "redrive": ("redrive", "release", "dismiss"),
    "upkeep": ("upkeep",),
    "test": ("test",),
    "package": ("package",),
    "bootstrap": ("bootstrap",),
    "smoke": ("smoke",),
    "deploy": ("deploy",),
    "console": ("console",),
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
