"""`docs/reference/command-line.md`, made from the commands themselves: `python -m pipeline.cli.reference`."""

from __future__ import annotations

from pathlib import Path

import typer
from typer.cli import get_docs_for_click
from typer.main import get_command

from pipeline.cli import commands
from pipeline.cli.app import app

FILE = Path("docs/reference/command-line.md")
COMMAND = "python -m pipeline.cli.reference"


def page() -> str:
    """The whole page, as Typer's own generator writes it."""
    commands.load()
    command = get_command(app)
    notice = f"<!-- Made by `{COMMAND}`: change the commands' docstrings. -->"
    text = get_docs_for_click(obj=command, ctx=typer.Context(command, info_name="sluice"), name="sluice")
    head, _, rest = text.partition("\n")
    return f"{head}\n\n{notice}\n{rest.rstrip()}\n"


if __name__ == "__main__":
    (Path(__file__).resolve().parents[2] / FILE).write_text(page(), encoding="utf-8")
