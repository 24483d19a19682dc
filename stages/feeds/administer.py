"""Answers what people ask of a database's feeds, as whoever owns the target."""

from __future__ import annotations

from typing import Any

from pipeline.feeds.administration import answer
from pipeline.feeds.services import Feeds, handler


@handler
def administer_feeds(event: dict[str, Any], feeds: Feeds) -> dict[str, Any]:
    """A request of `pipeline/feeds/administration.py`, and its answer. The event may have an identifier, and is never
    logged."""
    return administer(event, feeds)


def administer(event: dict[str, Any], feeds: Feeds) -> dict[str, Any]:
    """Answer with a connection of the owner's."""
    with feeds.connections.connection() as connection:
        # A key that somebody has just added counts.
        return answer(event, connection, lambda: feeds.keyring(-1))
