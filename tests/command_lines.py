"""Command lines of sluice that documents and buildspecs write down, read as the program would, and not run."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from typer.main import get_command

from pipeline.cli import commands
from pipeline.cli.app import app


def command_of(arguments: Sequence[str]) -> str:
    """The command that `arguments` call; click's error for an option that there is not, or a value it does not take."""
    program = _program()
    context = program.make_context("sluice", list(arguments), resilient_parsing=True)
    name, command, rest = program.resolve_command(context, [*context._protected_args, *context.args])
    command.make_context(name, rest)
    return str(name)


@cache
def _program() -> Any:
    commands.load()
    return get_command(app)
