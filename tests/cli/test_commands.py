"""Which modules a command line imports."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from pipeline.cli import commands
from pipeline.cli.app import app


def module_of(callback: Any) -> str:
    return str(callback.__module__).rpartition(".")[2]


def test_each_command_stands_with_the_module_that_has_it():
    commands.load()
    found = [(module_of(each.callback), each.name or each.callback.__name__) for each in app.registered_commands]
    for group in app.registered_groups:
        inner = group.typer_instance.registered_commands
        found += {(module_of(each.callback), str(group.name)) for each in inner}
    assert sorted(found) == sorted((module, name) for module, names in commands.MODULES.items() for name in names)


@pytest.mark.parametrize("command", ["status", "datasets", "dismiss"])
def test_a_command_is_there_where_it_alone_is_imported(command: str):
    script = f"import sys; sys.argv = ['sluice', {command!r}, '--help']; from pipeline.cli.app import main; main()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"sluice {command}" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "whole"), [(["status"], False), (["status", "x"], False), (["--env", "demo", "status"], True)]
)
def test_a_line_that_begins_with_a_command_imports_no_other(
    arguments: list[str], whole: bool, monkeypatch: pytest.MonkeyPatch
):
    imported: list[str] = []
    monkeypatch.setattr(commands.importlib, "import_module", imported.append)
    commands.load(arguments)
    assert imported == [f"pipeline.cli.{name}" for name in (commands.MODULES if whole else ["status"])]


@pytest.mark.parametrize("arguments", [[], ["--help"], ["stat"]])
def test_help_and_what_is_no_command_know_all(arguments: list[str], monkeypatch: pytest.MonkeyPatch):
    imported: list[str] = []
    monkeypatch.setattr(commands.importlib, "import_module", imported.append)
    commands.load(arguments)
    assert len(imported) == len(commands.MODULES)


def test_help_lists_commands_in_their_order_whichever_was_imported_first():
    script = (
        "import pipeline.cli.why; from pipeline.cli import commands; from pipeline.cli.app import app; commands.load();"
    )
    script += "print(*[each.name or each.callback.__name__ for each in app.registered_commands])"
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    groups = ("datasets", "executions", "feed", "forecasts", "schedules", "settings")
    assert printed == [name for names in commands.GROUPS.values() for name in names if name not in groups]
