"""Loads a batch of a table's stream into the feed's target, in one transaction."""

from __future__ import annotations

import logging
from typing import Any

from pipeline.feeds.loads import note
from pipeline.feeds.services import Feeds, handler
from pipeline.feeds.writer import Written, versions_of

log = logging.getLogger(__name__)


@handler
def load_changes(event: dict[str, Any], feeds: Feeds) -> dict[str, Any]:
    """A batch is written whole or comes back whole: its records are in order, and a repetition changes nothing.

    A record that is no row is put aside in the target, without its values, and the others are written.
    """
    written = load(event, feeds)
    log.info("loaded", extra={"rows": written.changed, "older": written.older, "refused": written.refused})
    return {"batchItemFailures": []}


def load(event: dict[str, Any], feeds: Feeds) -> Written:
    """Write an event's records. The keys' versions are held until they are written."""
    with feeds.connections.connection() as connection, connection.transaction():
        decoder = feeds.decoder(versions_of(connection, feeds.feed))
        written = feeds.writer.write(connection, decoder.decode(event["Records"]))
        note(connection, feeds.feed, event["Records"], written)
        return written
