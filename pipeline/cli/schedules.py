"""`sluice schedules`: when datasets are polled and kept up; pause, resume, and drain a backlog now."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from pipeline.cli.app import app
from pipeline.cli.arguments import DatasetArgument, RequiredDataset
from pipeline.cli.markup import escape_untrusted
from pipeline.cli.output import Json, console, print_json, print_table
from pipeline.lake.batches.pauses import Pause, Paused
from pipeline.operate.arguments import dataset_name
from pipeline.operate.datasets import registration_of
from pipeline.operate.drain import MOST_BATCHES, MOST_SECONDS, Drain, Drainer
from pipeline.operate.formatting import duration, moment
from pipeline.operate.schedules import Planned, pause, planned, resume

EXIT_CUT_SHORT = 3

schedules = typer.Typer(help="When datasets are polled and kept up; pause, resume, drain.", no_args_is_help=True)
app.add_typer(schedules, name="schedules")

Upkeep = Annotated[bool, typer.Option("--upkeep", help="The upkeep of its table, and not its schedule.")]


@schedules.command("list")
def list_schedules(context: typer.Context, dataset: DatasetArgument = None, as_json: Json = False) -> None:
    """List the schedules: next runs, due upkeep, and who paused what and why.

    Example: sluice schedules list
    """
    lake = context.obj.connect().lake
    name = dataset_name(dataset) if dataset else None
    registrations = lake.registry.all() if name is None else [registration_of(lake, name.team, name.dataset)]
    found = planned(lake, registrations)
    if as_json:
        print_json([each.to_json() for each in found])
        return
    columns = ("dataset", "schedule", "next run", "upkeep")
    rows = [(escape_untrusted(each.dataset), each.schedule, _next(each), _upkeep(each)) for each in found]
    print_table("Schedules", columns, rows, empty="no dataset is registered")


def _next(each: Planned) -> str:
    if each.paused:
        return f"[yellow]paused[/] {_who(each.paused)}"
    if each.schedule is None:
        return "[dim]none: it is retired[/]"
    return moment(each.next_run) if each.next_run else f"within {duration(each.within_s or 0)}"


def _upkeep(each: Planned) -> str:
    if each.upkeep_paused:
        return f"[yellow]paused[/] {_who(each.upkeep_paused)}"
    if each.is_kept_up:
        return "runs"
    return f"due {moment(each.upkeep_due)}" if each.upkeep_due else "after its next batch"


def _who(each: Pause) -> str:
    return f"since {moment(each.since)} by {escape_untrusted(each.by)}: {escape_untrusted(each.why)}"


@schedules.command("pause")
def pause_command(
    context: typer.Context,
    dataset: RequiredDataset,
    reason: Annotated[str, typer.Option(help="Why; others see it.")],
    upkeep: Upkeep = False,
    by: Annotated[str | None, typer.Option(help="Who decided; the user's name by default.")] = None,
) -> None:
    """Pause a dataset's schedule, or its table's upkeep. Objects are still staged, and wait.

    Example: sluice schedules pause shop/orders --reason "the supplier sends everything again on Monday"
    """
    lake, name = context.obj.connect().lake, dataset_name(dataset)
    registration = registration_of(lake, name.team, name.dataset)
    what = Paused.UPKEEP if upkeep else Paused.SCHEDULE
    console.print(pause(lake, registration, what, by or getpass.getuser(), reason), markup=False, highlight=False)


@schedules.command("resume")
def resume_command(context: typer.Context, dataset: RequiredDataset, upkeep: Upkeep = False) -> None:
    """Resume a paused schedule, or the paused upkeep of a table.

    Example: sluice schedules resume shop/orders
    """
    lake, name = context.obj.connect().lake, dataset_name(dataset)
    registration = registration_of(lake, name.team, name.dataset)
    console.print(resume(lake, registration, Paused.UPKEEP if upkeep else Paused.SCHEDULE), highlight=False)


@schedules.command("drain")
def drain_command(
    context: typer.Context,
    dataset: RequiredDataset,
    batches: Annotated[int, typer.Option(min=1, help="Batches to load at most.")] = MOST_BATCHES,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to take at most.")] = MOST_SECONDS,
    as_json: Json = False,
) -> None:
    """Load what waits now, batch after batch, until nothing waits, whatever the schedule says, also of a paused one.

    Exits with 3 if it was cut short: by a batch that failed, by --batches or --timeout, or by an incomplete delivery.

    Example: sluice schedules drain shop/orders
    """
    lake, name = context.obj.connect().lake, dataset_name(dataset)
    registration = registration_of(lake, name.team, name.dataset)
    last = ""

    def report(state: Drain) -> None:
        nonlocal last
        told = f"loading {state.batch}; {state.told}" if state.batch else state.told
        if told != last and not as_json and state.ended is None:
            console.print(f"  {told}", highlight=False)
        last = told

    done = Drainer(lake=lake, registration=registration, report=report, most=batches, seconds=timeout).run()
    if as_json:
        print_json(done.to_json())
    else:
        style = "green" if done.good else "yellow"
        console.print(f"[{style}]{escape_untrusted(done.ended or '')}[/]: {done.told}", highlight=False)
    if not done.good:
        raise typer.Exit(EXIT_CUT_SHORT)
