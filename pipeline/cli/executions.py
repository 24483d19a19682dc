"""`sluice executions` and `sluice execution NAME`."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.app import app
from pipeline.cli.arguments import Limit
from pipeline.cli.markup import escape_untrusted
from pipeline.cli.output import Json, console, print_facts, print_json, print_table, styled
from pipeline.lake.causes import cause_of
from pipeline.operate.aftermath import of_run
from pipeline.operate.execution_search import ExecutionFilter, search
from pipeline.operate.executions import Run, about, document, events_of, find, runs, version_of
from pipeline.operate.formatting import duration, moment
from pipeline.state_machines.history import Visit, visits

_COLOURS = {"done": "green", "retried": "yellow", "caught": "yellow", "failed": "red", "running": "cyan"}


@app.command()
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
        ),
    ] = None,
    dataset: Annotated[str | None, typer.Option(metavar="TEAM/DATASET", help="Only those of this dataset.")] = None,
    name: Annotated[str | None, typer.Option(help="Only those with this in their name, in any case.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="Only those that began from this time on.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Only those that began until this time.")] = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """List the newest executions of the state machines.

    Example: sluice executions --status QUARANTINED --from 2026-01-31
    """
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
    name: Annotated[str, typer.Argument(metavar="NAME", help="The execution's name or ARN; a batch's is its id.")],
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
