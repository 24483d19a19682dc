"""The command console: the lake's pages, served from this process."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer

from pipeline.cli.app import app
from pipeline.cli.connect import Target
from pipeline.cli.output import console as output
from pipeline.operate.connection import Connected

PORT = 4590


@app.command()
def console(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 for any free one.")] = PORT,
    allow_changes: Annotated[
        bool, typer.Option("--allow-changes", help="Also on AWS: drop files, redrive, release, run now.")
    ] = False,
) -> None:
    """Serve the lake's pages on this machine: what it does, and why. `sluice up` does so by itself.

    A lake on AWS is only shown, unless --allow-changes is given.

    Example: sluice --profile prod --env prod console
    """
    from pipeline.console.server import address, address_to_open, bind, serve

    target: Target = context.obj
    target.connect()

    def connect() -> Connected:
        # Anew each time: an embedded lake may have been started again elsewhere since.
        return Target(target.profile, target.endpoint, target.region, target.env).connect()

    with bind(port) as listening:
        token = secrets.token_urlsafe(24)
        shown = address_to_open(address(listening), token)
        output.print(f"console at [bold]{shown}[/] (Ctrl-C ends it)", highlight=False, soft_wrap=True)
        serve(connect, listening, allow_changes=allow_changes, token=token)
