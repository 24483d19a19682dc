"""The sources of forecasts that a lake has, and announcing again what lies in their buckets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pipeline.core.clients import client
from pipeline.core.clock import iso
from pipeline.core.errors import NotThere, Refused
from pipeline.core.queues import send_all
from pipeline.forecasts.definition import ForecastSource
from pipeline.forecasts.index import Item
from pipeline.lake.services import Lake
from pipeline.operate.flows import flows_of
from pipeline.operate.forecasts.coverage import FILES
from pipeline.operate.forecasts.index import index_of
from pipeline.operate.progress import depth

SENT_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Source:
    """A source as it is deployed: `waiting` announcements, and those that were put `aside` with a reason."""

    name: str
    form: str
    bucket: str
    topic: str | None
    licence: str
    waiting: int
    aside: int


def sources(lake: Lake) -> list[Source]:
    """Every source that is deployed, by name."""
    index_of(lake)
    buckets, flows = lake.settings.published("forecast-buckets"), flows_of(lake)
    return [
        Source(
            name,
            found.form,
            buckets[name],
            found.topic,
            found.licence,
            depth(flows.queues[f"forecast-{name}"]),
            depth(flows.dead_letters[f"forecast-{name}"].url),
        )
        for name, text in lake.settings.published("forecast-sources").items()
        for found in [ForecastSource.from_json(text)]
    ]


def fetched(lake: Lake, name: str) -> list[Item]:
    """How the files of a source were fetched, of those that were announced last, the last first."""
    return index_of(lake).files(name, FILES)


def replay(lake: Lake, name: str, prefix: str = "", since: datetime | None = None) -> int:
    """Announce again the files that lie in a source's bucket; how many. What is indexed already stays as it is.

    `NotThere` for a source that is not deployed, `Refused` for one whose announcements only its provider can sign.
    """
    found = next((each for each in sources(lake) if each.name == name), None)
    if found is None:
        raise NotThere(f"no source of forecasts {name} is deployed here", hint="`sluice forecasts sources` lists them.")
    if found.form != "s3-event" or (found.topic is not None and not _is_own(lake, found)):
        raise Refused(
            f"the announcements of {name} are signed by its provider: nobody else can announce its files",
            hint=f"What was put aside goes back by `sluice redrive --queue forecast-{name}`.",
        )
    queue, bodies, sent = flows_of(lake).queues[f"forecast-{name}"], [], 0
    for body in _events(found.bucket, prefix, since):
        bodies.append(body)
        if len(bodies) == SENT_AT_ONCE:
            send_all(client("sqs"), queue, bodies)
            sent, bodies = sent + len(bodies), []
    send_all(client("sqs"), queue, bodies)
    return sent + len(bodies)


def _is_own(lake: Lake, source: Source) -> bool:
    """Whether the source's bucket was made by its stack, as in an embedded lake."""
    return source.bucket != ForecastSource.from_json(lake.settings.published("forecast-sources")[source.name]).bucket


def _events(bucket: str, prefix: str, since: datetime | None) -> Iterator[str]:
    """S3's own events of all versions in a bucket, those of one key from the oldest to the newest."""
    pages = client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        for each in sorted(page.get("Versions", []), key=lambda version: version["LastModified"]):
            if since is not None and each["LastModified"] < since:
                continue
            described = {"key": each["Key"], "size": each["Size"], "etag": each["ETag"].strip('"')}
            detail = {"bucket": {"name": bucket}, "object": {**described, "version-id": each["VersionId"]}}
            event = {"source": "aws.s3", "detail-type": "Object Created", "time": iso(each["LastModified"])}
            yield json.dumps({**event, "detail": detail})
