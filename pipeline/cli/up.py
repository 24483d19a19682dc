"""The commands up and down: start and stop the embedded lake."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from pipeline.cli.app import app
from pipeline.cli.connect import Target
from pipeline.cli.embedded_stacks import Say, apply_datasets, apply_flows, deploy_stacks, fetch_jars
from pipeline.cli.flows import FlowNames, want_flows
from pipeline.cli.output import Json, console, print_json
from pipeline.cloudformation.changes import check_stateful
from pipeline.core.checkout import checkout
from pipeline.deploy import embedded, engine
from pipeline.deploy.embedded import EmbeddedBackend
from pipeline.emulator import lifecycle, state
from pipeline.emulator.console_process import answers
from pipeline.emulator.gateway.operations import PAGE

PORT = 4580
CONSOLE_S = 30
CONSOLE_LOG = f"{state.FOLDER}/console.log"

Port = Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 for any free one.")]


Packaged = Annotated[bool, typer.Option("--packaged", help="Run the same packages as on AWS, with layers.")]


@app.command()
def up(port: Port = PORT, packaged: Packaged = False, flow: FlowNames = None, as_json: Json = False) -> None:
    """Start an embedded lake for this checkout, deploy definitions/stacks to it and apply definitions/datasets.

    A lake that is already running is updated. With --flow feeds it has a PostgreSQL, and definitions/feeds is applied.
    """
    lake = bring_up(port, packaged=packaged, flows=flow or (), quiet=as_json)
    if as_json:
        print_json(
            {
                "endpoint": lake.endpoint,
                "console": pages_of(lake),
                "region": lake.region,
                "env": lake.env,
                "pid": lake.pid,
            }
        )


def pages_of(lake: state.RunningLake) -> str | None:
    """The console's address to open in a browser; None if it does not answer."""
    return lake.pages if answers(lake.console, CONSOLE_S) else None


def bring_up(
    port: int, *, packaged: bool = False, flows: Sequence[str] = (), quiet: bool = False, limits: bool = True
) -> state.RunningLake:
    """Start the lake, deploy the stacks and apply the datasets and feeds; prints each step unless `quiet`, and with
    `limits` what of the templates has no effect here."""
    began = time.monotonic()

    def say(text: str) -> None:
        if not quiet:
            console.print(f"  {escape(text)}", highlight=False)

    root = checkout()
    lake = state.running(root)
    embedded.run_packages(root, packaged=packaged)
    runs = lake is not None
    if lake is None:
        fetch_jars(quiet=quiet)
        lake = lifecycle.start(root, port=port)
        say(f"embedded AWS at {lake.endpoint}")
    else:
        say(f"the lake at {lake.endpoint} is running: it is updated")
    if packaged:
        _say_packaged(say)
    target = Target.of(lake)
    made = embedded.packaged(root)
    want_flows(target.reach().env, flows, made.flows, laptop=True)
    backend = EmbeddedBackend(target.reach().env)
    planned = engine.plan(root, backend, made) if runs else None
    check_stateful(planned.stacks if planned else ())
    results = deploy_stacks(root, backend, made, planned, say)
    apply_datasets(root, target.connect(), EmbeddedBackend(lake.env, replace_stateful=False), say)
    apply_flows(root, backend, made, say)
    if limits and not quiet:
        say_limits({name for result in results for name in result.accepted_without_effect})
    if not quiet:
        where = pages_of(lake)
        line = f"console at [bold]{where}[/]" if where else f"[red]the console does not answer:[/] see {CONSOLE_LOG}"
        console.print(f"  {line}", highlight=False, soft_wrap=True)
        console.print(f"[green]the lake is ready[/] ({time.monotonic() - began:.1f} s)", highlight=False)
    return lake


def _say_packaged(say: Say) -> None:
    from pipeline.deploy.packaging.code import LAMBDA_PYTHON

    say("packaging as for AWS: the layers take a minute the first time")
    if sys.version_info[:2] != LAMBDA_PYTHON:
        wanted, here = (".".join(map(str, version)) for version in (LAMBDA_PYTHON, sys.version_info[:2]))
        say(f"functions run on Python {here}: layers of Python {wanted} are deployed, their packages come from here")


def say_limits(ineffective: set[str]) -> None:
    """Print where the limits are listed, and how many properties of the templates have no effect."""
    console.print(f"  [dim]the embedded AWS has limits: they are listed in {PAGE}[/]", highlight=False)
    kinds = sorted({name.split(" ")[0].removeprefix("AWS::") for name in ineffective})
    if kinds:
        console.print(
            f"  [dim]accepted without effect: {len(ineffective)} properties of {', '.join(kinds)}[/]", highlight=False
        )


@app.command()
def down(as_json: Json = False) -> None:
    """Stop this checkout's embedded lake. All its data is deleted."""
    root = checkout()
    forgotten = _contents(root)
    stopped = lifecycle.stop(root)
    if as_json:
        print_json({"stopped": stopped, "forgotten": forgotten})
    elif not stopped:
        console.print("no lake is running here")
    else:
        console.print(
            f"stopped; deleted: {forgotten.get('objects', 0)} objects and {forgotten.get('tables', 0)} tables",
            highlight=False,
        )


def _contents(root: Path) -> dict[str, int]:
    """The numbers of objects and tables in a running lake; empty if it does not answer."""
    from botocore.exceptions import BotoCoreError, ClientError

    from pipeline.core.errors import SluiceError
    from pipeline.operate.catalog_state import counts, standing

    lake = state.running(root)
    if lake is None:
        return {}
    try:
        connected = Target.of(lake).connect()
        names = [registration.name for registration in connected.lake.registry.all()]
        objects = counts(connected.lake, standing(connected.lake, None, names))
        return {"objects": sum(of_it.total() for of_it in objects.values()), "tables": len(names)}
    except (SluiceError, BotoCoreError, ClientError):
        return {}
