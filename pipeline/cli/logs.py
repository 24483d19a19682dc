"""`sluice logs`: the logs of functions and jobs, from CloudWatch Logs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from pipeline.cli.app import app
from pipeline.cli.arguments import execution_option, is_span
from pipeline.cli.completion import batches
from pipeline.cli.markup import escape_untrusted
from pipeline.cli.output import Json, console, print_json
from pipeline.core.clock import epoch_ms
from pipeline.core.errors import WrongUsage
from pipeline.operate.arguments import span_of
from pipeline.operate.connection import Connected
from pipeline.operate.formatting import visible
from pipeline.operate.log_ids import lines_of
from pipeline.operate.log_lines import LineFilter, level_of
from pipeline.operate.logs import Line, Source, job_groups, of_execution, read, sources_of

FOLLOW_S = 1.0
OVERLAP_MS = 15_000
"""CloudWatch shows events late and out of order: each reading goes back this far, and skips lines that were shown."""


@app.command()
def logs(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(metavar="FUNCTION|JOB", help="route, transform, poll, standard, quality, …; all if not given."),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Print new lines as they come, until Ctrl-C.")] = False,
    since: Annotated[
        str | None,
        typer.Option(help="How far back: 30s, 10m, 2h, 1d; 10m, or with --id 1d, if not given.", callback=is_span),
    ] = None,
    execution: Annotated[
        str | None,
        execution_option("Only lines during this execution, by the functions and jobs of its machine."),
    ] = None,
    run: Annotated[str | None, typer.Option(help="Only this run of a Glue job.")] = None,
    identity: Annotated[
        str | None,
        typer.Option(
            "--id",
            help="All lines about an object (its id is in `sluice why`), a batch or an execution.",
            autocompletion=batches,
        ),
    ] = None,
    level: Annotated[str | None, typer.Option(help="Only lines as grave as this: DEBUG, INFO, WARN or ERROR.")] = None,
    text: Annotated[str, typer.Option(help="Only lines with this text, in any case.")] = "",
    platform: Annotated[
        bool, typer.Option("--platform/--no-platform", help="Also each call's START, END, REPORT and metrics.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Show the logs of functions and jobs, merged in the order of time.

    Example: sluice logs transform --since 1h, or sluice logs --execution NAME, or sluice logs --id ID
    """
    if identity:
        _refuse_beside_id(name=name, follow=follow, execution=execution, run=run)
    wanted = LineFilter(level_of(level), text, platform)
    connected: Connected = context.obj.connect()
    since = since or ("1d" if identity else "10m")
    start, end = connected.lake.clock() - span_of(since), None
    if identity:
        lines = lines_of(connected.lake, connected.env, identity, epoch_ms(start))
        _show(list(filter(wanted.lets, lines)), f"about it in the last {since}", as_json)
        return
    if execution:
        sources, start, end = of_execution(connected.lake, connected.env, execution)
    elif run:
        sources = [Source(group, "job", (run,)) for group in job_groups(connected.env)]
        start = datetime.fromtimestamp(0, UTC)
    else:
        sources = sources_of(connected.lake, connected.env, name)
    if follow:
        _follow(sources, epoch_ms(start), wanted, as_json)
        return
    scope = "by that" if execution or run else f"in the last {since}"
    found = read(sources, epoch_ms(start), epoch_ms(end) if end else None)
    _show(list(filter(wanted.lets, found)), scope, as_json)


def _refuse_beside_id(**others: object) -> None:
    if given := [name for name, value in others.items() if value]:
        raise WrongUsage(f"--id cannot be combined with {', '.join(given)}", hint="Leave one of them out.")


def _show(lines: Sequence[Line], scope: str, as_json: bool) -> None:
    if as_json:
        print_json([line.to_json() for line in lines])
        return
    _print(lines)
    if not lines:
        console.print(f"[dim]Nothing was printed {scope}.[/]")


def _follow(sources: Sequence[Source], start: int, wanted: LineFilter, as_json: bool) -> None:
    seen: dict[tuple[str, str, str], int] = {}
    while True:
        found = filter(wanted.lets, read(sources, start))
        fresh = [line for line in found if (line.label, line.stream, line.id) not in seen]
        if as_json:
            sys.stdout.writelines(json.dumps(line.to_json(), ensure_ascii=False) + "\n" for line in fresh)
            sys.stdout.flush()
        else:
            _print(fresh)
        seen |= {(line.label, line.stream, line.id): line.at for line in fresh}
        if seen:
            start = max(start, max(seen.values()) - OVERLAP_MS)
            seen = {key: at for key, at in seen.items() if at >= start}
        time.sleep(FOLLOW_S)


def _print(lines: Sequence[Line]) -> None:
    width = max((len(line.label) for line in lines), default=0)
    for line in lines:
        at = f"{datetime.fromtimestamp(line.at / 1000, UTC):%H:%M:%S.%f}"[:-3]
        text = visible(line.message.rstrip("\n"), keep="\n\t")
        colour = "red" if line.is_error else "default"
        head = f"[dim]{at}[/] [cyan]{escape_untrusted(line.label):<{width}}[/]"
        console.print(head, end=" ", highlight=False, soft_wrap=True)
        console.print(text, style=colour, markup=False, highlight=False, soft_wrap=True)
