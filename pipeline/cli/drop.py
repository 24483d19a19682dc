"""The commands drop and wait: put files into the lake, and wait for them."""

from __future__ import annotations

from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli.app import app
from pipeline.cli.arguments import DatasetArgument, To
from pipeline.cli.drop_report import EXIT_INTERRUPTED, print_dropped, send
from pipeline.cli.markup import escape_untrusted
from pipeline.cli.output import Json, console, print_json
from pipeline.cli.waits import wait
from pipeline.core.errors import NotThere, Refused
from pipeline.lake.datasets import DatasetName
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.services import Lake
from pipeline.operate.arguments import dataset_name
from pipeline.operate.attention import attention
from pipeline.operate.connection import Connected
from pipeline.operate.dropped_files import select
from pipeline.operate.formatting import moment
from pipeline.operate.progress import Progress

EXIT_ATTENTION = 3
EXIT_TIMEOUT = 4


class IfUnknown(StrEnum):
    """What `drop` does where no dataset takes its files yet."""

    WARN = "warn"
    FAIL = "fail"


@app.command()
def drop(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="Files and folders to drop.", exists=True)],
    to: To,
    prefix: Annotated[str, typer.Option(help="Sub-folders below the dataset.")] = "",
    if_unknown: Annotated[
        IfUnknown,
        typer.Option(help="What to do where no such dataset is registered: drop and warn, or fail and drop nothing."),
    ] = IfUnknown.WARN,
    as_json: Json = False,
) -> None:
    """Drop files into the raw bucket, as `aws s3 cp` would, and all files of folders.

    Of a folder, hidden, empty and temporary files and links that lead out of it are skipped, and named.
    Where later rows replace earlier ones (upsert, overwrite), files go up one after another in the order given.
    Exits with 1 if a file could not be dropped, 130 if interrupted: what was dropped by then is said.

    Example: sluice drop orders.csv more-orders/ --to shop/orders
    """
    name = dataset_name(to)
    connected: Connected = context.obj.connect()
    selection = select(files, f"{name}/{prefix}")
    registration = connected.lake.registry.get(name)
    known = registration is not None and registration.retired is None
    if not known and if_unknown is IfUnknown.FAIL:
        raise NotThere(_unknown(name, is_retired=registration is not None), hint=_similar(connected.lake, name))
    dropped = send(connected, selection, in_order=registration is None or _replaces(registration))
    if as_json:
        print_json(dropped.to_json() | {"registered": known})
    else:
        print_dropped(dropped)
        if not known:
            _say_unknown(connected.lake, name, is_retired=registration is not None)
    if dropped.is_interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)
    if dropped.failed or any(each.path in files for each in selection.skipped) or not selection.files:
        raise typer.Exit(1)


def _replaces(registration: Registration) -> bool:
    """Whether rows of a later file take the place of those of an earlier one."""
    return registration.dataset.table.write in ("upsert", "overwrite")


def _unknown(name: DatasetName, *, is_retired: bool) -> str:
    return f"dataset {name} is retired" if is_retired else f"no dataset {name} is registered"


def _similar(lake: Lake, name: DatasetName) -> str | None:
    """What may have been meant, of the datasets that take objects."""
    there = [str(each.name) for each in lake.registry.all() if each.retired is None]
    found = get_close_matches(str(name), there, n=1)
    return f"Did you mean {found[0]}?" if found else None


def _say_unknown(lake: Lake, name: DatasetName, *, is_retired: bool) -> None:
    how = "with its file again" if is_retired else "(`sluice datasets init`, then `sluice datasets apply`)"
    console.print(
        f"[yellow]{_unknown(name, is_retired=is_retired)}:[/] the objects wait as UNROUTED until it is applied {how}.",
        highlight=False,
    )
    if similar := _similar(lake, name):
        console.print(f"  {similar}", highlight=False)


def drop_files(connected: Connected, files: list[Path], name: DatasetName, prefix: str = "") -> list[dict[str, Any]]:
    """Upload each file below the dataset's prefix, in that order; `uri` and `bytes` of each. `Refused` if one fails."""
    dropped = send(connected, select(files, f"{name}/{prefix}"), in_order=True)
    for path, reason in dropped.not_there():
        raise Refused(f"{path} could not be dropped: {reason}")
    found: list[dict[str, Any]] = dropped.to_json()["dropped"]
    return found


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
                "paused": [{"dataset": name, **pause.to_json()} for name, pause in sorted(progress.paused.items())],
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
    told: set[str] = set()
    with console.status("looking …") as status:

        def report(progress: Progress) -> None:
            _say_paused(progress, told)
            status.update(progress.describe())

        return wait(connected, timeout, report, only=only)


def _watch_in_lines(connected: Connected, timeout: float, only: DatasetName | None) -> Progress:
    last, told = "", set[str]()

    def report(progress: Progress) -> None:
        nonlocal last
        now = progress.describe()
        if now != last:
            console.print(f"  {now}", highlight=False)
        last = now
        _say_paused(progress, told)

    return wait(connected, timeout, report, only=only)


def _say_paused(progress: Progress, told: set[str]) -> None:
    """Say of each dataset whose objects wait because somebody paused it who did, why, and what ends it; once."""
    for name, pause in sorted(progress.paused.items()):
        if name not in told:
            told.add(name)
            console.print(
                f"  [yellow]{name} is paused[/] since {moment(pause.since)} by {escape_untrusted(pause.by)}: "
                f"{escape_untrusted(pause.why)}. `sluice schedules resume {name}` ends that, and `sluice schedules "
                f"drain {name}` loads what waits.",
                highlight=False,
                soft_wrap=True,
            )
