"""What functions and jobs printed, from CloudWatch Logs, merged in the order of time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from urllib.parse import quote_plus

from pipeline.core.clients import client
from pipeline.core.clock import iso, parse_iso
from pipeline.core.errors import NotThere
from pipeline.core.objects import ObjectVersion
from pipeline.lake.services import Lake
from pipeline.operate.executions import Run, events_of, find
from pipeline.operate.flows import STAGE_A, flows_of, log_name
from pipeline.state_machines.calls import functions
from pipeline.state_machines.history import job_runs

_ERROR = re.compile(r"\b(ERROR|CRITICAL|FATAL|Traceback|Task timed out)\b")

MARGIN = timedelta(seconds=10)
STREAMS = 100
"""Streams that one FilterLogEvents call may name (AWS quota)."""


@dataclass(frozen=True, slots=True)
class Source:
    """A log group to read, and which of its streams: those that begin with one of `streams`, or all."""

    group: str
    label: str
    streams: tuple[str, ...] = ()
    pattern: str = ""
    """CloudWatch's filter pattern that lines must match, such as a text in quotes."""


@dataclass(frozen=True, slots=True)
class Line:
    """One event of a log. `at` is in milliseconds since 1970."""

    at: int
    label: str
    stream: str
    message: str
    id: str
    group: str = ""

    @property
    def is_error(self) -> bool:
        """Whether the line looks like an error, a traceback or a time-out."""
        return bool(_ERROR.search(self.message))

    def to_json(self) -> dict[str, Any]:
        """As programs get it, with its time in ISO 8601."""
        at = iso(datetime.fromtimestamp(self.at / 1000, UTC))
        return {"at": at, "source": self.label, "stream": self.stream, "message": self.message}


def sources_of(lake: Lake, env: str, name: str | None) -> list[Source]:
    """The log groups of a function or job, or of all of an environment; `NotThere` for an unknown name."""
    prefix = f"/sluice/{env}/lambda/"
    jobs = flows_of(lake).jobs
    if name is not None and name in jobs:
        return _of_job(env, name, jobs[name])
    groups = {group.removeprefix(prefix): group for group in _groups(prefix)}
    if name is None:
        of_jobs = [Source(group, f"jobs {group.rpartition('/')[2]}") for group in _groups(f"/sluice/{env}/glue/")]
        return [*(Source(group, function) for function, group in groups.items()), *of_jobs]
    if name not in groups:
        there = ", ".join([*sorted(groups), *jobs])
        raise NotThere(f"there is no function or job {name!r} with logs", hint=f"There are: {there}.")
    return [Source(groups[name], name)]


def job_groups(env: str) -> tuple[str, ...]:
    """Where the jobs of an environment write to: each job's own output, and what Spark and Glue say."""
    stage_b, stage_a = f"/sluice/{env}/glue", f"/sluice/{env}/glue/convert"
    return tuple(f"{prefix}/{name}" for prefix in (stage_b, stage_a) for name in ("output", "error"))


def names_of(env: str) -> list[str]:
    """The functions that have a log."""
    prefix = f"/sluice/{env}/lambda/"
    return sorted(group.removeprefix(prefix) for group in _groups(prefix))


def _groups(prefix: str) -> list[str]:
    pages = client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
    return [group["logGroupName"] for page in pages for group in page["logGroups"]]


def _of_job(env: str, name: str, job: str) -> list[Source]:
    """All jobs write to the same groups; a stream begins with the id of its run."""
    runs = client("glue").get_job_runs(JobName=job, MaxResults=50)["JobRuns"]
    if not runs:
        raise NotThere(f"job {name} ({job}) has not run yet")
    ids = tuple(run["Id"] for run in runs)
    return [Source(group, name, ids) for group in job_groups(env)]


def of_execution(lake: Lake, env: str, name: str) -> tuple[list[Source], datetime, datetime | None]:
    """Functions print for many executions at once: of theirs, what was printed in the execution's time."""
    run, _ = find(lake, name)
    sources = _of_functions(env, functions_of(lake, env, run))
    ids = tuple(job_runs(events_of(run)))
    if ids:
        sources += [Source(group, "job", ids) for group in job_groups(env)]
    return sources, run.started - MARGIN, run.stopped + MARGIN if run.stopped else None


