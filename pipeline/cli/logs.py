"""`sluice logs`: what functions and jobs printed, from CloudWatch Logs."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from pipeline.cli.app import app
from pipeline.cli.arguments import span_of
from pipeline.cli.connect import Connected
from pipeline.cli.machines import events_of, find
from pipeline.cli.output import Json, console, print_json
from pipeline.cli.texts import shown, visible
from pipeline.clients import client
from pipeline.clock import epoch_ms, iso
from pipeline.errors import BadInput, Refused
from pipeline.executions.history import job_runs
from pipeline.settings import Setting

JOB_GROUPS = ("/aws-glue/jobs/output", "/aws-glue/jobs/error")
JOBS = {"standard": Setting.STANDARD_JOB, "quality": Setting.QUALITY_JOB}
FUNCTIONS = {
    "a": ("transform", "record-failure", "complete", "mark-stage-a-failed"),
    "b": ("commit", "quarantine", "fail", "mark-stage-b-failed"),
}
"""The functions that the executions of each state machine call."""

FOLLOW_S = 1.0
OVERLAP_MS = 15_000
"""CloudWatch shows events late and not in their order: each look goes back so far, and leaves out what was shown."""
MARGIN = timedelta(seconds=10)
STREAMS = 100
"""Streams that one FilterLogEvents call may name (AWS quota)."""


@dataclass(frozen=True, slots=True)
class Source:
    """A log group to read, and which of its streams: those that begin with one of `streams`, or all."""

    group: str
    label: str
    streams: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One event of a log. `at` is in milliseconds since 1970."""

    at: int
    label: str
    stream: str
    message: str
    id: str

    def to_json(self) -> dict[str, Any]:
        at = iso(datetime.fromtimestamp(self.at / 1000, UTC))
        return {"at": at, "source": self.label, "stream": self.stream, "message": self.message}


@app.command()
def logs(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(metavar="FUNCTION|JOB", help="route, transform, poll, standard, quality, …; all if not given."),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    since: Annotated[str, typer.Option(help="How far back: 30s, 10m, 2h, 1d.")] = "10m",
    execution: Annotated[
        str | None,
        typer.Option(help="What was printed during this execution, by the functions and jobs of its machine."),
    ] = None,
    run: Annotated[str | None, typer.Option(help="Only this run of a Glue job.")] = None,
    as_json: Json = False,
) -> None:
    """Show what functions and jobs printed, merged in the order of time.

    Example: sluice logs transform --since 1h, or sluice logs --execution NAME
    """
    connected: Connected = context.obj.connect()
    start, end = connected.lake.clock() - span_of(since), None
    if execution:
        sources, start, end = _of_execution(connected, execution)
    elif run:
        sources = [Source(group, "job", (run,)) for group in JOB_GROUPS]
        start = datetime.fromtimestamp(0, UTC)
    else:
        sources = _sources(connected, name)
    if follow:
        _follow(sources, epoch_ms(start), as_json)
        return
    lines = read(sources, epoch_ms(start), epoch_ms(end) if end else None)
    if as_json:
        print_json([line.to_json() for line in lines])
        return
    _print(lines)
    if not lines:
        told = "by that" if execution or run else f"in the last {since}"
        console.print(f"[dim]Nothing was printed {told}.[/]")


def _sources(connected: Connected, name: str | None) -> list[Source]:
    prefix = f"/sluice/{connected.env}/lambda/"
    if name in JOBS:
        return _of_job(connected, name)
    functions = {group.removeprefix(prefix): group for group in _groups(prefix)}
    if name is None:
        jobs = [Source(group, f"jobs {group.rpartition('/')[2]}") for group in _groups("/aws-glue/jobs/")]
        return [*(Source(group, function) for function, group in functions.items()), *jobs]
    if name not in functions:
        there = ", ".join([*sorted(functions), *JOBS])
        raise BadInput(f"there is no function or job {name!r} with logs", hint=f"There are: {there}.")
    return [Source(functions[name], name)]


def _groups(prefix: str) -> list[str]:
    pages = client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
    return [group["logGroupName"] for page in pages for group in page["logGroups"]]


def _of_job(connected: Connected, name: str) -> list[Source]:
    """All jobs write to the same groups; a stream begins with the id of its run."""
    job = connected.lake.settings[JOBS[name]]
    runs = client("glue").get_job_runs(JobName=job, MaxResults=50)["JobRuns"]
    if not runs:
        raise Refused(f"job {name} ({job}) has not run yet")
    ids = tuple(run["Id"] for run in runs)
    return [Source(group, name, ids) for group in JOB_GROUPS]


def _of_execution(connected: Connected, name: str) -> tuple[list[Source], datetime, datetime | None]:
    """Functions print for many executions at once: of theirs, what was printed in the execution's time."""
    run, _ = find(connected.lake, name)
    prefix = f"/sluice/{connected.env}/lambda/"
    there = set(_groups(prefix))
    sources = [Source(prefix + f, f) for f in FUNCTIONS[run.machine] if prefix + f in there]
    ids = tuple(job_runs(events_of(run)))
    if ids:
        sources += [Source(group, "job", ids) for group in JOB_GROUPS]
    return sources, run.started - MARGIN, run.stopped + MARGIN if run.stopped else None


def read(sources: Sequence[Source], start: int, end: int | None = None) -> list[Line]:
    """What `sources` have from `start` to `end`, in milliseconds, oldest first. A group that is not there is empty."""
    found = [line for source in sources for line in _read(source, start, end)]
    return sorted(found, key=lambda line: line.at)


def _read(source: Source, start: int, end: int | None) -> Iterator[Line]:
    logs = client("logs")
    request: dict[str, Any] = {"logGroupName": source.group, "startTime": start, **({"endTime": end} if end else {})}
    try:
        if not source.streams:
            yield from _events(source, request)
            return
        named = [stream for prefix in source.streams for stream in _streams(source.group, prefix)]
        for first in range(0, len(named), STREAMS):
            yield from _events(source, {**request, "logStreamNames": named[first : first + STREAMS]})
    except logs.exceptions.ResourceNotFoundException:
        return


def _streams(group: str, prefix: str) -> list[str]:
    pages = client("logs").get_paginator("describe_log_streams")
    found = pages.paginate(logGroupName=group, logStreamNamePrefix=prefix)
    return [stream["logStreamName"] for page in found for stream in page["logStreams"]]


def _events(source: Source, request: dict[str, Any]) -> Iterator[Line]:
    for page in client("logs").get_paginator("filter_log_events").paginate(**request):
        for event in page["events"]:
            yield Line(event["timestamp"], source.label, event["logStreamName"], event["message"], event["eventId"])


def _follow(sources: Sequence[Source], start: int, as_json: bool) -> None:
    seen: dict[tuple[str, str, str], int] = {}
    while True:
        fresh = [line for line in read(sources, start) if (line.label, line.stream, line.id) not in seen]
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
        colour = "red" if re.search(r"\b(ERROR|CRITICAL|Traceback)\b", text) else "default"
        head = f"[dim]{at}[/] [cyan]{shown(line.label):<{width}}[/]"
        console.print(head, end=" ", highlight=False, soft_wrap=True)
        console.print(text, style=colour, markup=False, highlight=False, soft_wrap=True)
