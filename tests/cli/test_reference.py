"""The generated page of the command line is that of the commands, and the version that of the project."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

from pipeline.cli import reference

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_of_the_command_line_is_that_of_the_commands() -> None:
    written = (ROOT / reference.FILE).read_text(encoding="utf-8")
    assert written == reference.page(), f"{reference.FILE} is out of date: run `{reference.COMMAND}`"


def test_the_version_is_that_of_the_project_and_begins_the_change_log() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", "--version"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert printed == f"sluice {project}\n"
    released = [line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("## ")]
    assert released[1].startswith(f"## {project} ")
