"""Apply every fix of the state server, once a process."""

from __future__ import annotations

import importlib
import threading

from pipeline.emulator.moto import patch

_PARTS = (
    "stepfunctions.interpreter.aborts",
    "stepfunctions.interpreter.turns",
    "stepfunctions.interpreter.callbacks",
    "stepfunctions.interpreter.clients",
    "stepfunctions.interpreter.json_text",
    "stepfunctions.interpreter.paths",
    "stepfunctions.interpreter.engine",
    "stepfunctions.interpreter.failures",
    "stepfunctions.interpreter.handlers",
    "stepfunctions.interpreter.jsonata",
    "stepfunctions.interpreter.intrinsics",
    "stepfunctions.interpreter.choices",
    "stepfunctions.interpreter.integrations",
    "stepfunctions.interpreter.service_errors",
    "stepfunctions.interpreter.tasks",
    "stepfunctions.test_cases",
    "stepfunctions.interpreter.mocked",
    "stepfunctions.versions",
    "stepfunctions.executions",
    "stepfunctions.reads",
    "stepfunctions.interpreter.history",
    "stepfunctions.redrive",
    "stepfunctions.interpreter.limits",
    "stepfunctions.definitions",
    "stepfunctions.logs",
)
"""Modules of the embedded AWS with a function `install`, in the order in which they are applied."""

_lock = threading.Lock()
_installed = False


def install_all() -> None:
    """Change moto for the life of this process; a second call does nothing. `Misconfigured` under another moto."""
    global _installed
    with _lock:
        if _installed:
            return
        patch.install_all()
        for part in _PARTS:
            importlib.import_module(f"pipeline.emulator.{part}").install()
        _installed = True
