"""Imports what a source held before its stream was read: a scan of the table itself, beside the live stream.

What a scan finds takes the place of a row only if that was written before its page was read (`readings.py`), and
whatever changed while it ran the stream tells: so the target ends as the source is, in whatever order pages and records
are written, also where records of the stream were given up before. It needs the stream to have been on, and read from
its beginning, before the first page.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from psycopg import Connection

from pipeline.core.errors import Refused
from pipeline.feeds import readings
from pipeline.feeds.changes import Decoder
from pipeline.feeds.definition import Feed
from pipeline.feeds.imports import runs
from pipeline.feeds.imports.progress import Estimate
from pipeline.feeds.writer import Writer, versions_of

SEGMENTS = 8
_UNIT_BYTES = 4096
"""Bytes that a read unit reads consistently (Developer Guide, "Read consistency")."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the table, and how far it was read: `position` is the key of the last item, None at its start."""

    number: int
    of: int
    position: Mapping[str, Any] | None = None
    items: int = 0
    is_done: bool = False


def estimate(dynamodb: Any, feed: Feed, units: float) -> Estimate:
    """How long an import takes at most, at so many read units a second."""
    table = dynamodb.describe_table(TableName=feed.source.table)["Table"]
    size = int(table.get("TableSizeBytes", 0))
    return Estimate(int(table.get("ItemCount", 0)), size, size / _UNIT_BYTES / units / 3600)


def import_history(
    connection: Connection[Any],
    dynamodb: Any,
    feed: Feed,
    decoder: Callable[[Mapping[str, int]], Decoder],
    *,
    units: float,
    token: str | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Segment]:
    """Read the source's items a page at a time, `units` read units a second, and write them; yields after each page.

    How far it is stands in the target, written with the rows: an import that was stopped goes on where it was. One
    that is done is `Refused`, until `forget`; one with a `token` also when it was forgotten meanwhile (`runs.hold`).
    """
    writer = Writer(feed)
    waiting = segments_of(connection, feed)
    if all(segment.is_done for segment in waiting):
        raise Refused(f"the history of {feed.feed} is imported", hint="Forget that it is, to import it again.")
    waiting = [segment for segment in waiting if not segment.is_done]
    while waiting:
        segment, *waiting = waiting
        began = time.monotonic()
        reading = readings.begin(connection)
        page = dynamodb.scan(**scan_request(feed, segment))
        read = _write(connection, feed, segment, page, writer, decoder, reading, token)
        yield read
        if not read.is_done:
            waiting.append(read)
        spent = float(page.get("ConsumedCapacity", {}).get("CapacityUnits", 0)) / units
        if waiting and (left := spent - (time.monotonic() - began)) > 0:
            sleep(left)


def segments_of(connection: Connection[Any], feed: Feed) -> list[Segment]:
    """How far each part of the table was read; parts that nobody began if there is no import."""
    query = "SELECT segment, segments, position, items, is_done FROM sluice_feeds.import WHERE feed = %s ORDER BY 1"
    rows = connection.execute(query, (feed.feed,)).fetchall()
    count = rows[0][1] if rows else SEGMENTS
    begun = {
        number: Segment(number, of, json.loads(position) if position else None, items, is_done)
        for number, of, position, items, is_done in rows
    }
    return [begun.get(number, Segment(number, count)) for number in range(count)]


def forget(connection: Connection[Any], feed: Feed) -> None:
    """Forget how far an import is: the next one reads everything again."""
    connection.execute("DELETE FROM sluice_feeds.import WHERE feed = %s", (feed.feed,))


def scan_request(feed: Feed, segment: Segment) -> dict[str, Any]:
    """What reads the next page of a segment: all that was written before the call began."""
    request: dict[str, Any] = {
        "TableName": feed.source.table,
        "Segment": segment.number,
        "TotalSegments": segment.of,
        "ReturnConsumedCapacity": "TOTAL",
        "ConsistentRead": True,
    }
    return {**request, "ExclusiveStartKey": segment.position} if segment.position else request


def _write(
    connection: Connection[Any],
    feed: Feed,
    segment: Segment,
    page: Mapping[str, Any],
    writer: Writer,
    decoder: Callable[[Mapping[str, int]], Decoder],
    reading: int,
    token: str | None,
) -> Segment:
    read = read_to(segment, page)
    with connection.transaction():
        decode = decoder(versions_of(connection, feed)).of_item
        writer.write(connection, map(decode, page["Items"]), reading)
        keep(connection, feed, read, token)
    return read


def read_to(segment: Segment, page: Mapping[str, Any]) -> Segment:
    """A segment after a page of it was read."""
    position = page.get("LastEvaluatedKey")
    return replace(segment, position=position, items=segment.items + len(page["Items"]), is_done=position is None)


def keep(connection: Connection[Any], feed: Feed, read: Segment, token: str | None = None) -> None:
    """Keep how far a segment is, of the import with this token."""
    with connection.transaction():
        if token is not None:
            runs.hold(connection, feed, token)
        _keep(connection, feed, read)


def _keep(connection: Connection[Any], feed: Feed, read: Segment) -> None:
    connection.execute(
        "INSERT INTO sluice_feeds.import (feed, segment, segments, position, items, is_done)"
        " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (feed, segment) DO UPDATE"
        " SET position = excluded.position, items = excluded.items, is_done = excluded.is_done, at = now()",
        (
            feed.feed,
            read.number,
            read.of,
            json.dumps(read.position) if read.position else None,
            read.items,
            read.is_done,
        ),
    )
