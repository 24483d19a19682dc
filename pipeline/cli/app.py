"""The command `sluice` itself: global options, errors, exit codes."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.markup import escape

from pipeline.cli.connect import Target
from pipeline.cli.output import errors
from pipeline.core.errors import SluiceError, WrongUsage

EXIT_CODES = """
Exit codes: 0 done; 1 refused or failed, with the reason; 2 wrong usage; 3 `wait`: something was quarantined or
failed; 4 `wait`: time is up.
"""

WRONG_USAGE = 2

app = typer.Typer(
    name="sluice",
    help="A serverless data lake: drop a file, get a checked table.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"sluice {version('sluice')}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    profile: Annotated[str | None, typer.Option(help="Speak to AWS with this profile (needs --env).")] = None,
    endpoint: Annotated[str | None, typer.Option(help="Speak to the embedded lake at this URL.")] = None,
    region: Annotated[str | None, typer.Option(help="AWS region.")] = None,
    env: Annotated[str | None, typer.Option(help="Which deployed lake: dev, prod, …")] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """A serverless data lake: drop a file, get a checked table."""
    context.obj = Target(profile, endpoint, region, env)


def main() -> None:
    """Run the command; an error is printed as a line with its message and a line with its hint."""
    from pipeline.cli import commands

    # boto3 loads it where it is installed, which takes 70 ms, and works without as in a function on AWS. Only the
    # embedded AWS needs it, which is a process of its own but for `test`.
    if "test" not in sys.argv:
        sys.modules["awscrt"] = None  # type: ignore[assignment]
    commands.load(sys.argv[1:])
    try:
        app(standalone_mode=True)
    except SluiceError as error:
        errors.print(f"[red]error:[/] {escape(error.message)}", highlight=False, soft_wrap=True)
        if error.hint:
            errors.print(f"       {escape(error.hint)}", highlight=False, soft_wrap=True)
        sys.exit(WRONG_USAGE if isinstance(error, WrongUsage) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if not type(error).__module__.startswith(("botocore.", "boto3.")):
            raise
        errors.print(f"[red]error:[/] AWS answered: {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(1)
