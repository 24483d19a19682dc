"""The command demo: a fresh lake, the project's samples, and a summary of what the lake did with them."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import typer

from pipeline.cli.app import app
from pipeline.cli.connect import Target
from pipeline.cli.drop import EXIT_TIMEOUT, drop_files, watch
from pipeline.cli.flows import FlowNames
from pipeline.cli.markup import escape_untrusted
from pipeline.cli.output import console, print_table
from pipeline.cli.samples import Samples, write_samples
from pipeline.cli.up import CONSOLE_LOG, PORT, Packaged, Port, bring_up, pages_of
from pipeline.core.checkout import checkout
from pipeline.deploy.embedded import EmbeddedBackend
from pipeline.deploy.engine import LAKE, flows_of
from pipeline.emulator import lifecycle
from pipeline.lake.datasets import DatasetName
from pipeline.operate.connection import Connected

ORDERS = DatasetName("demo", "orders")
CUSTOMERS = DatasetName("demo", "customers")
RETURNS = DatasetName("demo", "returns")
TIMEOUT_S = 180
FEEDS = "feeds"
FORECASTS = "forecasts"
PSEUDONYM_DIGITS = 64

NEXT = """
[bold]The lake keeps running.[/]
  pages      {console}
  look       .venv/bin/sluice status        .venv/bin/sluice query 'select * from demo.customers'
  one file   .venv/bin/sluice why demo/orders/orders-with-bad-rows.csv
  your own   .venv/bin/sluice datasets init FILE --to team/dataset --write
             .venv/bin/sluice datasets apply && .venv/bin/sluice drop FILE --to team/dataset && .venv/bin/sluice wait
  stop       .venv/bin/sluice down
"""

FEED_NEXT = """  what the contract does not name stayed behind; one was put aside:
  .venv/bin/sluice feed status        .venv/bin/sluice feed privacy {feed}"""

FORECASTS_NEXT = "  .venv/bin/sluice forecasts times    .venv/bin/sluice forecasts sources    HTTP: docs/forecasts.md"


@app.command()
def demo(port: Port = PORT, packaged: Packaged = False, flow: FlowNames = None) -> None:
    """Start a fresh lake, drop the samples, and show the results. The lake keeps running.

    With --flow feeds the lake also has a PostgreSQL, and shows transactions there, with pseudonyms: docs/feeds.md.
    With --flow forecasts it finds netCDF files by their times, and shows values at a place: docs/forecasts.md.
    """
    if lifecycle.stop(checkout()):
        console.print("  stopped the lake that was running", highlight=False)
    console.print("[bold]A fresh lake[/]")
    lake = bring_up(port, packaged=packaged, flows=flow or (), limits=False)
    began = time.monotonic()
    connected = Target.of(lake).connect()
    with tempfile.TemporaryDirectory(prefix="sluice-samples-") as folder:
        _drop_samples(connected, write_samples(Path(folder)))
    flows = flows_of(EmbeddedBackend(lake.env))
    if FEEDS in flows:
        show_feed(connected)
    if FORECASTS in flows:
        show_forecasts(connected)
    _say_summary(connected, pages_of(lake) or f"none answers: see {CONSOLE_LOG}", time.monotonic() - began)


def _drop_samples(connected: Connected, samples: Samples) -> None:
    first = [samples.orders, samples.orders_compressed, samples.orders_with_bad_rows, samples.orders_truncated]
    _step(
        connected,
        "six customers; orders as CSV and gzip, one file with bad rows, one that cannot be read",
        {CUSTOMERS: [samples.customers], ORDERS: first},
    )
    _step(
        connected,
        "changed customers, whose rows replace the older ones; orders that break the quality rules; "
        "returns, which SQL joins with orders",
        {
            CUSTOMERS: [samples.customers_changed],
            ORDERS: [samples.orders_breaking_rules],
            RETURNS: [samples.returns],
        },
    )


def _step(connected: Connected, what: str, files: dict[DatasetName, list[Path]]) -> None:
    console.print(f"[bold]Dropped:[/] {what}", highlight=False)
    for name, paths in files.items():
        drop_files(connected, paths, name)
    progress = watch(connected, TIMEOUT_S)
    if not progress.is_settled:
        console.print(f"[red]not settled after {TIMEOUT_S} s:[/] {progress.describe()}", highlight=False)
        raise typer.Exit(EXIT_TIMEOUT)


def show_feed(connected: Connected) -> None:
    """Put transactions into the demo's table, and show the rows of PostgreSQL that they become."""
    from pipeline.operate.feeds import demonstration

    console.print("[bold]Put into DynamoDB:[/] five transactions; one's amount is no number", highlight=False)
    wanted = demonstration.put(f"{LAKE}-{connected.env}-demo-transactions")
    ends = time.monotonic() + TIMEOUT_S
    while len((found := demonstration.rows(connected.lake)).rows) < wanted:
        if time.monotonic() > ends:
            console.print("[red]no rows came:[/] see `sluice logs feed-demo_transactions`", highlight=False)
            raise typer.Exit(EXIT_TIMEOUT)
        time.sleep(0.5)
    rows = [[_short(value) for value in row] for row in found.rows]
    print_table(f"{demonstration.VIEW} in PostgreSQL, as analysts see it", found.columns, rows)
    console.print(FEED_NEXT.format(feed=demonstration.FEED), highlight=False)


def show_forecasts(connected: Connected) -> None:
    """Put netCDF files into the demo's bucket, and show what is forecast for a place once they are found."""
    from pipeline.operate.forecasts import demonstration as shown

    console.print("[bold]Put into a bucket that is announced:[/] three netCDF files of today's run", highlight=False)
    times = shown.put(connected.lake)
    ends = time.monotonic() + TIMEOUT_S
    while len(found := shown.found(connected.lake, times)) < len(times):
        if time.monotonic() > ends:
            console.print(f"[red]not found yet:[/] see `sluice logs forecast-{shown.SOURCE}`", highlight=False)
            raise typer.Exit(EXIT_TIMEOUT)
        time.sleep(0.5)
    rows = [
        [each["time"], each["run"], f"{value['value']:.1f} {file['units']}", escape_untrusted(each["attribution"])]
        for each in found
        for file in each["files"]
        for value in file["values"]
    ]
    print_table(f"{shown.VARIABLE} at {shown.LATITUDE}, {shown.LONGITUDE}", ["time", "run", "value", "source"], rows)
    console.print(FORECASTS_NEXT, highlight=False)


def _short(value: object) -> str:
    """A pseudonym by its beginning."""
    text = "" if value is None else str(value)
    return f"{text[:8]}…" if len(text) == PSEUDONYM_DIGITS else escape_untrusted(text)


def _say_summary(connected: Connected, pages: str, seconds: float) -> None:
    from pipeline.cli.query import print_tables
    from pipeline.cli.status import print_summary

    console.print()
    print_summary(connected.lake)
    console.print()
    print_tables(connected.lake)
    console.print(NEXT.format(console=pages), highlight=False, soft_wrap=True)
    console.print(f"[dim]from the first drop to the last commit: {seconds:.1f} s[/]", highlight=False)
