"""Imports what a feed's source held before its stream was read: a while an invocation, as often as it is asked."""

from __future__ import annotations

from typing import Any

from pipeline.feeds.imports.requests import answer
from pipeline.feeds.imports.ways import InPlace, Job
from pipeline.feeds.services import Feeds, handler

UNITS = 100.0
"""Read units a second, unless the event says otherwise: 800 kB a second, which leaves a table to its users."""


@handler
def import_feed_history(event: dict[str, Any], feeds: Feeds) -> dict[str, Any]:
    """A request of `pipeline/feeds/imports/requests.py` with `units`, the read units a second; and its answer."""
    return import_history(event, feeds)


def import_history(event: dict[str, Any], feeds: Feeds) -> dict[str, Any]:
    """Answer with a connection of the writer's."""
    with feeds.connections.connection() as connection:
        return answer(event, InPlace(Job(feeds.feed, connection, feeds.decoder, float(event.get("units", UNITS)))))
