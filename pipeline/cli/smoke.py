"""The command smoke: sends one small file through the whole lake, to check that it works."""

from __future__ import annotations

import csv
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from pipeline.cli.app import app
from pipeline.cli.arguments import dataset_option
from pipeline.cli.drop import EXIT_ATTENTION, EXIT_TIMEOUT, drop_files
from pipeline.cli.embedded import run_schedules_now
from pipeline.cli.markup import escape_untrusted
from pipeline.cli.output import Json, console, print_json
from pipeline.cli.samples import ORDER_COLUMNS
from pipeline.core.clients import client
from pipeline.core.errors import Refused, WrongUsage
from pipeline.lake.catalog import ObjectRow, Status
from pipeline.lake.datasets import DatasetName
from pipeline.operate.arguments import dataset_name
from pipeline.operate.connection import Connected
from pipeline.operate.flows import flows_of

DATASET = DatasetName("demo", "orders")
FOLDER = "smoke-tests"
"""The folder below the dataset's prefix, by which readers of the table can recognize these rows."""

_ENDED = (Status.COMMITTED, Status.QUARANTINED, Status.FAILED, Status.UNROUTED, Status.DUPLICATE)


@app.command()
def smoke(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="A file to drop; else a small order.", exists=True)] = None,
    to: Annotated[
        str | None,
        dataset_option("The dataset.", "--to", show_default="demo/orders"),
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait at most.")] = 1200,
    as_json: Json = False,
) -> None:
    """Drop one file and wait until its rows are in the table: does this lake work?

    Exits with 0 if they are, 3 if the object ended otherwise or an execution failed meanwhile (a successful retry may
    hide a function that does not work), 4 when time is up.

    Example: sluice --profile dev --env dev smoke
    """
    if (file is None) != (to is None):
        raise WrongUsage("a file and --to need each other", hint="Without both, an order is dropped to demo/orders.")
    connected: Connected = context.obj.connect()
    name = dataset_name(to) if to else DATASET
    registered = connected.lake.registry.get(name)
    if registered is None or registered.retired:
        what = "is registered in this lake" if registered is None else "takes files: it is retired"
        raise Refused(
            f"no dataset {name} {what}",
            hint="Apply its definition, or name a file and a dataset that is: sluice smoke FILE --to team/dataset.",
        )
    began, since = time.monotonic(), datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="sluice-smoke-") as folder:
        dropped = drop_files(connected, [file or _an_order(Path(folder))], name, FOLDER)[0]["uri"]
    row = _wait(connected, dropped, timeout)
    seconds = round(time.monotonic() - began, 1)
    status = row.status if row else None
    failed = _failed_executions(connected, since)
    if as_json:
        print_json(
            {
                "uri": dropped,
                "status": status,
                "seconds": seconds,
                "reason": row.reason if row else None,
                "failed_executions": failed,
            }
        )
    elif status is Status.COMMITTED and failed:
        console.print(
            f"[red]{escape_untrusted(dropped)} is in its table, and executions failed meanwhile:[/]", soft_wrap=True
        )
        console.print(f"  {escape_untrusted(', '.join(failed))}; see `sluice execution NAME`", soft_wrap=True)
    elif status is Status.COMMITTED:
        console.print(
            f"[green]it works:[/] {escape_untrusted(dropped)} is in its table after {seconds} s", soft_wrap=True
        )
    else:
        what = f"is {status}: {escape_untrusted(row.reason or '')}" if row else "is not in the catalog"
        console.print(f"[red]{escape_untrusted(dropped)} {what}[/] after {seconds} s; see `sluice why`", soft_wrap=True)
    if status is not Status.COMMITTED or failed:
        raise typer.Exit(EXIT_ATTENTION if status in _ENDED else EXIT_TIMEOUT)


def _wait(connected: Connected, uri: str, timeout_s: float) -> ObjectRow | None:
    """The object's catalog row, once it has ended or time is up."""
    give_up = time.monotonic() + timeout_s
    while True:
        rows = connected.lake.catalog.history(uri.removeprefix("s3://"))
        row = max(rows, key=lambda each: each.order, default=None)
        if (row and row.status in _ENDED) or time.monotonic() > give_up:
            return row
        if connected.endpoint and row and row.dataset and row.status is Status.STAGED:
            run_schedules_now(connected.endpoint, [row.dataset])
        time.sleep(0.5 if connected.is_embedded else 5)


def _failed_executions(connected: Connected, since: datetime) -> list[str]:
    """Executions of every flow that began after `since` and failed, by name."""
    listing, found = client("stepfunctions").list_executions, []
    for machine in flows_of(connected.lake).machines.values():
        for status in ("FAILED", "TIMED_OUT", "ABORTED"):
            listed = listing(stateMachineArn=machine.arn, statusFilter=status, maxResults=20)["executions"]
            found += [each["name"] for each in listed if each["startDate"] >= since]
    return found


def _an_order(folder: Path) -> Path:
    """Write a file with an order that no other smoke test has."""
    path = folder / f"smoke-{uuid4().hex[:12]}.csv"
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(ORDER_COLUMNS)
        writer.writerow((path.stem.upper(), "C-1", now, "lamp", "1", "39.90", "placed"))
    return path
