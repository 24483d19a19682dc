"""The command console: serves the console's pages from this process."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer

from pipeline.cli.app import app
from pipeline.cli.connect import Target
from pipeline.cli.output import console as output
from pipeline.core.errors import Refused, WrongUsage
from pipeline.operate.connection import Connected

PORT = 4590


@app.command()
def console(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 for any free one.")] = PORT,
    allow_changes: Annotated[
        bool,
        typer.Option("--allow-changes", help="Allow changes to a lake on AWS: drop files, redrive, release, run now."),
    ] = False,
    only_address: Annotated[
        bool, typer.Option("--address", help="Print the address of the console that `sluice up` started, and end.")
    ] = False,
) -> None:
    """Serve the web console of the lake on this machine. `sluice up` starts it too.

    For a lake on AWS it is read-only, unless --allow-changes is given.

    Example: sluice --profile prod --env prod console
    """
    from pipeline.console.server import address, address_to_open, bind, serve

    target: Target = context.obj
    if only_address:
        print(_running(target))
        return
    target.connect()

    def connect() -> Connected:
        # A new target each time: an embedded lake may have been restarted on another port.
        return Target(target.profile, target.endpoint, target.region, target.env).connect()

    with bind(port) as listening:
        token = secrets.token_urlsafe(24)
        url = address_to_open(address(listening), token)
        output.print(f"console at [bold]{url}[/] (Ctrl-C ends it)", highlight=False, soft_wrap=True)
        serve(connect, listening, allow_changes=allow_changes, token=token)


def _running(target: Target) -> str:
    """The address, with its token, at which this checkout's console answers; `Refused` if none does."""
    from pipeline.cli.up import pages_of
    from pipeline.core.checkout import checkout
    from pipeline.emulator import state

    if target.profile or target.endpoint:
        raise WrongUsage(
            "--address is of the console that runs beside this checkout's own lake",
            hint="`sluice console` without it prints where it serves.",
        )
    lake = state.running(checkout())
    if lake is None or (pages := pages_of(lake)) is None:
        what = "no lake is running here" if lake is None else "the console of this checkout's lake does not answer"
        raise Refused(what, hint="`sluice up` starts both.")
    return pages
