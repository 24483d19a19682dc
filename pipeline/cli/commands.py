"""The list of command modules. Importing one registers its commands."""

from __future__ import annotations

import importlib

MODULES = (
    "running",
    "demo",
    "dropping",
    "pointing",
    "looking",
    "why",
    "history",
    "logs",
    "reading",
    "registering",
    "settings",
    "mending",
    "keeping",
    "testing",
    "shipping",
    "bootstrapping",
    "smoking",
    "deploying",
    "consoling",
)


def load() -> None:
    for name in MODULES:
        importlib.import_module(f"pipeline.cli.{name}")
