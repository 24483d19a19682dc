"""Which module has which commands. Importing a module registers its commands."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

GROUPS = {
    "Run a lake": ("up", "down", "demo", "env", "console"),
    "Load": ("drop", "wait", "schedules", "smoke"),
    "Find out": ("status", "find", "objects", "why", "executions", "execution", "logs", "quality"),
    "Query": ("tables", "query", "diff"),
    "Mend": ("redrive", "release", "dismiss", "upkeep"),
    "Define": ("datasets", "try", "feed", "forecasts", "test"),
    "Deploy": ("package", "bootstrap", "settings", "deploy"),
}
"""The commands by what somebody wants, in the order in which help lists them."""

MODULES = {
    "up": ("up", "down"),
    "demo": ("demo",),
    "drop": ("drop", "wait"),
    "env": ("env",),
    "status": ("status", "objects"),
    "find": ("find",),
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
    "schedules": ("schedules",),
    "test": ("test",),
    "package": ("package",),
    "bootstrap": ("bootstrap",),
    "smoke": ("smoke",),
    "deploy": ("deploy",),
    "console": ("console",),
}

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
    """Help lists commands by their groups, in the order of GROUPS, whichever was imported first."""
    from pipeline.cli.app import app

    group_of = {command: group for group, names in GROUPS.items() for command in names}
    place = {command: number for number, command in enumerate(group_of)}
    for command in app.registered_commands:
        command.name = str(command.name or getattr(command.callback, "__name__", ""))
        command.rich_help_panel = group_of[command.name]
    for group in app.registered_groups:
        group.rich_help_panel = group_of[str(group.name)]
    app.registered_commands.sort(key=lambda each: place[str(each.name)])
    app.registered_groups.sort(key=lambda each: place[str(each.name)])
