"""docs/datasets.md names only commands, options and files that there are."""

from __future__ import annotations

import re

from typer.main import get_command

from pipeline.cli import commands as loading
from pipeline.cli import datasets
from pipeline.cli.app import app
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "datasets.md").read_text()


def test_every_command_and_option_is_there():
    commands = get_command(datasets.datasets).commands  # type: ignore[attr-defined]
    named = set(re.findall(r"sluice datasets ([a-z]+)", PAGE))
    assert {"apply", "list", "validate"} <= named <= set(commands)
    loading.load()
    others = [get_command(app).commands[name] for name in ("dismiss", "redrive", "try", "upkeep")]  # type: ignore[attr-defined]
    options = {option for command in (*commands.values(), *others) for each in command.params for option in each.opts}
    assert set(re.findall(r"(--[a-z][a-z-]+)", PAGE)) <= options


def test_every_file_is_there_and_the_build_validates_the_definitions():
    named = set(re.findall(r"(?:cicd|tests)/[A-Za-z_./]+[a-z]", PAGE))
    assert named
    assert [each for each in named if not (ROOT / each).exists()] == []
    assert "sluice datasets validate" in (ROOT / "cicd" / "buildspecs" / "check.yml").read_text()
