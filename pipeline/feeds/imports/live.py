"""Whether the live stream is read, and since when: what changed before that, no import of an older state would see."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.core.clock import parse_iso
from pipeline.core.errors import Misconfigured, Refused
from pipeline.feeds.imports.jobs import Job
from pipeline.feeds.imports.progress import RETENTION_HOURS

_POLLING_BEGINS = timedelta(minutes=5)
"""A mapping that begins at the latest record may miss some for minutes (Lambda guide, "DynamoDB event sources")."""


def check_live(job: Job, state: datetime) -> None:
    """`Refused` unless the function reads all that changed since `state`, the moment that the import shows.

    Each key then ends as the source has it: either the stream tells of it after that moment, and its newest record
    wins, or nothing has changed since.
    """
    if job.function is None:
        return
    since = read_since(live_mapping(job))
    if state < since:
        raise Refused(
            f"the stream of {job.feed.source.table} is read since {since:%Y-%m-%d %H:%M:%S} UTC only, and the import"
            f" would show the table as of {state:%Y-%m-%d %H:%M:%S}: changes between are lost",
            hint="Import a state from after that.",
        )


def read_since(mapping: Mapping[str, Any]) -> datetime:
    """From when on a mapping reads every record, at the latest. Its last change counts as its beginning."""
    changed: datetime = mapping["LastModified"].astimezone(UTC)
    if mapping.get("StartingPosition") != "TRIM_HORIZON":
        return changed + _POLLING_BEGINS
    label = parse_iso(mapping["EventSourceArn"].rpartition("/stream/")[2])
    stream_began = label.replace(tzinfo=UTC) if label.tzinfo is None else label
    return max(stream_began, changed - timedelta(hours=RETENTION_HOURS))


def live_mapping(job: Job) -> Mapping[str, Any]:
    """How the function reads the table's stream; `Refused` where it is off or of an earlier table of this name, and
    `Misconfigured` without one."""
    pages = job.client("lambda").get_paginator("list_event_source_mappings").paginate(FunctionName=job.function)
    table = f":table/{job.feed.source.table}/stream/"
    found: list[Mapping[str, Any]] = [
        mapping for page in pages for mapping in page["EventSourceMappings"] if table in mapping["EventSourceArn"]
    ]
    if not found:
        raise Misconfigured(
            f"{job.function} does not read the stream of {job.feed.source.table}", hint="Deploy the feed first."
        )
    stream = job.client("dynamodb").describe_table(TableName=job.feed.source.table)["Table"].get("LatestStreamArn")
    if not (found := [mapping for mapping in found if mapping["EventSourceArn"] == stream]):
        raise Refused(
            f"{job.function} reads an earlier stream of {job.feed.source.table}: the table or its stream was made anew",
            hint="Deploy the feed again: the import relies on the stream for what changes meanwhile.",
        )
    if off := [mapping["State"] for mapping in found if mapping["State"] != "Enabled"]:
        raise Refused(
            f"{job.function} does not read the stream of {job.feed.source.table} now: its mapping is {off[0]}",
            hint="Enable it first: the import relies on the stream for what changes meanwhile.",
        )
    return found[0]
