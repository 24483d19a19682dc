"""`sluice executions`, its commands, and `sluice execution NAME`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.app import app
from pipeline.cli.arguments import ExecutionArgument, Limit, dataset_option, readable, time_option
from pipeline.cli.markup import escape_untrusted
from pipeline.cli.output import Json, console, print_facts, print_json, print_table, styled
from pipeline.core.errors import BadInput, Refused
from pipeline.lake.causes import cause_of
from pipeline.operate.aftermath import of_run
from pipeline.operate.execution_search import ExecutionFilter, outcome_named, search
from pipeline.operate.execution_starts import (
    Possible,
    can_redrive,
    can_run_again,
    can_start,
    redrive,
    run_again,
    start,
)
from pipeline.operate.executions import Run, about, document, events_of, find, runs, version_of
from pipeline.operate.formatting import duration, moment
from pipeline.state_machines.history import Visit, visits

_COLOURS = {"done": "green", "retried": "yellow", "caught": "yellow", "failed": "red", "running": "cyan"}


group = typer.Typer(help="Executions of state machines: listed, started, run again, redriven.")
app.add_typer(group, name="executions")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The execution's name or ARN; a batch's is its id.")]
InputOption = Annotated[
    str | None, typer.Option("--input", metavar="JSON", help="The input as JSON; `@FILE` reads it from a file.")
]
NewName = Annotated[str | None, typer.Option("--name", help="The new execution's name; one is made if not given.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask, also where the run publishes data.")]


@group.callback(invoke_without_command=True)
def executions(
    context: typer.Context,
    machine: Annotated[
        str | None,
        typer.Option(help="a or b (Stages A and B), or another's name; those of all flows if not given."),
    ] = None,
    status: Annotated[
        str | None,
        typer.Option(
            help="RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED; or QUARANTINED, of a batch that failed its rules.",
            show_default=False,
            callback=readable(outcome_named),
        ),
    ] = None,
    dataset: Annotated[str | None, dataset_option("Only those of this dataset.")] = None,
    name: Annotated[str | None, typer.Option(help="Only those with this in their name, in any case.")] = None,
    since: Annotated[str | None, time_option("Only those that began from this time on.", "--from")] = None,
    until: Annotated[str | None, time_option("Only those that began until this time.", "--to")] = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """List the newest executions of the state machines.

    Example: sluice executions --status QUARANTINED --from 2026-01-31
    """
    if context.invoked_subcommand:
        return
    lake = context.obj.connect().lake
    given = {"machine": machine, "status": status, "dataset": dataset, "name": name, "from": since, "to": until}
    wanted = ExecutionFilter.of(lake, {field: value for field, value in given.items() if value})
    if wanted.is_narrow:
        found = search(lake, wanted, limit).executions
        documents, newest = [listed.to_json() for listed in found], [listed.run for listed in found]
        outcomes = {listed.run.arn: listed.outcome for listed in found}
    else:
        newest, outcomes = runs(lake, machine, wanted.outcome, limit), {}
        documents = [run.to_json() for run in newest]
    if as_json:
        print_json(documents)
        return
    now = lake.clock()
    rows = [
        (
            moment(r.started),
            escape_untrusted(r.machine),
            styled(outcomes.get(r.arn, r.status)),
            duration(r.seconds(now)),
            escape_untrusted(r.name),
        )
        for r in newest
    ]
    print_table("Executions", ("started", "machine", "status", "took", "name"), rows)


@app.command()
def execution(
    context: typer.Context,
    name: ExecutionArgument,
    as_json: Json = False,
) -> None:
    """Show one execution: the states that it entered, how long each took, and what went wrong.

    Example: sluice execution 01K2ZQ9D6T0V5N4W8X3Y7M1ABC
    """
    lake = context.obj.connect().lake
    run, description = find(lake, name)
    seen = visits(events_of(run))
    error = description.get("error"), description.get("cause")
    if as_json:
        print_json(document(run, description, seen))
        return
    print_facts(
        f"Execution {escape_untrusted(run.name)}",
        {
            "status": styled(run.status),
            "stage" if run.is_of_lake else "machine": run.machine.upper()
            if run.is_of_lake
            else escape_untrusted(run.machine),
            "version": str(version) if (version := version_of(description)) else None,
            "started": moment(run.started),
            "took": duration(run.seconds(lake.clock())),
            "input": escape_untrusted(summary) if (summary := about(run, description)) else None,
            "error": f"[red]{escape_untrusted(cause_of({'Error': error[0] or '', 'Cause': error[1] or ''}))}[/]"
            if error[0]
            else None,
            "since": escape_untrusted(since) if (since := of_run(lake, run, description).told) else None,
        },
    )
    console.print()
    rows = [_row(visit, run) for visit in seen]
    print_table("States", ("at", "took", "outcome", "state", "what went wrong"), rows)


@group.command("start")
def start_command(
    context: typer.Context,
    machine: Annotated[str, typer.Argument(metavar="MACHINE", help="The machine's name, as executions shows it.")],
    text: InputOption = None,
    name: NewName = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Start a state machine. Stages A and B start by what arrives and waits, and are refused.

    Example: sluice executions start reports --input '{"month": "2026-01"}'
    """
    lake = context.obj.connect().lake
    _confirm(can_start(lake, machine), f"start {machine}", yes)
    _say_started(start(lake, machine, given(text) or "{}", name), as_json)


