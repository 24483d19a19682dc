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
    "diff": ("diff",),
    "datasets": ("datasets",),
    "feed": ("feed",),
    "forecasts": ("forecasts",),
    "try": ("try",),
    "settings": ("settings",),
    "redrive": ("redrive", "release", "dismiss"),
    "quality": ("quality",),
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
    """Import the module of the command that `arguments` begin with, or all modules if they do not begin with a command.

    A command line that begins with options (`--env dev status`) imports all: only the parser can find its command.
    """
    module = _MODULE_OF.get(arguments[0]) if arguments else None
    for name in (module,) if module else MODULES:
        importlib.import_module(f"pipeline.cli.{name}")
    _sort()


def _sort() -> None:
    """Help lists commands in the order of MODULES, whichever was imported first."""
    from pipeline.cli.app import app

    place = {command: number for number, command in enumerate(_MODULE_OF)}
    app.registered_commands.sort(key=lambda each: place[str(each.name or getattr(each.callback, "__name__", ""))])
    app.registered_groups.sort(key=lambda each: place[str(each.name)])
