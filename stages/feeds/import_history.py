"""Imports what a feed's source held before its stream was read: a while an invocation, as often as it is asked."""

from __future__ import annotations

from typing import Any

from pipeline.core.errors import BadInput
from pipeline.feeds.imports.jobs import Job
from pipeline.feeds.imports.requests import answer
from pipeline.feeds.imports.ways import WAYS
from pipeline.feeds.services import Feeds, handler
from pipeline.feeds.settings import Setting

UNITS = 100.0
"""Read units a second, unless the event says otherwise: 800 kB a second, which leaves a table to its users."""


@handler
def import_feed_history(event: dict[str, Any], feeds: Feeds) -> dict[str, Any]:
    """A request of `pipeline/feeds/imports/requests.py`, and its answer.

    It may say `way` (of `WAYS`), `units`, the read units a second, and for an export `bucket` and `prefix`.
    """
    return import_history(event, feeds)


def import_history(event: dict[str, Any], feeds: Feeds) -> dict[str, Any]:
    """Answer with a connection of the writer's."""
    way = WAYS.get(event.get("way", "in-place"))
    if way is None:
        raise BadInput(f"{event['way']!r} is no way of an import", hint=f"There are {', '.join(WAYS)}.")
    with feeds.connections.connection() as connection:
        job = Job(
            feeds.feed,
            connection,
            feeds.decoder,
            float(event.get("units", UNITS)),
            function=feeds.settings.get(Setting.FEED_FUNCTION),
            bucket=event.get("bucket"),
            prefix=event.get("prefix", ""),
        )
        return answer(event, way(job))
