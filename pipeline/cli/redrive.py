"""The commands redrive, release and dismiss: what to do with objects and batches that failed."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.markup import escape

from pipeline.cli.app import app
from pipeline.cli.arguments import BatchArgument, ObjectsArgument, batch_option, dataset_option, execution_option
from pipeline.cli.markup import escape_untrusted
from pipeline.cli.output import Json, console, print_json
from pipeline.core.errors import WrongUsage
from pipeline.lake.batches.redrive import Redriven
from pipeline.operate.arguments import dataset_name
from pipeline.operate.formatting import counted
from pipeline.operate.redrive import (
    dismiss_objects,
    redrive_batch,
    redrive_dataset,
    redrive_execution,
    redrive_messages,
    redrive_objects,
    release_batch,
    to_dismiss,
)
from pipeline.operate.rows_again import RowsSent, send_rows
from pipeline.operate.rows_aside import Reason

REASONS_SHOWN = 20


@app.command()
def redrive(
    context: typer.Context,
    objects: ObjectsArgument = None,
    version: Annotated[str | None, typer.Option(help="Only this version id of one object.")] = None,
    dataset: Annotated[
        str | None,
        dataset_option("All its quarantined and failed objects."),
    ] = None,
    batch: Annotated[
        str | None,
        batch_option("A quarantined or failed batch, as it was staged."),
    ] = None,
    queue: Annotated[
        str | None,
        typer.Option(help="A dead-letter queue as `sluice status` names it: `raw`, team/dataset, …"),
    ] = None,
    execution: Annotated[str | None, execution_option("The batch or objects of a failed execution.")] = None,
    rows: Annotated[
        str | None,
        dataset_option("Rows of its loaded objects that were set aside, and no others."),
    ] = None,
    reason: Annotated[
        str | None, typer.Option(help="With --rows: those whose reason, told without values, has this in it.")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="With --rows: only say what would be sent.")] = False,
    as_json: Json = False,
) -> None:
    """Send back objects, a batch, dead letters, rows, or the work of an execution. Doing it twice is harmless.

    Objects go through Stage A again, from the raw file: fix the definition first. A batch is loaded again from its
    staged files. Rows are read again by their place in the raw file, once the definition was fixed and applied.

    Example: sluice redrive --dataset shop/orders

    Example: sluice redrive --rows shop/orders --reason 'column price'
    """
    if sum(1 for given in (objects, dataset, batch, queue, execution, rows) if given) != 1:
        known = "One of: objects, --dataset, --batch, --queue, --execution, --rows."
        raise WrongUsage("name what to send back", hint=known)
    if version and len(objects or []) != 1:
        raise WrongUsage("--version needs exactly one object", hint="Name the object, too.")
    if (reason or dry_run) and not rows:
        raise WrongUsage("--reason and --dry-run are about rows", hint="Name their dataset: --rows team/dataset.")
    lake = context.obj.connect().lake
    if queue:
        moved = redrive_messages(lake, queue)
        print_json({"messages": moved}) if as_json else console.print(f"sent back {moved} messages", highlight=False)
        return
    if rows:
        _say_rows(send_rows(lake, dataset_name(rows), reason, dry_run=dry_run), dry_run=dry_run, as_json=as_json)
        return
    if execution:
        done = redrive_execution(lake, execution)
    elif batch:
        done = redrive_batch(lake, batch)
    elif dataset:
        done = redrive_dataset(lake, dataset_name(dataset))
    else:
        done = redrive_objects(lake, objects or [], version)
    _say(done, as_json)


@app.command()
def release(
    context: typer.Context,
    batch: BatchArgument,
    reason: Annotated[str, typer.Option(help="Why its rows may be seen although they failed the rules.")],
    by: Annotated[str | None, typer.Option(help="Who decided; the user's name by default.")] = None,
    as_json: Json = False,
) -> None:
    """Load a quarantined batch although it failed its quality rules. Who released it and why is stored.

    Example: sluice release 01KF… --reason "the supplier confirmed the zero prices"
    """
    _say(release_batch(context.obj.connect().lake, batch, by or getpass.getuser(), reason), as_json)


@app.command()
def dismiss(
    context: typer.Context,
    objects: ObjectsArgument = None,
    reason: Annotated[str, typer.Option(help="Why nothing more is to be done.")] = "",
    dataset: Annotated[
        str | None,
        dataset_option("All its objects that need attention."),
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who decided; the user's name by default.")] = None,
    as_json: Json = False,
) -> None:
    """Dismiss objects: they need no more attention. Who dismissed them and why is stored.

    Nothing is deleted, and `sluice redrive` can still send them back; if they fail again, they need attention again.

    Example: sluice dismiss shop/orders/2026/a.csv --reason "its rows came in b.csv"
    """
    if bool(objects) == bool(dataset):
        raise WrongUsage("name what to dismiss", hint="Objects, or --dataset.")
    lake = context.obj.connect().lake
    rows = to_dismiss(lake, objects or [], dataset_name(dataset) if dataset else None)
    done = dismiss_objects(lake, rows, by or getpass.getuser(), reason)
    print_json({"dismissed": done}) if as_json else console.print(f"dismissed {counted(done, 'object')}")


def _say(done: Redriven, as_json: bool) -> None:
    if as_json:
        print_json({"sent": done.sent, "restaged": done.restaged, "batch": done.batch, "refused": done.refused})
        return
    if done.sent:
        console.print(f"sent {counted(done.sent, 'object')} through Stage A again", highlight=False)
    if done.restaged:
        where = f"in the new batch {done.batch}" if done.batch else "for the next batch"
        console.print(f"staged {counted(done.restaged, 'object')} again {where}", highlight=False)
    for name in done.refused:
        console.print(
            f"[yellow]skipped:[/] {escape(name)} has been processed further, or its content has been loaded since"
        )
    if not (done.sent or done.restaged or done.refused):
        console.print("nothing to send back")


def _say_rows(done: RowsSent, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json({**done.to_json(), "dry_run": dry_run})
        return
    if done.rows:
        verb = "would send" if dry_run else "sent"
        console.print(f"{verb} {counted(done.rows, 'row')} of {counted(done.objects, 'object')} again", highlight=False)
        _print_reasons(done.sent)
    if done.moving:
        console.print(f"{counted(done.moving, 'row')} on the way already", highlight=False)
    if done.left:
        left = sum(each.rows for each in done.left)
        console.print(f"[yellow]left:[/] {counted(left, 'row')}", highlight=False)
        _print_reasons(done.left)
    for each in done.held:
        console.print(
            f"[yellow]not sent:[/] {counted(each.rows, 'row')} of {escape_untrusted(each.object.uri)}: "
            f"{escape_untrusted(each.why)}",
            highlight=False,
            soft_wrap=True,
        )
    if not (done.rows or done.moving or done.left or done.held):
        console.print("no rows are set aside")


def _print_reasons(reasons: Sequence[Reason]) -> None:
    for each in reasons[:REASONS_SHOWN]:
        where = f"{escape_untrusted(each.uri)} line {each.line}"
        console.print(
            f"  {each.rows:>9,}  {escape_untrusted(each.reason)} [dim]({where})[/]", highlight=False, soft_wrap=True
        )
    if len(reasons) > REASONS_SHOWN:
        console.print(f"  [dim]and {counted(len(reasons) - REASONS_SHOWN, 'other reason')}[/]")