def functions_of(lake: Lake, env: str, run: Run) -> list[str]:
    """The functions that an execution's states call, by the names of their logs, and the one for when it ends badly."""
    aws = client("stepfunctions")
    found = aws.describe_state_machine_for_execution(executionArn=run.arn)
    return _called(lake, env, run.machine, found["definition"])


def _called(lake: Lake, env: str, machine: str, definition: str) -> list[str]:
    flows = flows_of(lake)
    called = functions(json.loads(definition)).values()
    names = [flows.function_named(each) or log_name(env, each) for each in called]
    published = flows.machines.get(machine)
    names.append(published.on_failure if published else None)
    return list(dict.fromkeys(name for name in names if name))


def _of_functions(env: str, names: Sequence[str]) -> list[Source]:
    """The logs of those functions that have one."""
    prefix = f"/sluice/{env}/lambda/"
    there = set(_groups(prefix))
    return [Source(prefix + name, name) for name in names if prefix + name in there]


def read(sources: Sequence[Source], start: int, end: int | None = None) -> list[Line]:
    """What `sources` have from `start` to `end`, in milliseconds, oldest first. A group that is not there is empty."""
    found = [line for source in sources for line in _read(source, start, end)]
    return sorted(found, key=order)


def order(line: Line) -> tuple[int, str, str, str]:
    """By time; what was printed in the same millisecond has an order, too, so that pages neither lose nor repeat it."""
    return line.at, line.label, line.stream, line.id


def read_some(sources: Sequence[Source], start: int, end: int, most: int) -> tuple[list[Line], bool]:
    """As `read`, no more than `most` lines, and whether there are more."""
    lines = list(islice((line for source in sources for line in _read(source, start, end)), most + 1))
    return sorted(lines[:most], key=order), len(lines) > most


def _read(source: Source, start: int, end: int | None) -> Iterator[Line]:
    logs = client("logs")
    request: dict[str, Any] = {"logGroupName": source.group, "startTime": start, **({"endTime": end} if end else {})}
    if source.pattern:
        request["filterPattern"] = source.pattern
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
    group = source.group
    for page in client("logs").get_paginator("filter_log_events").paginate(**request):
        for event in page["events"]:
            yield Line(
                event["timestamp"], source.label, event["logStreamName"], event["message"], event["eventId"], group
            )


@dataclass(frozen=True, slots=True)
class ObjectLog:
    """Where to read what was printed about one version of an object: lines that have one of `terms`."""

    sources: list[Source]
    start: datetime
    end: datetime | None
    terms: tuple[str, ...]
    execution: str | None
    version: str


def of_object(lake: Lake, env: str, obj: ObjectVersion) -> ObjectLog:
    """The newest version of `obj`, or the one it names; `NotThere` for one that the catalog does not know."""
    rows = [row for row in lake.catalog.history(obj.path) if obj.version_id in ("", row.object.version_id)]
    if not rows:
        raise NotThere(f"the catalog knows no {obj.uri}", hint=f"See `sluice why {obj.uri}`.")
    row = max(rows, key=lambda row: row.order)
    start = datetime.fromtimestamp(row.event_ms / 1000, UTC)
    end: datetime | None = parse_iso(row.since)
    execution = row.execution.rpartition(":")[2] if row.execution else None
    if execution:
        run, _ = find(lake, execution)
        start, end = min(start, run.started), run.stopped
    stage_a = flows_of(lake).machines[STAGE_A]
    definition = client("stepfunctions").describe_state_machine(stateMachineArn=stage_a.arn)["definition"]
    sources = _of_functions(env, ["route", *_called(lake, env, STAGE_A, definition)])
    key = row.object.key
    # Keys stand in logs as they are, within JSON, and as S3's events have them.
    spelled = (key, json.dumps(key)[1:-1], json.dumps(key, ensure_ascii=False)[1:-1], quote_plus(key, safe="/"))
    terms = tuple(dict.fromkeys((*spelled, row.object.digest)))
    margin = end + MARGIN if end else None
    return ObjectLog(sources, start - MARGIN, margin, terms, execution, row.object.version_id)
