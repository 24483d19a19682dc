"""Imports what a feed's source held before its stream was read: a while an invocation, as often as it is asked."""

from __future__ import annotations

from typing import Any

from pipeline.core.errors import BadInput
from pipeline.feeds.imports import runs
from pipeline.feeds.imports.jobs import Job
from pipeline.feeds.imports.requests import answer
from pipeline.feeds.imports.ways import WAYS
from pipeline.feeds.services import Feeds, handler
from pipeline.feeds.settings import Setting

DEFAULT = "in-place"
UNITS = 100.0
"""Read units a second, unless the event says otherwise: 400 kB a second, which leaves a table to its users."""


@handler
def import_feed_history(event: dict[str, Any], feeds: Feeds) -> dict[str, Any]:
    """A request of `pipeline/feeds/imports/requests.py`, and its answer.

    It may say `way` (of `WAYS`; the one that was begun unless said, else a scan in place), `units`, the read units a
    second, and `remove_surplus`, which is true where all rows without an item are to go.
    """
    return import_history(event, feeds)


def import_history(event: dict[str, Any], feeds: Feeds) -> dict[str, Any]:
    """Answer with a connection of the writer's."""
    asked = event.get("way")
    if asked is not None and asked not in WAYS:
        raise BadInput(f"{asked!r} is no way of an import", hint=f"There are {', '.join(WAYS)}.")
    with feeds.connections.connection() as connection:
        begun = runs.way_of(connection, feeds.feed)
        # What a way has made it alone takes away.
        way = (begun or asked) if event.get("ask") == "forget" else (asked or begun)
        remove_surplus = event.get("remove_surplus") is True
        if remove_surplus and (way or DEFAULT) != DEFAULT:
            raise BadInput(f"an import by {way} removes no rows", hint=f"Import {DEFAULT}, anew.")
        job = Job(
            feeds.feed,
            connection,
            feeds.decoder,
            float(event.get("units", UNITS)),
            function=feeds.settings.get(Setting.FEED_FUNCTION),
            bucket=feeds.settings.get(Setting.FEED_EXPORTS),
            prefix=feeds.feed.feed,
            key=feeds.settings.get(Setting.FEED_COPY_KEY),
            remove_surplus=remove_surplus,
        )
        return answer(event, WAYS[way or DEFAULT](job))