@group.command("rerun")
def rerun_command(
    context: typer.Context,
    name: NameArgument,
    text: InputOption = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Run an execution again, under a new name: with its input, or with another.

    Example: sluice executions rerun reports-20260131T090000-a1b2c3 --input @mended.json
    """
    lake = context.obj.connect().lake
    run, described = find(lake, name)
    _confirm(can_run_again(lake, run), f"run {run.machine} again", yes)
    _say_started(run_again(lake, run, described, given(text)), as_json)


@group.command("redrive")
def redrive_command(context: typer.Context, name: NameArgument, yes: Yes = False, as_json: Json = False) -> None:
    """Go on with a failed execution from the state in which it failed. `sluice redrive` sends back objects and batches.

    Example: sluice executions redrive reports-20260131T090000-a1b2c3
    """
    lake = context.obj.connect().lake
    run, described = find(lake, name)
    _confirm(can_redrive(lake, run, described), f"go on with {run.name}", yes)
    redrive(lake, run, described)
    if as_json:
        print_json({"name": run.name})
    else:
        console.print(f"{escape_untrusted(run.name)} goes on from where it failed")


def given(text: str | None) -> str | None:
    """An input as it was given, or what the file has that it names. `BadInput` for a file that cannot be read."""
    if text is None or not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{text[1:]} cannot be read: {error}") from None


def _confirm(can: Possible, what: str, yes: bool) -> None:
    can.check()
    if can.publishes and not yes and not (sys.stdin.isatty() and typer.confirm(f"Its run publishes data: {what}?")):
        raise Refused("its run publishes data", hint="Give --yes if that is meant.")


def _say_started(name: str, as_json: bool) -> None:
    if as_json:
        print_json({"name": name})
    else:
        console.print(
            f"started {escape_untrusted(name)}: see `sluice execution {escape_untrusted(name)}`", soft_wrap=True
        )


def _row(visit: Visit, run: Run) -> tuple[str | None, ...]:
    outcome = visit.outcome(run.status)
    offset = (visit.entered.astimezone(run.started.tzinfo) - run.started).total_seconds()
    colour = _COLOURS.get(outcome, "dim")
    word = f"{outcome} ×{visit.attempts}" if visit.attempts > 1 else outcome
    where = "".join(f"{escape_untrusted(state)} #{index} › " for state, index in visit.scope)
    took = duration(visit.seconds) if visit.seconds is not None else None
    problem = escape_untrusted(_error(*visit.errors[-1])) if visit.errors else None
    return (
        f"+{duration(offset)}",
        took,
        f"[{colour}]{word}[/]",
        f"[dim]{where}[/]{escape_untrusted(visit.state)}",
        problem,
    )


def _error(error: str, cause: str) -> str:
    return cause_of({"Error": error, "Cause": cause})
