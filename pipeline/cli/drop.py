"""The commands drop and wait: put files into the lake, and wait for them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from pipeline.cli.app import app
from pipeline.cli.arguments import DatasetArgument
from pipeline.cli.output import Json, console, print_json
from pipeline.cli.waits import wait
from pipeline.core.clients import client
from pipeline.lake.datasets import DatasetName
from pipeline.lake.settings import Setting
from pipeline.operate.arguments import dataset_name
from pipeline.operate.attention import attention
from pipeline.operate.connection import Connected
from pipeline.operate.drop import raw_key
from pipeline.operate.progress import Progress

EXIT_ATTENTION = 3
EXIT_TIMEOUT = 4


@app.command()
def drop(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="Files to drop.", exists=True, dir_okay=False, readable=True)],
    to: Annotated[str, typer.Option("--to", help="The dataset, as team/dataset.")],
    prefix: Annotated[str, typer.Option(help="Sub-folders below the dataset.")] = "",
    as_json: Json = False,
) -> None:
    """Drop files into the raw bucket, as `aws s3 cp` would.

    Example: sluice drop orders.csv --to shop/orders
    """
    name = dataset_name(to)
    connected: Connected = context.obj.connect()
    dropped = drop_files(connected, files, name, prefix)
    registration = connected.lake.registry.get(name)
    known = registration is not None and registration.retired is None
    if as_json:
        print_json({"dropped": dropped, "registered": known})
        return
    for item in dropped:
        console.print(
            f"dropped [bold]{escape(item['uri'])}[/] ({item['bytes']:,} bytes)", highlight=False, soft_wrap=True
        )
    if not known:
        what = f"dataset {name} is retired" if registration else f"no dataset {name} is registered"
        how = "with its file again" if registration else "(`sluice datasets init`, then `sluice datasets apply`)"
        console.print(
            f"[yellow]{what}:[/] the objects wait as UNROUTED until it is applied {how}.",
            highlight=False,
        )


def drop_files(connected: Connected, files: list[Path], name: DatasetName, prefix: str = "") -> list[dict[str, Any]]:
    """Upload each file under the dataset's prefix, with a progress bar; returns `uri` and `bytes` of each."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    bucket = connected.lake.settings[Setting.RAW_BUCKET]
    dropped = []
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        for path in files:
            key = raw_key(f"{name}/{prefix}", path.name)
            size = path.stat().st_size
            task = bar.add_task(escape(path.name), total=size)
            client("s3").upload_file(str(path), bucket, key, Callback=lambda n, task=task: bar.advance(task, n))
            dropped.append({"uri": f"s3://{bucket}/{key}", "bytes": size})
    return dropped


@app.command("wait")
def wait_command(
    context: typer.Context,
    dataset: DatasetArgument = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait at most.")] = 300,
    as_json: Json = False,
) -> None:
    """Wait until nothing waits or runs; an embedded lake's schedules are run early.

    Exits with 0 when settled, 3 when something needs attention (see `sluice status`), 4 when time is up.
    """
    connected: Connected = context.obj.connect()
    only = dataset_name(dataset) if dataset else None
    progress = watch(connected, timeout, only=only, quiet=as_json)
    needing = sum(trouble.objects for trouble in attention(connected.lake, only))
    if as_json:
        print_json(
            {
                "settled": progress.is_settled,
                "needs_attention": needing,
                "objects": [
                    {"dataset": name, "status": status, "objects": n}
                    for (name, status), n in sorted(progress.objects.items())
                ],
            }
        )
    elif not progress.is_settled:
        console.print(f"[yellow]time is up:[/] {progress.describe()}", highlight=False)
    elif needing:
        console.print(f"settled; [magenta]{needing:,} need attention[/]: see `sluice status`", highlight=False)
    else:
        console.print("[green]settled[/]")
    if not progress.is_settled:
        raise typer.Exit(EXIT_TIMEOUT)
    if needing:
        raise typer.Exit(EXIT_ATTENTION)


def watch(connected: Connected, timeout: float, *, only: DatasetName | None = None, quiet: bool = False) -> Progress:
    """Wait and show the progress: on a terminal in one line that is updated, else a line for each change."""
    if quiet:
        return wait(connected, timeout, lambda progress: None, only=only)
    if not console.is_terminal:
        return _watch_in_lines(connected, timeout, only)
    with console.status("looking …") as status:
        return wait(connected, timeout, lambda progress: status.update(progress.describe()), only=only)


def _watch_in_lines(connected: Connected, timeout: float, only: DatasetName | None) -> Progress:
    last = ""

    def report(progress: Progress) -> None:
        nonlocal last
        now = progress.describe()
        if now != last:
            console.print(f"  {now}", highlight=False)
        last = now

    return wait(connected, timeout, report, only=only)
